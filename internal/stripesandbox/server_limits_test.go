package stripesandbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
)

// impatient is a server that waits for nobody.
func impatient(t *testing.T) *Server {
	t.Helper()
	s, err := start(t.Context(), "127.0.0.1:0", Config{Middleware: sandboxtest.Check(t)},
		timeouts{header: 100 * time.Millisecond, read: 200 * time.Millisecond, write: time.Minute, idle: 100 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// Clients that stop in the middle of a request lose the connection.
func TestSlowClientsAreTimedOut(t *testing.T) {
	t.Parallel()
	s := impatient(t)
	const head = "POST /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + DefaultAPIKey + "\r\n"
	for name, sent := range map[string]string{
		"nothing at all":         "",
		"half a line":            "POST /v1/cust",
		"headers without an end": head,
		"no body":                head + "Content-Length: 100\r\n\r\n",
		"half a body":            head + "Content-Length: 100\r\n\r\nname=",
		"half a chunk":           head + "Transfer-Encoding: chunked\r\n\r\n10\r\nname",
		"chunks without an end":  head + "Transfer-Encoding: chunked\r\n\r\n4\r\nname\r\n",
		"an idle connection":     "GET /_sandbox/health HTTP/1.1\r\nHost: x\r\n\r\n",
		"control, half a body":   "POST /_sandbox/faults HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, sent)
			require.NoError(t, err)
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
			answer, err := io.ReadAll(conn)
			var timeout net.Error
			require.False(t, errors.As(err, &timeout) && timeout.Timeout(), "the connection was left open")
			require.NotContains(t, string(answer), `"customer"`)
		})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Empty(t, s.store.indexes[indexKey{kind: "customer"}], "half a request has no effect")
}

// endless is a body of a gigabyte that counts what is taken of it.
type endless struct{ left, read int64 }

func (e *endless) Read(p []byte) (int, error) {
	n := min(int64(len(p)), e.left)
	if n == 0 {
		return 0, io.EOF
	}
	copy(p, bytes.Repeat([]byte("x"), int(n)))
	e.left -= n
	e.read += n
	return int(n), nil
}

// Not parallel: it measures what the process allocates.
func TestHugeBodiesAreCutOff(t *testing.T) { //nolint:paralleltest // see above
	// Without sandboxtest.Check, which reads a whole body before the sandbox can refuse it.
	s, err := start(t.Context(), "127.0.0.1:0", Config{}, serverTimeouts)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	for _, path := range []string{"/v1/customers", "/_sandbox/faults", "/_sandbox/checkout/cs_test_1/pay"} {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s chunked %t", path, chunked), func(t *testing.T) {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
				require.NoError(t, err)
				defer conn.Close()
				body := &endless{left: 1 << 30}
				req, err := http.NewRequest(http.MethodPost, s.URL+path, body)
				require.NoError(t, err)
				if !chunked {
					req.ContentLength = 1 << 30
				}
				req.Header.Set("Authorization", "Bearer "+DefaultAPIKey)
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				written := make(chan error, 1)
				go func() { written <- req.Write(conn) }()
				require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
				if res, err := http.ReadResponse(bufio.NewReader(conn), req); err == nil {
					// The answer may be lost when the server closes on a client that still sends.
					require.GreaterOrEqual(t, res.StatusCode, 400)
					require.True(t, res.Close, "the connection ends")
				}
				require.Error(t, <-written, "nobody takes a gigabyte")
				runtime.ReadMemStats(&after)
				require.Less(t, body.read, int64(64<<20), "what the system's buffers take")
				require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(128<<20))
			})
		}
	}
}

func TestLongURLsAreRefused(t *testing.T) {
	t.Parallel()
	s := impatient(t)
	get := func(path string) (int, error) {
		req, err := http.NewRequest(http.MethodGet, s.URL+path, http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+DefaultAPIKey)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		defer res.Body.Close()
		return res.StatusCode, nil
	}
	status, err := get("/v1/customers/" + strings.Repeat("c", 30_000))
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, status)
	status, err = get("/v1/customers?" + strings.Repeat("a", 200_000))
	if err == nil { // or the connection is closed on a client that still sends
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, status)
	}
	status, err = get("/v1/customers")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
}
