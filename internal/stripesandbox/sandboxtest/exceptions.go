package sandboxtest

import (
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// exception is a difference between Stripe itself and its description: the sandbox does
// as Stripe.
type exception struct {
	schema, property string
	reason           string // of the difference, as it starts
	why              string
}

var exceptions = []exception{}

// undocumented are routes that Stripe has, and that its description leaves out.
var undocumented = []struct {
	method, prefix, suffix string
	schema                 string // of the answer
	why                    string
}{
	{
		"POST", "/v1/payment_pages/", "/confirm", "checkout.session",
		"what Checkout's own page calls; Stripe's CLI uses it in its fixtures of completed sessions",
	},
}

// needed has the exceptions that were met in this process.
var needed sync.Map // of exception to bool

func excepted(d difference) bool {
	for _, e := range exceptions {
		if e.schema == d.schema && e.property == d.property && strings.HasPrefix(d.reason, e.reason) {
			needed.Store(e, true)
			return true
		}
	}
	return false
}

// undocumentedAnswer returns the schema of an answer of a route that the description
// leaves out; nil when Stripe does not have it either.
func undocumentedAnswer(method, path string) *openapi3.SchemaRef {
	for _, route := range undocumented {
		if method == route.method && strings.HasPrefix(path, route.prefix) && strings.HasSuffix(path, route.suffix) {
			return &openapi3.SchemaRef{Ref: refPrefix + route.schema}
		}
	}
	return nil
}
