package amountsource

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

const secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

var (
	_ activities.AmountSource = (*Webhook)(nil)

	march = activities.RequestAmountInput{
		Agreement: "gym-17", Reference: "gym-17~20260331", Customer: "cus_123", Currency: "usd",
		PeriodStart: time.Date(2026, 2, 28, 9, 0, 0, 0, time.FixedZone("CET", 3600)),
		PeriodEnd:   time.Date(2026, 3, 31, 9, 0, 0, 0, time.FixedZone("CEST", 7200)),
	}
)

const goodAnswer = `{"reference": "gym-17~20260331", "amount": 1099, "currency": "usd"}`

// app is a server that answers with handler, and a source that asks it.
func app(t *testing.T, handler http.HandlerFunc) *Webhook {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	w, err := NewWebhook(server.URL+"/token-17", secret, server.Client())
	require.NoError(t, err)
	return w
}

// says answers every request with status and body.
func says(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func requireUnusable(t *testing.T, err error, reason string) {
	t.Helper()
	var unusable *activities.UnusableAmountError
	require.ErrorAs(t, err, &unusable)
	require.Equal(t, reason, unusable.Reason)
	requireNothingPrivate(t, err)
}

func requireFault(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	var unusable *activities.UnusableAmountError
	require.NotErrorAs(t, err, &unusable)
	requireNothingPrivate(t, err)
}

// requireNothingPrivate: errors stand in Temporal's history.
func requireNothingPrivate(t *testing.T, err error) {
	t.Helper()
	for _, private := range []string{"whsec_", "MDEyMzQ1", "0123456789abcdef", "token-17", "hunter2", "jane"} {
		require.NotContains(t, strings.ToLower(err.Error()), strings.ToLower(private))
	}
	require.Less(t, len(err.Error()), 250)
}

func TestRequestArrivesSigned(t *testing.T) {
	t.Parallel()
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	var seen atomic.Int32
	w := app(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil || verifier.Verify(body, r.Header) != nil || verifier.Verify(append(body, ' '), r.Header) == nil {
			t.Errorf("signature does not fit the body: %s %v", body, r.Header)
		}
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("webhook-id") != "amount_requested:gym-17~20260331" {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		var got, want any
		_ = json.Unmarshal(body, &got)
		_ = json.Unmarshal([]byte(`{"type": "amount_requested", "agreement": "gym-17", "reference": "gym-17~20260331", "customer": "cus_123",
			"currency": "usd", "period_start": "2026-02-28T08:00:00Z", "period_end": "2026-03-31T07:00:00Z"}`), &want)
		if !jsonEqual(got, want) {
			t.Errorf("body: %s", body)
		}
		says(http.StatusOK, "application/json; charset=utf-8", goodAnswer)(w, r)
	})
	res, err := w.RequestAmount(t.Context(), march)
	require.NoError(t, err)
	require.Equal(t, activities.RequestAmountResult{Amount: 1099}, res)
	require.EqualValues(t, 1, seen.Load())
}

func jsonEqual(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// The app recognises a repetition by the id, and its receiver refuses signatures that are minutes old.
func TestRepetitionHasTheSameIDAndBodyAndItsOwnTimestamp(t *testing.T) {
	t.Parallel()
	type request struct {
		header http.Header
		body   string
	}
	requests := make(chan request, 2)
	w := app(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- request{r.Header.Clone(), string(body)}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	at := time.Date(2026, 3, 31, 7, 0, 0, 0, time.UTC)
	var got []request
	for _, now := range []time.Time{at, at.Add(20 * time.Hour)} {
		w.now = func() time.Time { return now }
		_, err := w.RequestAmount(t.Context(), march)
		requireFault(t, err)
		r := <-requests
		require.Equal(t, strconv.FormatInt(now.Unix(), 10), r.header.Get("webhook-timestamp"))
		got = append(got, r)
	}
	require.Equal(t, got[0].body, got[1].body)
	require.Equal(t, got[0].header.Get("webhook-id"), got[1].header.Get("webhook-id"))
	require.NotEqual(t, got[0].header.Get("webhook-signature"), got[1].header.Get("webhook-signature"))

	april := march
	april.Reference = "gym-17~20260430"
	_, err := w.RequestAmount(t.Context(), april)
	requireFault(t, err)
	require.Equal(t, "amount_requested:gym-17~20260430", (<-requests).header.Get("webhook-id"))
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	for _, status := range []int{404, 410, 422} {
		_, err := app(t, says(status, "application/json", goodAnswer)).RequestAmount(t.Context(), march)
		requireUnusable(t, err, "answered "+strconv.Itoa(status)+", it does not know the reference")
	}
	// A wrong secret or a half-finished deploy is mended within the day, and then the agreement goes on by itself.
	for _, status := range []int{201, 202, 204, 301, 302, 303, 307, 308, 400, 401, 403, 405, 408, 409, 413, 425, 429, 500, 502, 503, 504} {
		body := goodAnswer
		if status == http.StatusNoContent {
			body = ""
		}
		_, err := app(t, says(status, "application/json", body)).RequestAmount(t.Context(), march)
		requireFault(t, err)
		require.ErrorContains(t, err, "answered "+strconv.Itoa(status))
	}
}

func TestRequestIsNotRedirected(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Store(true)
		says(http.StatusOK, "application/json", goodAnswer)(w, r)
	}))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		_, err := app(t, http.RedirectHandler(elsewhere.URL, status).ServeHTTP).RequestAmount(t.Context(), march)
		requireFault(t, err)
		require.ErrorContains(t, err, "redirects are not followed")
	}
	require.False(t, reached.Load())
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"ConnectionClosed": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"BrokenOff": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "500")
			_, _ = io.WriteString(w, goodAnswer)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := app(t, handler).RequestAmount(t.Context(), march)
			requireFault(t, err)
		})
	}
	t.Run("NobodyThere", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		address := server.URL
		server.Close()
		w, err := NewWebhook(address+"/token-17", secret, nil)
		require.NoError(t, err)
		_, err = w.RequestAmount(t.Context(), march)
		requireFault(t, err)
	})
	t.Run("Canceled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		_, err := app(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		}).RequestAmount(ctx, march)
		requireFault(t, err)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestNewWebhookRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", "app", "ftp://app.example", "https://", "http://app.example/token-17", "http://192.0.2.1", "http://127.0.0.1.app.example",
		"http://localhost.app.example", "http://[2001:db8::1]", "http://0.0.0.0", "https://app.example\x7f/token-17",
	} {
		_, err := NewWebhook(address, secret, nil)
		require.EqualError(t, err, "webhook url: must be an absolute https:// address (http:// to this machine alone)", address)
	}
	for _, address := range []string{"https://app.example", "HTTPS://app.example/x?y=z", "http://127.0.0.1:3000", "http://127.8.9.10", "http://[::1]:3000/", "http://LocalHost:3000"} {
		_, err := NewWebhook(address, secret, nil)
		require.NoError(t, err, address)
	}
	for _, bad := range []string{"", "hunter2", "whsec_hunter2-hunter2", "whsec_aHVudGVyMg=="} {
		_, err := NewWebhook("https://app.example", bad, nil)
		require.ErrorContains(t, err, "webhook secret: ")
		require.NotContains(t, err.Error(), "hunter2")
	}
}
