package stripesandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// The table of https://docs.stripe.com/api/errors, as stripe-go sees it: where the sandbox
// has a cause of its own it is that, else a fault. Status 0 is a call without an answer
// that can be read, whose outcome the caller cannot know.
func TestErrorTable(t *testing.T) {
	t.Parallel()
	create := func(change func(*stripe.PaymentIntentCreateParams)) func(*testing.T, *bundle) error {
		return func(t *testing.T, b *bundle) error {
			params := &stripe.PaymentIntentCreateParams{
				Amount: stripe.Int64(1099), Currency: stripe.String("usd"), PaymentMethod: stripe.String("pm_card_visa"), Confirm: new(true),
			}
			change(params)
			_, err := b.V1PaymentIntents.Create(t.Context(), params)
			return err
		}
	}
	plain := create(func(*stripe.PaymentIntentCreateParams) {})
	with := func(kind stripesandbox.FaultKind) func(*testing.T, *bundle) error {
		return func(t *testing.T, b *bundle) error {
			b.fault(kind)
			return plain(t, b)
		}
	}
	type row struct {
		provoke       func(*testing.T, *bundle) error
		status        int
		errType, code string
		param, reason string
		paid          int // payments there are afterwards
	}
	const invalid, api = "invalid_request_error", "api_error"
	for name, want := range map[string]row{
		"no answer, nothing happened": {provoke: with(stripesandbox.FaultDropBefore)},
		"no answer, it happened":      {provoke: with(stripesandbox.FaultDropAfter), paid: 1},
		"broken body":                 {provoke: with(stripesandbox.FaultBrokenJSON), paid: 1},
		"deadline": {provoke: func(t *testing.T, b *bundle) error {
			b.control("/faults", stripesandbox.Fault{Kind: stripesandbox.FaultSlow, Times: 1, DelayMS: 60_000})
			impatient := stripe.NewClient(stripesandbox.DefaultAPIKey, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
				URL: &b.srv.URL, HTTPClient: &http.Client{Timeout: 100 * time.Millisecond}, MaxNetworkRetries: stripe.Int64(0),
				LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
			})))
			_, err := impatient.V1Customers.Create(t.Context(), &stripe.CustomerCreateParams{})
			return err
		}},
		"parameter_missing": {
			provoke: create(func(p *stripe.PaymentIntentCreateParams) { p.Currency = nil }),
			status:  400, errType: invalid, code: "parameter_missing", param: "currency",
		},
		"parameter_unknown": {
			provoke: create(func(p *stripe.PaymentIntentCreateParams) { p.AddExtra("colour", "red") }),
			status:  400, errType: invalid, code: "parameter_unknown", param: "colour",
		},
		"parameter_invalid_integer": {
			provoke: create(func(p *stripe.PaymentIntentCreateParams) { p.Amount = stripe.Int64(0) }),
			status:  400, errType: invalid, code: "parameter_invalid_integer", param: "amount",
		},
		"idempotency_error": {provoke: func(t *testing.T, b *bundle) error {
			first := create(func(p *stripe.PaymentIntentCreateParams) { p.IdempotencyKey = stripe.String("k") })
			require.NoError(t, first(t, b))
			return create(func(p *stripe.PaymentIntentCreateParams) {
				p.IdempotencyKey, p.Amount = stripe.String("k"), stripe.Int64(1)
			})(t, b)
		}, status: 400, errType: "idempotency_error", paid: 1},
		"payment_intent_unexpected_state": {provoke: func(t *testing.T, b *bundle) error {
			pi, err := b.V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{
				Amount: stripe.Int64(1099), Currency: stripe.String("usd"), PaymentMethod: stripe.String("pm_card_visa"), Confirm: new(true),
			})
			require.NoError(t, err)
			_, err = b.V1PaymentIntents.Confirm(t.Context(), pi.ID, nil)
			require.Equal(t, pi.ID, stripeError(t, err).PaymentIntent.ID, "names what it is about")
			return err
		}, status: 400, errType: invalid, code: "payment_intent_unexpected_state", paid: 1},
		"setup_intent_unexpected_state": {provoke: func(t *testing.T, b *bundle) error {
			si, err := b.V1SetupIntents.Create(t.Context(), &stripe.SetupIntentCreateParams{PaymentMethod: stripe.String("pm_card_visa"), Confirm: new(true)})
			require.NoError(t, err)
			_, err = b.V1SetupIntents.Cancel(t.Context(), si.ID, nil)
			require.Equal(t, si.ID, stripeError(t, err).SetupIntent.ID, "names what it is about")
			return err
		}, status: 400, errType: invalid, code: "setup_intent_unexpected_state"},
		"resource_already_exists": {provoke: func(t *testing.T, b *bundle) error {
			params := func() *stripe.CouponCreateParams {
				return &stripe.CouponCreateParams{ID: stripe.String("half"), PercentOff: stripe.Float64(50), Duration: stripe.String("once")}
			}
			_, err := b.V1Coupons.Create(t.Context(), params())
			require.NoError(t, err)
			_, err = b.V1Coupons.Create(t.Context(), params())
			return err
		}, status: 400, errType: invalid, code: "resource_already_exists"},
		"401, another key": {provoke: func(t *testing.T, b *bundle) error {
			other := stripe.NewClient("sk_test_another_key", stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
				URL: &b.srv.URL, MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
			})))
			_, err := other.V1PaymentIntents.Retrieve(t.Context(), "pi_none", nil)
			return err
		}, status: 401, errType: invalid},
		"401, the key was rolled": {provoke: with(stripesandbox.FaultAuth401), status: 401, errType: invalid},
		"402": {
			provoke: create(func(p *stripe.PaymentIntentCreateParams) {
				p.PaymentMethod = stripe.String("pm_card_chargeCustomerFail")
			}),
			status: 402, errType: "card_error", code: "card_declined", paid: 1,
		},
		"403": {provoke: with(stripesandbox.Fault403), status: 403, errType: invalid},
		"404": {
			provoke: create(func(p *stripe.PaymentIntentCreateParams) { p.Customer = stripe.String("cus_none") }),
			status:  404, errType: invalid, code: "resource_missing", param: "customer",
		},
		"409":               {provoke: with(stripesandbox.FaultKeyInUse), status: 409, errType: invalid, code: "idempotency_key_in_use"},
		"424":               {provoke: with(stripesandbox.Fault424), status: 424, errType: api},
		"429 rate_limit":    {provoke: with(stripesandbox.FaultRateLimit), status: 429, errType: invalid, code: "rate_limit", reason: "global-rate"},
		"429 lock_timeout":  {provoke: with(stripesandbox.FaultLockTimeout), status: 429, errType: invalid, code: "lock_timeout"},
		"500, nothing done": {provoke: with(stripesandbox.Fault500Before), status: 500, errType: api},
		"500, it happened":  {provoke: with(stripesandbox.Fault500After), status: 500, errType: api, paid: 1},
		"502":               {provoke: with(stripesandbox.Fault502), status: 502, errType: api},
		"503":               {provoke: with(stripesandbox.Fault503), status: 503, errType: api},
		"504":               {provoke: with(stripesandbox.Fault504), status: 504, errType: api},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			err := want.provoke(t, b)
			require.Error(t, err)
			require.Equal(t, want.paid, b.payments())
			if want.status == 0 {
				require.NotErrorAs(t, err, new(*stripe.Error), "nobody knows")
				return
			}
			se := stripeError(t, err)
			require.Equal(t, []any{want.status, want.errType, want.code, want.param}, []any{se.HTTPStatusCode, string(se.Type), string(se.Code), se.Param})
			require.NotEmpty(t, se.Msg)
			require.Equal(t, want.reason, se.LastResponse.Header.Get("Stripe-Rate-Limited-Reason"))
		})
	}
}
