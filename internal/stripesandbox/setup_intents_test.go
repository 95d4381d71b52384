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

// agreedOnline is mandate_data of a customer who has agreed online.
func agreedOnline() *stripe.SetupIntentMandateDataParams {
	return &stripe.SetupIntentMandateDataParams{CustomerAcceptance: &stripe.SetupIntentMandateDataCustomerAcceptanceParams{
		Type: "online",
		Online: &stripe.SetupIntentMandateDataCustomerAcceptanceOnlineParams{
			IPAddress: stripe.String("192.0.2.7"), UserAgent: stripe.String("browser"),
		},
	}}
}

// setupEvents returns the types of all events about a SetupIntent and attached payment
// methods, oldest first.
func (b *bundle) setupEvents(si string) []string {
	b.t.Helper()
	var types []string
	params := &stripe.EventListParams{}
	params.Limit = stripe.Int64(100)
	for e, err := range b.V1Events.List(b.t.Context(), params) {
		require.NoError(b.t, err)
		if e.Data.Object["id"] == si || e.Type == "payment_method.attached" {
			types = append(types, string(e.Type))
		}
	}
	slices.Reverse(types)
	return types
}

// setup reads a SetupIntent with its latest attempt.
func (b *bundle) setup(id string) *stripe.SetupIntent {
	b.t.Helper()
	params := &stripe.SetupIntentRetrieveParams{}
	params.AddExpand("latest_attempt")
	params.AddExpand("mandate")
	si, err := b.V1SetupIntents.Retrieve(b.t.Context(), id, params)
	require.NoError(b.t, err)
	return si
}

// TestSetupIntentRows is the table of a SetupIntent's transitions.
func TestSetupIntentRows(t *testing.T) {
	t.Parallel()
	const created, attached, succeeded = "setup_intent.created", "payment_method.attached", "setup_intent.succeeded"
	const action, failed = "setup_intent.requires_action", "setup_intent.setup_failed"
	for _, tc := range []struct {
		name     string
		token    string
		customer bool
		auth     stripesandbox.Authentication
		wait     time.Duration
		status   int // of the confirmation, and of the challenge if there is one
		code     string
		decline  string
		state    stripe.SetupIntentStatus
		attempt  stripe.SetupAttemptStatus
		events   []string
	}{
		{name: "create", state: "requires_payment_method", status: 200, events: []string{created}},
		{
			name: "confirm, needs 3DS", token: "pm_card_authenticationRequired", status: 200, state: "requires_action", attempt: "requires_action",
			events: []string{created, action},
		},
		{
			name: "confirm ok, with customer", token: "pm_card_visa", customer: true, status: 200, state: "succeeded", attempt: "succeeded",
			events: []string{created, attached, succeeded},
		},
		{
			name: "confirm ok, without customer", token: "pm_card_visa", status: 200, state: "succeeded", attempt: "succeeded",
			events: []string{created, succeeded},
		},
		{
			name: "3DS passed", token: "pm_card_authenticationRequired", customer: true, auth: stripesandbox.AuthenticationPassed,
			status: 200, state: "succeeded", attempt: "succeeded", events: []string{created, action, attached, succeeded},
		},
		{
			name: "confirm refused", token: "pm_card_visa_chargeDeclinedInsufficientFunds", status: 402, code: "card_declined", decline: "insufficient_funds",
			state: "requires_payment_method", attempt: "failed", events: []string{created, failed},
		},
		{
			name: "3DS failed", token: "pm_card_authenticationRequired", auth: stripesandbox.AuthenticationFailed,
			status: 402, code: "setup_intent_authentication_failure", state: "requires_payment_method", attempt: "failed", events: []string{created, action, failed},
		},
		{
			name: "bank debit", token: "pm_sepaDebit_success_de", customer: true, status: 200, state: "succeeded", attempt: "succeeded",
			events: []string{created, attached, succeeded},
		},
		{
			name: "bank debit, processing", token: "pm_sandbox_setup_processing", status: 200, state: "processing", attempt: "processing",
			events: []string{created},
		},
		{
			name: "bank debit, processing, then ok", token: "pm_sandbox_setup_processing", customer: true, wait: time.Hour, status: 200,
			state: "succeeded", attempt: "succeeded", events: []string{created, attached, succeeded},
		},
		{
			name: "bank debit, processing, then refused", token: "pm_sandbox_setup_processing_fails", wait: time.Hour, status: 200,
			code: "account_closed", state: "requires_payment_method", attempt: "failed", events: []string{created, failed},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			params := &stripe.SetupIntentCreateParams{}
			if tc.customer {
				params.Customer = new(b.customer())
			}
			si, err := b.V1SetupIntents.Create(t.Context(), params)
			require.NoError(t, err)
			require.EqualValues(t, "off_session", si.Usage)
			if tc.token != "" {
				confirm := &stripe.SetupIntentConfirmParams{PaymentMethod: &tc.token, MandateData: agreedOnline()}
				_, err = b.V1SetupIntents.Confirm(t.Context(), si.ID, confirm)
			}
			switch {
			case tc.auth != "":
				require.NoError(t, err)
				answer := b.control("/setup_intents/"+si.ID+"/authenticate", map[string]any{"result": tc.auth})
				require.Equal(t, tc.status, answer.status)
				if tc.code != "" {
					require.Equal(t, tc.code, answer.at(t, "error.code"))
				}
			case tc.status == http.StatusOK:
				require.NoError(t, err)
			default:
				se := stripeError(t, err)
				require.Equal(t, tc.status, se.HTTPStatusCode)
				require.Equal(t, stripe.ErrorTypeCard, se.Type)
				require.EqualValues(t, tc.code, se.Code)
				require.EqualValues(t, tc.decline, se.DeclineCode)
				require.Equal(t, tc.state, se.SetupIntent.Status)
			}
			if tc.wait > 0 {
				require.Equal(t, stripe.SetupIntentStatusProcessing, b.setup(si.ID).Status)
				require.NoError(t, b.srv.AdvanceClock(tc.wait))
			}
			si = b.setup(si.ID)
			require.Equal(t, tc.state, si.Status)
			require.Equal(t, tc.events, b.setupEvents(si.ID))
			require.Equal(t, tc.state == stripe.SetupIntentStatusRequiresPaymentMethod, si.PaymentMethod == nil, "nulled by a refusal")
			require.Equal(t, tc.code != "", si.LastSetupError != nil)
			if tc.code != "" {
				require.EqualValues(t, tc.code, si.LastSetupError.Code)
				require.NotNil(t, si.LastSetupError.PaymentMethod)
			}
			require.Equal(t, tc.state == stripe.SetupIntentStatusRequiresAction, si.NextAction != nil)
			if tc.attempt == "" {
				require.Nil(t, si.LatestAttempt)
				return
			}
			require.Equal(t, tc.attempt, si.LatestAttempt.Status)
			require.Equal(t, tc.code != "", si.LatestAttempt.SetupError != nil)
		})
	}
}

// TestSetupIntentStates is what may be done in which status.
func TestSetupIntentStates(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		state             stripe.SetupIntentStatus
		token             string
		confirm           bool
		confirms, cancels bool
	}{
		{state: "requires_payment_method", confirms: true, cancels: true},
		{state: "requires_confirmation", token: "pm_card_visa", confirms: true, cancels: true},
		{state: "requires_action", token: "pm_card_authenticationRequired", confirm: true, confirms: true, cancels: true},
		{state: "processing", token: "pm_sandbox_setup_processing", confirm: true},
		{state: "succeeded", token: "pm_card_visa", confirm: true},
		{state: "canceled"},
	} {
		t.Run(string(tc.state), func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			create := func() string {
				si, err := b.V1SetupIntents.Create(t.Context(), nil)
				require.NoError(t, err)
				if tc.token != "" {
					si, err = b.V1SetupIntents.Update(t.Context(), si.ID, &stripe.SetupIntentUpdateParams{PaymentMethod: &tc.token})
					require.NoError(t, err)
				}
				if tc.confirm {
					si, err = b.V1SetupIntents.Confirm(t.Context(), si.ID, &stripe.SetupIntentConfirmParams{MandateData: agreedOnline()})
					require.NoError(t, err)
				}
				if tc.state == stripe.SetupIntentStatusCanceled {
					si, err = b.V1SetupIntents.Cancel(t.Context(), si.ID, nil)
					require.NoError(t, err)
				}
				require.Equal(t, tc.state, si.Status)
				return si.ID
			}
			check := func(si *stripe.SetupIntent, err error, works bool, then stripe.SetupIntentStatus, id string) {
				t.Helper()
				if works {
					require.NoError(t, err)
					require.Equal(t, then, si.Status)
					return
				}
				se := stripeError(t, err)
				require.Equal(t, http.StatusBadRequest, se.HTTPStatusCode)
				require.Equal(t, stripe.ErrorCodeSetupIntentUnexpectedState, se.Code)
				require.Equal(t, id, se.SetupIntent.ID)
				require.Equal(t, tc.state, b.setup(id).Status)
			}
			id := create()
			si, err := b.V1SetupIntents.Confirm(t.Context(), id, &stripe.SetupIntentConfirmParams{PaymentMethod: stripe.String("pm_card_visa")})
			check(si, err, tc.confirms, stripe.SetupIntentStatusSucceeded, id)
			for _, reason := range []string{"abandoned", "requested_by_customer", "duplicate"} {
				id = create()
				si, err = b.V1SetupIntents.Cancel(t.Context(), id, &stripe.SetupIntentCancelParams{CancellationReason: &reason})
				check(si, err, tc.cancels, stripe.SetupIntentStatusCanceled, id)
			}
			if tc.cancels {
				require.Equal(t, "setup_intent.canceled", b.setupEvents(id)[len(b.setupEvents(id))-1])
				_, err = b.V1SetupIntents.Cancel(t.Context(), create(), &stripe.SetupIntentCancelParams{CancellationReason: stripe.String("fraudulent")})
				require.Equal(t, "cancellation_reason", stripeError(t, err).Param)
			}
		})
	}
	b := newBundle(t, stripesandbox.Config{})
	_, err := b.V1SetupIntents.Cancel(t.Context(), b.setupSession(nil).SetupIntent.ID, nil)
	require.Equal(t, stripe.ErrorCodeSetupIntentUnexpectedState, stripeError(t, err).Code, "it belongs to a session")
}

func TestSetupAttempts(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	si, err := b.V1SetupIntents.Create(t.Context(), &stripe.SetupIntentCreateParams{Customer: &cus})
	require.NoError(t, err)
	_, err = b.V1SetupIntents.Confirm(t.Context(), si.ID, nil)
	require.Equal(t, si.ID, stripeError(t, err).SetupIntent.ID, "no payment method, and no attempt")
	tries := []string{"pm_card_chargeDeclinedExpiredCard", "pm_card_authenticationRequired", "pm_card_authenticationRequired"}
	for _, token := range tries {
		_, _ = b.V1SetupIntents.Confirm(t.Context(), si.ID, &stripe.SetupIntentConfirmParams{PaymentMethod: &token})
	}
	require.Equal(t, http.StatusOK, b.control("/setup_intents/"+si.ID+"/authenticate", map[string]string{"result": "pass"}).status)

	var got []string
	for a, err := range b.V1SetupAttempts.List(t.Context(), &stripe.SetupAttemptListParams{SetupIntent: &si.ID}) {
		require.NoError(t, err)
		require.Equal(t, cus, a.Customer.ID)
		require.Equal(t, si.ID, a.SetupIntent.ID)
		text := string(a.Status)
		if a.SetupError != nil {
			text += " " + string(a.SetupError.Code)
		}
		if secure := a.PaymentMethodDetails.Card.ThreeDSecure; secure != nil {
			text += " " + string(secure.Result)
		}
		got = append(got, text)
	}
	require.Equal(t, []string{"succeeded authenticated", "abandoned", "failed expired_card"}, got, "newest first")
	listed := b.raw(http.MethodGet, "/v1/setup_attempts?limit=1&expand[]=data.payment_method&setup_intent="+si.ID, "")
	require.Equal(t, true, listed.at(t, "has_more"))
	latest := listed.at(t, "data").([]any)[0].(map[string]any)
	require.Equal(t, "3184", latest["payment_method"].(map[string]any)["card"].(map[string]any)["last4"])
	require.Equal(t, latest["id"], b.setup(si.ID).LatestAttempt.ID)
	require.Equal(t, "setup_intent", b.raw(http.MethodGet, "/v1/setup_attempts", "").at(t, "error.param"))
	require.Equal(t, http.StatusNotFound, b.raw(http.MethodGet, "/v1/setup_attempts?setup_intent=seti_none", "").status)

	canceled, err := b.V1SetupIntents.Create(t.Context(), &stripe.SetupIntentCreateParams{PaymentMethod: &tries[1], Confirm: new(true)})
	require.NoError(t, err)
	_, err = b.V1SetupIntents.Cancel(t.Context(), canceled.ID, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.SetupAttemptStatusAbandoned, b.setup(canceled.ID).LatestAttempt.Status)
}

// TestUsageOfASetup: only what was set up for off-session use counts as set up.
// What is being set up stays as it is until the bank has answered.
func TestSetupIsNotChangedWhileProcessing(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	a := b.post("/v1/setup_intents", "payment_method", "pm_sandbox_setup_processing", "confirm", "true", "mandate_data[customer_acceptance][type]", "offline")
	require.Equal(t, "processing", state(t, a))
	path := "/v1/setup_intents/" + a.at(t, "id").(string)
	for _, change := range [][]string{{"customer", b.customer()}, {"payment_method", "pm_card_visa"}} {
		require.Equal(t, "setup_intent_unexpected_state", code(t, b.post(path, change...)), change)
	}
	require.Equal(t, "processing", state(t, b.raw(http.MethodGet, path, "")))
}

func TestUsageOfASetup(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	for usage, want := range map[string]string{"off_session": "", "on_session": "authentication_required / authentication_required"} {
		cus := b.customer()
		token := "pm_card_authenticationRequiredOnSetup"
		si, err := b.V1SetupIntents.Create(t.Context(), &stripe.SetupIntentCreateParams{Customer: &cus, Usage: &usage, PaymentMethod: &token, Confirm: new(true)})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, b.control("/setup_intents/"+si.ID+"/authenticate", map[string]string{"result": "pass"}).status)
		require.Equal(t, want, code(t, b.offSession(cus, si.PaymentMethod.ID)), usage)
	}
}

// TestSetupIntentMethodTypes: a type that is refused leaves the SetupIntent as it was.
func TestSetupIntentMethodTypes(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cards := stripe.StringSlice([]string{"card"})
	_, err := b.V1SetupIntents.Create(t.Context(), &stripe.SetupIntentCreateParams{PaymentMethodTypes: stripe.StringSlice([]string{"cheque"})})
	require.Equal(t, "payment_method_types[0]", stripeError(t, err).Param)
	_, err = b.V1SetupIntents.Create(t.Context(), &stripe.SetupIntentCreateParams{PaymentMethodTypes: cards, PaymentMethod: stripe.String("pm_sepaDebit_success_de")})
	require.Equal(t, "payment_method", stripeError(t, err).Param)
	si, err := b.V1SetupIntents.Create(t.Context(), &stripe.SetupIntentCreateParams{PaymentMethodTypes: cards})
	require.NoError(t, err)
	_, err = b.V1SetupIntents.Confirm(t.Context(), si.ID, &stripe.SetupIntentConfirmParams{PaymentMethod: stripe.String("pm_sepaDebit_success_de"), MandateData: agreedOnline()})
	require.Equal(t, "payment_method", stripeError(t, err).Param)
	require.Nil(t, b.setup(si.ID).LatestAttempt)
}
