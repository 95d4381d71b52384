package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// treeCPU is the CPU time of processes and of all that they have started, whether it still runs or not.
func treeCPU(b *testing.B, roots ...int) time.Duration {
	b.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(b, err)
	parent, ticks := map[int]int{}, map[int]int64{}
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		// The command stands in brackets, and may hold anything.
		_, rest, _ := strings.Cut(string(data[bytes.LastIndexByte(data, ')'):]), " ")
		var pid, ppid int
		var user, system, childrenUser, childrenSystem int64
		_, err = fmt.Sscanf(path, "/proc/%d/stat", &pid)
		require.NoError(b, err)
		fields := strings.Fields(rest)
		_, err = fmt.Sscan(strings.Join(append([]string{fields[1]}, fields[11:15]...), " "), &ppid, &user, &system, &childrenUser, &childrenSystem)
		require.NoError(b, err)
		parent[pid], ticks[pid] = ppid, user+system+childrenUser+childrenSystem
	}
	wanted := map[int]bool{}
	for _, root := range roots {
		wanted[root] = true
	}
	var sum int64
	for pid, t := range ticks {
		for p := pid; p > 1; p = parent[p] {
			if wanted[p] {
				sum += t
				break
			}
		}
	}
	const perSecond = 100 // USER_HZ
	return time.Duration(sum) * time.Second / perSecond
}
