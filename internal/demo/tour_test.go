package demo_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/demo"
	"github.com/offsession/offsession/internal/devstack"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
)

// TestTour is `starter demo` against a real Temporal server: eight customers, each with the end that it should have.
func TestTour(t *testing.T) {
	stack, err := devstack.Start(t.Context(), devstack.Options{Sandbox: stripesandbox.Config{Middleware: sandboxtest.Check(t)}})
	require.NoError(t, err)
	t.Cleanup(stack.Stop)
	c, err := stack.Client()
	require.NoError(t, err)
	t.Cleanup(c.Close)

	var out bytes.Buffer
	tour := &demo.Tour{Stack: stack, Client: c, Out: &out}
	err = tour.Run(t.Context())
	t.Log(out.String())
	require.NoError(t, err)
}
