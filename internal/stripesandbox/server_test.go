package stripesandbox_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
)

func TestServerEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	srv, err := stripesandbox.Start(ctx, "127.0.0.1:0", stripesandbox.Config{Middleware: sandboxtest.Check(t)})
	require.NoError(t, err)
	resp, err := http.Get(srv.URL + "/_sandbox/health")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	cancel()
	require.Eventually(t, func() bool {
		again, err := http.Get(srv.URL + "/_sandbox/health")
		if err == nil {
			_ = again.Body.Close()
		}
		return err != nil
	}, 10*time.Second, 10*time.Millisecond)
	srv.Close()
	srv.Close()
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	_, err := stripesandbox.Start(t.Context(), b.srv.URL[len("http://"):], stripesandbox.Config{Middleware: sandboxtest.Check(t)})
	require.ErrorContains(t, err, "listen for the Stripe sandbox")
}

func TestSeedMakesIDsRepeatable(t *testing.T) {
	t.Parallel()
	first, second := newBundle(t, stripesandbox.Config{Seed: 7}), newBundle(t, stripesandbox.Config{Seed: 7})
	require.Equal(t, first.customer(), second.customer())
	require.NotEqual(t, first.customer(), newBundle(t, stripesandbox.Config{}).customer())
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{PublicURL: "https://pay.example/"})
	hosted := func() any {
		return b.post("/v1/checkout/sessions", "mode", "setup", "currency", "usd", "success_url", "https://x.example").at(t, "url")
	}
	require.Contains(t, hosted(), "https://pay.example/_sandbox/checkout/cs_test_")
	b.srv.SetPublicURL("https://other.example")
	require.Contains(t, hosted(), "https://other.example/_sandbox/checkout/cs_test_")
}
