//go:build !linux

package devstack

import "os/exec"

// dieWithParent does nothing: only Linux can end a child with its parent. In the same process group, Ctrl-C in a
// terminal reaches the child too.
func dieWithParent(*exec.Cmd) {}
