package stripesandbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// failure is what stripe-go makes of an error, and which objects are in it.
type failure struct {
	status        int
	kind          stripe.ErrorType
	code, decline string
	param         string
	embedded      string
}

func failureOf(t *testing.T, err error) failure {
	t.Helper()
	e := stripeError(t, err)
	f := failure{status: e.HTTPStatusCode, kind: e.Type, code: string(e.Code), decline: string(e.DeclineCode), param: e.Param}
	if e.PaymentIntent != nil {
		f.embedded += "payment_intent "
	}
	if e.SetupIntent != nil {
		f.embedded += "setup_intent "
	}
	if e.PaymentMethod != nil {
		f.embedded += "payment_method "
	}
	require.NotEmpty(t, e.Msg)
	require.NotEmpty(t, e.RequestID)
	return f
}

// Each kind of error as stripe-go decodes it: status, type, code, decline_code, param and
// the objects that come with it.
func TestTypedErrors(t *testing.T) {
	t.Parallel()
	const (
		card, invalid = stripe.ErrorTypeCard, stripe.ErrorTypeInvalidRequest
		payment       = "payment_intent payment_method "
		setup         = "setup_intent payment_method "
	)
	second := func(_ any, err error) error { return err }
	charge := func(token string) func(billing) error {
		return func(b billing) error {
			cus := b.customer()
			return second(b.charge(cus, b.saved(cus, token)))
		}
	}
	attach := func(token string) func(billing) error {
		return func(b billing) error {
			return second(b.V1PaymentMethods.Attach(b.t.Context(), token, &stripe.PaymentMethodAttachParams{Customer: stripe.String(b.customer())}))
		}
	}
	create := func(change func(billing, *stripe.PaymentIntentCreateParams)) func(billing) error {
		return func(b billing) error {
			params := &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(500), Currency: stripe.String("usd")}
			change(b, params)
			return second(b.V1PaymentIntents.Create(b.t.Context(), params))
		}
	}
	fault := func(kind stripesandbox.FaultKind) func(billing) error {
		return func(b billing) error {
			b.fault(kind)
			return second(b.V1PaymentIntents.Retrieve(b.t.Context(), "pi_1", nil))
		}
	}
	for name, tc := range map[string]struct {
		call func(billing) error
		want failure
	}{
		"declined":           {charge("pm_card_chargeCustomerFail"), failure{402, card, "card_declined", "generic_decline", "", payment}},
		"insufficient funds": {charge("pm_sandbox_decline_insufficient_funds"), failure{402, card, "card_declined", "insufficient_funds", "", payment}},
		"lost":               {charge("pm_sandbox_decline_lost_card"), failure{402, card, "card_declined", "lost_card", "", payment}},
		"blocked":            {charge("pm_card_radarBlock"), failure{402, card, "card_declined", "fraudulent", "", payment}},
		"needs the customer": {charge("pm_card_authenticationRequired"), failure{402, card, "authentication_required", "authentication_required", "", payment}},
		"no action wanted": {create(func(_ billing, p *stripe.PaymentIntentCreateParams) {
			p.PaymentMethod, p.Confirm, p.ErrorOnRequiresAction = stripe.String("pm_card_authenticationRequired"), new(true), new(true)
			p.PaymentMethodTypes = stripe.StringSlice([]string{"card"})
		}), failure{402, card, "authentication_required", "authentication_not_handled", "", payment}},
		"attach declined":           {attach("pm_card_chargeDeclined"), failure{402, card, "card_declined", "generic_decline", "", "payment_method "}},
		"attach, insufficient":      {attach("pm_card_chargeDeclinedInsufficientFunds"), failure{402, card, "card_declined", "insufficient_funds", "", "payment_method "}},
		"attach, expired":           {attach("pm_card_chargeDeclinedExpiredCard"), failure{402, card, "expired_card", "", "exp_month", "payment_method "}},
		"attach, wrong code":        {attach("pm_card_chargeDeclinedIncorrectCvc"), failure{402, card, "incorrect_cvc", "", "cvc", "payment_method "}},
		"attach, processing failed": {attach("pm_card_chargeDeclinedProcessingError"), failure{402, card, "processing_error", "", "", "payment_method "}},
		"setup declined": {func(b billing) error {
			return second(b.V1SetupIntents.Confirm(b.t.Context(), b.setup(b.customer(), "pm_card_chargeDeclined").ID, nil))
		}, failure{402, card, "card_declined", "generic_decline", "", setup}},
		"wrong number": {func(b billing) error {
			return second(b.V1PaymentMethods.Create(b.t.Context(), &stripe.PaymentMethodCreateParams{Type: stripe.String("card"), Card: &stripe.PaymentMethodCreateCardParams{
				Number: stripe.String("4242424242424241"), ExpMonth: stripe.Int64(12), ExpYear: stripe.Int64(2030),
			}}))
		}, failure{402, card, "incorrect_number", "", "number", ""}},

		"paid already": {func(b billing) error {
			return second(b.V1PaymentIntents.Confirm(b.t.Context(), b.paid().ID, nil))
		}, failure{400, invalid, "payment_intent_unexpected_state", "", "", "payment_intent "}},
		"set up already": {func(b billing) error {
			id := must(b.V1SetupIntents.Confirm(b.t.Context(), b.setup(b.customer(), "pm_card_visa").ID, nil)).ID
			return second(b.V1SetupIntents.Cancel(b.t.Context(), id, nil))
		}, failure{400, invalid, "setup_intent_unexpected_state", "", "", "setup_intent "}},
		"refunded already": {func(b billing) error {
			ch := b.paid().LatestCharge.ID
			_ = must(b.V1Refunds.Create(b.t.Context(), &stripe.RefundCreateParams{Charge: &ch}))
			return second(b.V1Refunds.Create(b.t.Context(), &stripe.RefundCreateParams{Charge: &ch}))
		}, failure{400, invalid, "charge_already_refunded", "", "", ""}},
		"no amount":         {create(func(_ billing, p *stripe.PaymentIntentCreateParams) { p.Amount = nil }), failure{400, invalid, "parameter_missing", "", "amount", ""}},
		"nothing to pay":    {create(func(_ billing, p *stripe.PaymentIntentCreateParams) { p.Amount = stripe.Int64(0) }), failure{400, invalid, "parameter_invalid_integer", "", "amount", ""}},
		"unknown parameter": {create(func(_ billing, p *stripe.PaymentIntentCreateParams) { p.AddExtra("colour", "red") }), failure{400, invalid, "parameter_unknown", "", "colour", ""}},
		"unknown expand":    {create(func(_ billing, p *stripe.PaymentIntentCreateParams) { p.AddExpand("colour") }), failure{400, invalid, "", "", "expand", ""}},
		"another's method": {create(func(b billing, p *stripe.PaymentIntentCreateParams) {
			p.Customer, p.PaymentMethod = stripe.String(b.customer()), stripe.String(b.saved(b.customer(), "pm_card_visa"))
		}), failure{400, invalid, "", "", "payment_method", ""}},
		"method without its customer": {create(func(b billing, p *stripe.PaymentIntentCreateParams) {
			p.PaymentMethod = stripe.String(b.saved(b.customer(), "pm_card_visa"))
		}), failure{400, invalid, "parameter_missing", "", "customer", ""}},
		"key of another request": {func(b billing) error {
			try := create(func(_ billing, p *stripe.PaymentIntentCreateParams) {
				p.SetIdempotencyKey("k")
				p.Description = stripe.String(must(b.V1Customers.Retrieve(b.t.Context(), b.customer(), nil)).ID)
			})
			require.NoError(b.t, try(b))
			return try(b)
		}, failure{400, stripe.ErrorTypeIdempotency, "", "", "", ""}},
		"unknown id": {func(b billing) error {
			return second(b.V1PaymentIntents.Retrieve(b.t.Context(), "pi_1", nil))
		}, failure{404, invalid, "resource_missing", "", "intent", ""}},

		"rate limit":      {fault(stripesandbox.FaultRateLimit), failure{429, invalid, "rate_limit", "", "", ""}},
		"lock timeout":    {fault(stripesandbox.FaultLockTimeout), failure{429, invalid, "lock_timeout", "", "", ""}},
		"key in use":      {fault(stripesandbox.FaultKeyInUse), failure{409, invalid, "idempotency_key_in_use", "", "", ""}},
		"key revoked":     {fault(stripesandbox.FaultAuth401), failure{401, invalid, "", "", "", ""}},
		"server error":    {fault(stripesandbox.Fault500Before), failure{500, stripe.ErrorTypeAPI, "", "", "", ""}},
		"not available":   {fault(stripesandbox.Fault503), failure{503, stripe.ErrorTypeAPI, "", "", "", ""}},
		"another's fault": {fault(stripesandbox.Fault424), failure{424, stripe.ErrorTypeAPI, "", "", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBilling(t, stripesandbox.Config{})
			require.Equal(t, tc.want, failureOf(t, tc.call(b)))
		})
	}
}
