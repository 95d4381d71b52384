package appwebhook

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

func endpoint(t *testing.T, handler http.HandlerFunc) *Endpoint {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	e, err := New(server.URL+"/token-17", secret, nil)
	require.NoError(t, err)
	require.Equal(t, 10*time.Second, e.timeout)
	return e
}

// However far the answer has come when the time is over.
func TestSlowHeadersAndSlowBodiesEndWithTheTimeout(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(http.ResponseWriter){
		"Headers": func(http.ResponseWriter) {},
		"Body": func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				begin(w)
				<-r.Context().Done()
			})
			e.timeout = 200 * time.Millisecond
			_, err := e.Post(t.Context(), "id", time.Now(), []byte("{}"), 100)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotContains(t, err.Error(), "token-17")
		})
	}
}

func TestStatusOfAnAnswerThatBrokeOffIsKnown(t *testing.T) {
	t.Parallel()
	e := endpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "500")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "{")
	})
	answer, err := e.Post(t.Context(), "id", time.Now(), []byte("{}"), 100)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, Answer{Status: http.StatusAccepted}, answer)
}

func TestAnswerIsCutOneByteAfterTheLimit(t *testing.T) {
	t.Parallel()
	e := endpoint(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "0123456789") })
	for limit, want := range map[int]string{0: "0", 5: "012345", 9: "0123456789", 10: "0123456789", 100: "0123456789"} {
		answer, err := e.Post(t.Context(), "id", time.Now(), []byte("{}"), limit)
		require.NoError(t, err)
		require.Equal(t, want, string(answer.Body))
	}
}

func TestCheckSecret(t *testing.T) {
	t.Parallel()
	require.NoError(t, CheckSecret(secret))
	require.EqualError(t, CheckSecret("hunter2"), "must start with whsec_")
	require.EqualError(t, CheckSecret("whsec_hunter2-"), "must be base64 after whsec_")
	require.EqualError(t, CheckSecret("whsec_aHVudGVyMg=="), "7 bytes, must be 24 to 64")
}
