package devstack

import (
	"os/exec"
	"syscall"
)

// dieWithParent ties the life of a child process to ours, also when we are killed. The child gets a process group
// of its own: Ctrl-C reaches us alone, and we stop things in their order.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
