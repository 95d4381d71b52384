package stripesandbox

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQueueIsInOrder(t *testing.T) {
	t.Parallel()
	q := queue[int]{before: func(a, b int) bool { return a < b }}
	random := rand.New(rand.NewPCG(1, 2))
	var want []int
	for range 1000 {
		n := random.IntN(100)
		want = append(want, n)
		q.push(n)
	}
	slices.Sort(want)
	var got []int
	for q.len() > 0 {
		require.Equal(t, q.items[0], q.first())
		got = append(got, q.pop())
	}
	require.Equal(t, want, got)
}
