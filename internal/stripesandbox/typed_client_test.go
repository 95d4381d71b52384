package stripesandbox_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// typedCall is a call of stripe-go's typed client, which decodes the answer into its own
// types: that the rest of the world can use an endpoint.
type typedCall struct {
	name string // of the call in stripe-go; none: it has no such call
	run  func(b billing)
}

const none = "none"

// pendingRows are routes that have no typedCall yet. Leave it empty.
var pendingRows = []string{}

// Every route is driven by stripe-go's typed client.
func TestTypedClient(t *testing.T) {
	t.Parallel()
	rows, n := make(map[string]typedCall), 0
	for _, calls := range []map[string]typedCall{paymentCalls, setupCalls, accountCalls, billingCalls, usageCalls} {
		maps.Copy(rows, calls)
		n += len(calls)
	}
	require.Len(t, rows, n, "a route has two rows")
	for _, r := range stripesandbox.Routes() {
		route := r[0] + " " + r[1]
		row, ok := rows[route]
		if !ok {
			require.Contains(t, pendingRows, route,
				"no row drives %s: add one to typed_*_test.go that calls it with stripe-go's typed client and checks what comes back", route)
			continue
		}
		require.NotContains(t, pendingRows, route, "it has a row")
		delete(rows, route)
		t.Run(row.name+" "+route, func(t *testing.T) {
			t.Parallel()
			b := newBilling(t, stripesandbox.Config{})
			row.run(b)
			require.Regexp(t, `(?m)^`+r[0]+" "+strings.ReplaceAll(r[1], "{}", `[^/\n]+`)+`$`, b.called(), "%s has not called %s", row.name, route)
		})
	}
	require.Empty(t, rows, "rows of routes that are gone")
}

// called is a line for each request that was answered with 200: method and path.
func (b *bundle) called() string {
	var log []stripesandbox.Request
	require.NoError(b.t, json.Unmarshal(b.raw(http.MethodGet, "/_sandbox/requests", "").body, &log))
	var lines strings.Builder
	for _, r := range log {
		if r.Status == http.StatusOK {
			lines.WriteString(r.Method + " " + r.Path + "\n")
		}
	}
	return lines.String()
}

// must is the answer of a call that succeeds.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// all reads a list to its end, page by page.
func all[T any](list stripe.Seq2[T, error]) []T {
	var items []T
	for item, err := range list {
		items = append(items, must(item, err))
	}
	return items
}

// pageSize is smaller than what the lists of these tests hold: stripe-go has to ask for
// more pages.
func pageSize() stripe.ListParams { return stripe.ListParams{Limit: stripe.Int64(2)} }

// three does something three times: more than a page.
func three(do func()) {
	for range 3 {
		do()
	}
}

// paid is a PaymentIntent that succeeded off session, and its customer.
func (b billing) paid() *stripe.PaymentIntent {
	cus := b.customer()
	return must(b.charge(cus, b.saved(cus, "pm_card_visa")))
}

// intended is a PaymentIntent that waits for its confirmation.
func (b billing) intended() *stripe.PaymentIntent {
	cus := b.customer()
	pm := b.saved(cus, "pm_card_visa")
	return must(b.V1PaymentIntents.Create(b.t.Context(), &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(1099), Currency: stripe.String("usd"), Customer: &cus, PaymentMethod: &pm,
	}))
}
