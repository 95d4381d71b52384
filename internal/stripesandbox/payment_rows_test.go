package stripesandbox_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// paymentEvents returns the types of all events about a PaymentIntent, its charges,
// refunds and disputes, oldest first.
func (b *bundle) paymentEvents(pi string) []string {
	b.t.Helper()
	var types []string
	params := &stripe.EventListParams{}
	params.Limit = stripe.Int64(100)
	for e, err := range b.V1Events.List(b.t.Context(), params) {
		require.NoError(b.t, err)
		if e.Data.Object["id"] == pi || e.Data.Object["payment_intent"] == pi {
			types = append(types, string(e.Type))
		}
	}
	slices.Reverse(types)
	return types
}

// payment reads a PaymentIntent with its latest charge.
func (b *bundle) payment(id string) *stripe.PaymentIntent {
	b.t.Helper()
	params := &stripe.PaymentIntentRetrieveParams{}
	params.AddExpand("latest_charge")
	pi, err := b.V1PaymentIntents.Retrieve(b.t.Context(), id, params)
	require.NoError(b.t, err)
	return pi
}

// TestPaymentIntentRows is the table of what creating and confirming a PaymentIntent in
// one call comes to.
func TestPaymentIntentRows(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name       string
		token      string
		currency   string
		offSession bool
		strict     bool // error_on_requires_action
		manual     bool
		status     int // of the answer
		code       string
		decline    string
		state      stripe.PaymentIntentStatus
		charge     stripe.ChargeStatus // of latest_charge, empty: there is none
		events     []string
	}{
		{
			name: "approved", token: "pm_card_visa", offSession: true, status: 200, state: "succeeded", charge: "succeeded",
			events: []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"},
		},
		{
			name: "issuer decline", token: "pm_card_chargeCustomerFail", offSession: true,
			status: 402, code: "card_declined", decline: "generic_decline", state: "requires_payment_method", charge: "failed",
			events: []string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed"},
		},
		{
			name: "bank wants 3DS, off_session", token: "pm_card_authenticationRequired", offSession: true,
			status: 402, code: "authentication_required", decline: "authentication_required", state: "requires_payment_method",
			events: []string{"payment_intent.created", "payment_intent.payment_failed"},
		},
		{
			name: "bank wants 3DS, off_session absent", token: "pm_card_authenticationRequired", status: 200, state: "requires_action",
			events: []string{"payment_intent.created", "payment_intent.requires_action"},
		},
		{
			name: "bank wants 3DS, error_on_requires_action", token: "pm_card_authenticationRequired", strict: true,
			status: 402, code: "authentication_required", decline: "authentication_not_handled", state: "requires_payment_method",
			events: []string{"payment_intent.created", "payment_intent.payment_failed"},
		},
		{
			name: "async debit, ACH", token: "pm_usBankAccount_success", offSession: true, status: 200, state: "processing", charge: "pending",
			events: []string{"payment_intent.created", "charge.pending", "payment_intent.processing"},
		},
		{
			name: "async debit, SEPA", token: "pm_sepaDebit_success_de", currency: "eur", offSession: true, status: 200, state: "processing", charge: "pending",
			events: []string{"payment_intent.created", "charge.pending", "payment_intent.processing"},
		},
		{
			name: "approved, to be captured by hand", token: "pm_card_visa", offSession: true, manual: true, status: 200, state: "requires_capture", charge: "succeeded",
			events: []string{"payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			cus := b.customer()
			pm := b.saved(cus, tc.token)
			params := &stripe.PaymentIntentCreateParams{
				Amount: stripe.Int64(1099), Currency: stripe.String("usd"), Customer: &cus, PaymentMethod: &pm, Confirm: new(true),
			}
			if tc.currency != "" {
				params.Currency = &tc.currency
			}
			if tc.offSession {
				params.OffSession = new(true)
			}
			if tc.strict {
				params.ErrorOnRequiresAction = new(true)
			}
			if tc.manual {
				params.CaptureMethod = stripe.String("manual")
			}
			pi, err := b.V1PaymentIntents.Create(t.Context(), params)
			if tc.status == http.StatusOK {
				require.NoError(t, err)
			} else {
				se := stripeError(t, err)
				require.Equal(t, tc.status, se.HTTPStatusCode)
				require.Equal(t, stripe.ErrorTypeCard, se.Type)
				require.EqualValues(t, tc.code, se.Code)
				require.EqualValues(t, tc.decline, se.DeclineCode)
				require.Equal(t, pm, se.PaymentMethod.ID)
				pi = se.PaymentIntent
			}
			read := b.payment(pi.ID)
			require.Equal(t, tc.state, pi.Status)
			require.Equal(t, tc.state, read.Status)
			require.Equal(t, tc.events, b.paymentEvents(pi.ID))
			if tc.charge == "" {
				require.Nil(t, read.LatestCharge)
			} else {
				require.Equal(t, tc.charge, read.LatestCharge.Status)
			}
			if tc.state == stripe.PaymentIntentStatusRequiresPaymentMethod {
				require.Nil(t, read.PaymentMethod, "nulled")
				require.EqualValues(t, tc.code, read.LastPaymentError.Code)
				require.Equal(t, pm, read.LastPaymentError.PaymentMethod.ID, "where the method to try again is found")
			} else {
				require.Equal(t, pm, read.PaymentMethod.ID)
				require.Nil(t, read.LastPaymentError)
			}
			require.Equal(t, tc.state == stripe.PaymentIntentStatusRequiresAction, read.NextAction != nil)
			received := int64(0)
			if tc.state == stripe.PaymentIntentStatusSucceeded {
				received = 1099
			}
			require.Equal(t, received, read.AmountReceived)
		})
	}
}

// TestPaymentIntentStates is what may be done in which status.
func TestPaymentIntentStates(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		state   stripe.PaymentIntentStatus
		token   string // empty: no method
		confirm bool
		manual  bool
		// what works from there
		confirms, cancels, captures, changes bool
	}{
		{state: "requires_payment_method", confirms: true, cancels: true, changes: true},
		{state: "requires_confirmation", token: "pm_card_visa", confirms: true, cancels: true, changes: true},
		{state: "requires_action", token: "pm_card_authenticationRequired", confirm: true, confirms: true, cancels: true, changes: true},
		{state: "processing", token: "pm_usBankAccount_success", confirm: true},
		{state: "requires_capture", token: "pm_card_visa", confirm: true, manual: true, cancels: true, captures: true},
		{state: "succeeded", token: "pm_card_visa", confirm: true},
		{state: "canceled", token: "pm_card_visa"},
	} {
		t.Run(string(tc.state), func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			cus := b.customer()
			card := b.saved(cus, "pm_card_visa")
			create := func() string {
				params := &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(1099), Currency: stripe.String("usd"), Customer: &cus, Confirm: &tc.confirm}
				if tc.token != "" {
					params.PaymentMethod = new(b.saved(cus, tc.token))
				}
				if tc.manual {
					params.CaptureMethod = stripe.String("manual")
				}
				pi, err := b.V1PaymentIntents.Create(t.Context(), params)
				require.NoError(t, err)
				if tc.state == stripe.PaymentIntentStatusCanceled {
					pi, err = b.V1PaymentIntents.Cancel(t.Context(), pi.ID, nil)
					require.NoError(t, err)
				}
				require.Equal(t, tc.state, pi.Status)
				return pi.ID
			}
			for _, step := range []struct {
				name  string
				works bool
				do    func(id string) (*stripe.PaymentIntent, error)
				then  stripe.PaymentIntentStatus
			}{
				{"confirm", tc.confirms, func(id string) (*stripe.PaymentIntent, error) {
					return b.V1PaymentIntents.Confirm(t.Context(), id, &stripe.PaymentIntentConfirmParams{PaymentMethod: &card})
				}, "succeeded"},
				{"cancel", tc.cancels, func(id string) (*stripe.PaymentIntent, error) {
					return b.V1PaymentIntents.Cancel(t.Context(), id, &stripe.PaymentIntentCancelParams{CancellationReason: stripe.String("duplicate")})
				}, "canceled"},
				{"capture", tc.captures, func(id string) (*stripe.PaymentIntent, error) {
					return b.V1PaymentIntents.Capture(t.Context(), id, nil)
				}, "succeeded"},
				{"change the amount", tc.changes, func(id string) (*stripe.PaymentIntent, error) {
					return b.V1PaymentIntents.Update(t.Context(), id, &stripe.PaymentIntentUpdateParams{Amount: stripe.Int64(900)})
				}, tc.state},
			} {
				id := create()
				before := b.payment(id)
				pi, err := step.do(id)
				if step.works {
					require.NoError(t, err, step.name)
					require.Equal(t, step.then, pi.Status, step.name)
					continue
				}
				se := stripeError(t, err)
				require.Equal(t, http.StatusBadRequest, se.HTTPStatusCode, step.name)
				require.Equal(t, stripe.ErrorCodePaymentIntentUnexpectedState, se.Code, step.name)
				require.Equal(t, id, se.PaymentIntent.ID, step.name)
				after := b.payment(id)
				after.LastResponse, before.LastResponse = nil, nil
				require.Equal(t, before, after, step.name)
			}
		})
	}
}

func TestDebitEndsLater(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	for token, want := range map[string][]string{
		"pm_usBankAccount_success":           {"charge.succeeded", "payment_intent.succeeded"},
		"pm_usBankAccount_insufficientFunds": {"charge.failed", "payment_intent.payment_failed"},
		"pm_usBankAccount_dispute":           {"charge.succeeded", "payment_intent.succeeded", "charge.dispute.created"},
	} {
		pi, err := b.charge(cus, b.saved(cus, token))
		require.NoError(t, err)
		require.NoError(t, b.srv.AdvanceClock(time.Hour))
		require.Equal(t, append([]string{"payment_intent.created", "charge.pending", "payment_intent.processing"}, want...), b.paymentEvents(pi.ID))
	}
}

// TestOffSessionRules is what an off-session payment is refused for, before anything is
// tried or made.
func TestOffSessionRules(t *testing.T) { //nolint:tparallel // the count afterwards is of all of them
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus, other := b.customer(), b.customer()
	mine, theirs := b.saved(cus, "pm_card_visa"), b.saved(other, "pm_card_visa")
	detached := b.saved(cus, "pm_card_visa")
	_, err := b.V1PaymentMethods.Detach(t.Context(), detached, nil)
	require.NoError(t, err)
	used, err := b.V1PaymentIntents.Create(t.Context(), &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(500), Currency: stripe.String("usd"), PaymentMethod: stripe.String("pm_card_visa"), Confirm: new(true),
	})
	require.NoError(t, err)
	before := b.payments()
	type params = stripe.PaymentIntentCreateParams
	for _, tc := range []struct {
		name        string
		change      func(*params)
		code, param string
	}{
		{"off_session without confirm", func(p *params) { p.Confirm = nil }, "", "off_session"},
		{"off_session with setup_future_usage", func(p *params) { p.SetupFutureUsage = stripe.String("off_session") }, "", "off_session"},
		{"error_on_requires_action without confirm", func(p *params) { p.Confirm, p.OffSession, p.ErrorOnRequiresAction = nil, nil, new(true) }, "", "error_on_requires_action"},
		{"a method of another customer", func(p *params) { p.PaymentMethod = &theirs }, "", "payment_method"},
		{"a customer's method without the customer", func(p *params) { p.Customer = nil }, "parameter_missing", "customer"},
		{"a detached method", func(p *params) { p.PaymentMethod = &detached }, "", "payment_method"},
		{"a method used without a customer", func(p *params) { p.PaymentMethod = &used.PaymentMethod.ID }, "", "payment_method"},
		{"no method", func(p *params) { p.PaymentMethod = nil }, "payment_intent_unexpected_state", "payment_method"},
		{"a type that is not allowed", func(p *params) { p.PaymentMethodTypes = stripe.StringSlice([]string{"sepa_debit"}) }, "", "payment_method"},
		{"a type that does not exist", func(p *params) { p.PaymentMethodTypes = stripe.StringSlice([]string{"card", "cheque"}) }, "", "payment_method_types[1]"},
		{"types named and automatic", func(p *params) {
			p.PaymentMethodTypes = stripe.StringSlice([]string{"card"})
			p.AutomaticPaymentMethods = &stripe.PaymentIntentCreateAutomaticPaymentMethodsParams{Enabled: new(true)}
		}, "parameters_exclusive", "payment_method_types"},
		{"two methods", func(p *params) {
			p.PaymentMethodData = &stripe.PaymentIntentCreatePaymentMethodDataParams{
				Type: stripe.String("sepa_debit"), SEPADebit: &stripe.PaymentMethodSEPADebitParams{IBAN: stripe.String("DE89370400440532013000")},
			}
		}, "parameters_exclusive", "payment_method_data"},
		{"a mandate without confirm", func(p *params) { p.Confirm, p.OffSession, p.Mandate = nil, nil, stripe.String("mandate_none") }, "", "mandate"},
		{"a mandate that does not exist", func(p *params) { p.Mandate = stripe.String("mandate_none") }, "resource_missing", "mandate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &params{
				Amount: stripe.Int64(1099), Currency: stripe.String("usd"), Customer: &cus, PaymentMethod: &mine, OffSession: new(true), Confirm: new(true),
			}
			tc.change(p)
			_, err := b.V1PaymentIntents.Create(t.Context(), p)
			se := stripeError(t, err)
			require.Equal(t, stripe.ErrorTypeInvalidRequest, se.Type)
			require.GreaterOrEqual(t, se.HTTPStatusCode, http.StatusBadRequest)
			require.NotEqual(t, http.StatusPaymentRequired, se.HTTPStatusCode)
			require.EqualValues(t, tc.code, se.Code)
			require.Equal(t, tc.param, se.Param)
		})
	}
	require.Equal(t, before, b.payments(), "nothing was made")
}
