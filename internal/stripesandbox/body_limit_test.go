package stripesandbox

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// numbered repeats pattern, which names its place with a %d, up to the limit of a body.
func numbered(pattern string) string {
	var b strings.Builder
	for i := 0; b.Len() < maxBody-len(pattern)-10; i++ {
		if i > 0 {
			b.WriteByte('&')
		}
		fmt.Fprintf(&b, pattern, i)
	}
	return b.String()
}

// many are as many parameters as are decoded, together as long as a body may be.
func many(pattern string) string {
	each := maxBody/maxParameters - 1
	var b strings.Builder
	for i := range maxParameters {
		parameter := fmt.Sprintf(pattern, i)
		fmt.Fprintf(&b, "&%s%s", parameter, strings.Repeat("x", each-len(parameter)))
	}
	return b.String()[1:]
}

func filled(head, pattern string) string {
	return head + strings.Repeat(pattern, (maxBody-len(head))/len(pattern))
}

// Not parallel: it measures what a request allocates.
func TestMemoryIsBoundedByTheBody(t *testing.T) { //nolint:paralleltest // see above
	s := frozen(t)
	for name, body := range map[string]string{
		"open brackets":       filled("", "a["),
		"deep":                filled("", "[a]"),
		"a list":              numbered("a[%d]="),
		"a list of objects":   numbered("a[%d][a]="),
		"free places":         filled("", "a[]&"),
		"a list to expand":    numbered("expand[%d]=customer"),
		"one long expansion":  filled("expand[]=", "customer."),
		"dots to expand":      filled("expand[]=", "."),
		"separators":          filled("", "&"),
		"empty parameters":    filled("", "a&"),
		"different names":     numbered("%d"),
		"one long value":      filled("description=", "x"),
		"one long name":       filled("", "x"),
		"a name to escape":    filled("", "%00"),
		"a value to escape":   filled("limit=", "%01"),
		"metadata":            numbered("metadata[%d]=1"),
		"long metadata":       filled("metadata[a]=", "x"),
		"the same name again": filled("", "email=a&"),
		"many values":         many("a[%d]="),
		"many free places":    many("a[]=%d"),
		"many nested":         many("a[%d][a][a][a][a][a][a][a][a]="),
		"many names":          many("%d"),
		"many to expand":      many("expand[%d]="),
		"many metadata":       many("metadata[%d]="),
		"many ignored":        many("shipping[%d]="),
	} {
		t.Run(name, func(t *testing.T) {
			require.LessOrEqual(t, len(body), maxBody)
			for _, path := range []string{"/v1/customers", "/v1/payment_intents"} {
				w, r := httptest.NewRecorder(), formRequest(http.MethodPost, path, body)
				used := allocated(func() { s.serveAPI(w, r) }) // without those who look on
				requireAnswer(t, w)
				require.LessOrEqual(t, used, allocationLimit(body))
				t.Logf("%d: %.1f MB, %.1f times the body", w.Code, float64(used)/1e6, float64(used)/float64(len(body)))
			}
		})
	}
}
