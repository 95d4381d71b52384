package stripesandbox

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
)

// What a panic leaves behind may be half of something: it must not be built upon.
func TestNothingIsAnsweredAfterAPanic(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Middleware: sandboxtest.Check(t)})
	require.NoError(t, err)
	defer s.Close()
	require.Panics(t, func() { _ = s.locked(func(*call) { panic("in the middle") }) })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/customers", nil)
	r.Header.Set("Authorization", "Bearer "+DefaultAPIKey)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Contains(t, w.Body.String(), errHalfDone.Error())
}
