package client

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

const saveID = "save-payment-method:s1"

func saveParams(change ...func(*SavePaymentMethodParams)) SavePaymentMethodParams {
	p := SavePaymentMethodParams{Reference: "s1", Customer: "cus_1"}
	for _, c := range change {
		c(&p)
	}
	return p
}

// startSave lets Temporal accept one Update-with-Start that answers (opened, err), and hands back what was sent.
func (b bundle) startSave(t *testing.T, opened workflows.OpenCheckoutResponse, err error) (*sdk.StartWorkflowOptions, *workflows.SavePaymentMethodInput, *sdk.UpdateWorkflowOptions) {
	t.Helper()
	options, in, update := &sdk.StartWorkflowOptions{}, &workflows.SavePaymentMethodInput{}, &sdk.UpdateWorkflowOptions{}
	b.temporal.On("NewWithStartWorkflowOperation", mock.Anything, workflows.TypeSavePaymentMethod, mock.Anything).Run(func(args mock.Arguments) {
		*options, *in = args.Get(0).(sdk.StartWorkflowOptions), args.Get(2).(workflows.SavePaymentMethodInput)
	}).Return(nil)
	b.temporal.On("UpdateWithStartWorkflow", mock.Anything, mock.Anything).Return(
		func(_ context.Context, o sdk.UpdateWithStartWorkflowOptions) (sdk.WorkflowUpdateHandle, error) {
			*update = o.UpdateOptions
			if err != nil {
				return nil, err
			}
			return handle(t, opened, nil), nil
		})
	return options, in, update
}

func TestSavePaymentMethod(t *testing.T) {
	t.Parallel()
	b := setup(t)
	options, in, update := b.startSave(t, workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, SessionID: "cs_1"}, nil)
	b.knowsNo(saveID).Once()
	described := b.describes(t, saveID, map[string]any{"customer": "cus_1"}, "open").Once()
	described.Run(func(mock.Arguments) {
		d := described.ReturnArguments.Get(0).(*sdk.WorkflowExecutionDescription)
		d.Memo.Fields[memoCall] = payload(t, options.Memo[memoCall])
	})
	b.answers(t, saveID, workflows.SetupStatus{Session: "cs_1", LinkExpires: linkEnd})

	started, err := b.SavePaymentMethod(t.Context(), saveParams())
	require.NoError(t, err)
	require.Equal(t, StartedSave{
		Started: Started{WorkflowID: saveID, RunID: "run-existing"}, SessionID: "cs_1", Link: "https://pay.example.com/c/" + saveID + "/2126-03-01",
	}, started)
	require.Equal(t, workflows.SavePaymentMethodInput{
		Reference: "s1", Customer: "cus_1", Currency: "usd", PaymentMethodTypes: []string{"card"}, CheckoutUI: activities.CheckoutUICustom,
		Deadline: dunning.Days(14), TimeZone: "UTC", Events: workflows.EventsExceptions,
	}, *in)
	require.Equal(t, enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING, options.WorkflowIDConflictPolicy)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, options.WorkflowIDReusePolicy)
	require.Equal(t, "start:s1", update.UpdateID)
	require.Equal(t, workflows.UpdateOpenCheckout, update.UpdateName)
	memo, err := json.Marshal(options.Memo[workflows.MemoInput])
	require.NoError(t, err)
	require.JSONEq(t, `{"customer":"cus_1"}`, string(memo))
}

func TestSavePaymentMethodAgain(t *testing.T) {
	t.Parallel()
	same := map[string]any{"customer": "cus_1"}
	other := map[string]any{"create_customer": true}

	t.Run("Same", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.describes(t, saveID, same, "open")
		b.answers(t, saveID, workflows.SetupStatus{Session: "cs_2"})
		started, err := b.SavePaymentMethod(t.Context(), saveParams())
		require.NoError(t, err)
		require.True(t, started.AlreadyStarted)
		require.Equal(t, "cs_2", started.SessionID, "the session that is open now, not the first one")
	})
	t.Run("SameIsOpening", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.describes(t, saveID, same, "open")
		opening := workflows.SetupStatus{}
		opening.State = workflows.SetupOpen
		b.answers(t, saveID, opening).Once()
		b.temporal.On("GetWorkflowUpdateHandle", sdk.GetWorkflowUpdateHandleOptions{WorkflowID: saveID, UpdateID: "start:s1"}).Return(
			handle(t, workflows.OpenCheckoutResponse{SessionID: "cs_1"}, nil)).Once()
		b.answers(t, saveID, workflows.SetupStatus{Session: "cs_1"}).Once()
		started, err := b.SavePaymentMethod(t.Context(), saveParams())
		require.NoError(t, err)
		require.Equal(t, "cs_1", started.SessionID, "what another caller has just begun is waited for")
	})
	t.Run("OtherIsNotTouched", func(t *testing.T) {
		t.Parallel()
		b := setup(t) // the mock fails the test when an Update is sent
		b.describes(t, saveID, other, "open")
		_, err := b.SavePaymentMethod(t.Context(), saveParams())
		var refused *RefusedError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, `reference "s1" is used already, with another customer: it was not set, now it is "cus_1"`, refused.Message)
	})
	t.Run("OtherWasFaster", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.startSave(t, workflows.OpenCheckoutResponse{SessionID: "cs_1"}, nil)
		b.knowsNo(saveID).Once()
		b.describes(t, saveID, other, "open").Once()
		_, err := b.SavePaymentMethod(t.Context(), saveParams())
		var refused *RefusedError
		require.ErrorAs(t, err, &refused)
	})
	t.Run("SameWasFaster", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.startSave(t, workflows.OpenCheckoutResponse{SessionID: "cs_1"}, nil)
		b.knowsNo(saveID).Once()
		described := b.describes(t, saveID, same, "open").Once()
		described.ReturnArguments.Get(0).(*sdk.WorkflowExecutionDescription).Memo.Fields[memoCall] = payload(t, "the other caller's")
		b.answers(t, saveID, workflows.SetupStatus{Session: "cs_1"})
		started, err := b.SavePaymentMethod(t.Context(), saveParams())
		require.NoError(t, err)
		require.True(t, started.AlreadyStarted)
	})
	t.Run("SameWasFasterAndHasEnded", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.startSave(t, workflows.OpenCheckoutResponse{}, serviceerror.NewWorkflowExecutionAlreadyStarted("", "", ""))
		b.knowsNo(saveID).Once()
		b.describes(t, saveID, same, "saved").Once()
		b.answers(t, saveID, workflows.SetupStatus{})
		started, err := b.SavePaymentMethod(t.Context(), saveParams())
		require.NoError(t, err)
		require.True(t, started.AlreadyStarted)
		require.Empty(t, started.SessionID)
	})
}

func TestSavePaymentMethodNobodyAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.startSave(t, workflows.OpenCheckoutResponse{}, sdk.NewWorkflowUpdateServiceTimeoutOrCanceledError(context.DeadlineExceeded))
	b.knowsNo(saveID)
	_, err := b.SavePaymentMethod(t.Context(), saveParams())
	require.ErrorContains(t, err, "is a worker running on task queue")
}

func TestSetupInput(t *testing.T) {
	t.Parallel()
	reminders := []dunning.Duration{dunning.Exactly(1e9), dunning.Days(1)}
	tests := []struct {
		name     string
		deadline dunning.Duration
		given    []dunning.Duration
		want     []dunning.Duration
	}{
		{"Default", dunning.Duration{}, nil, []dunning.Duration{dunning.Days(2), dunning.Days(7), dunning.Days(13)}},
		{"ShortDeadline", dunning.Days(3), nil, []dunning.Duration{dunning.Days(2)}},
		{"VeryShortDeadline", dunning.Exactly(1e9), nil, []dunning.Duration{}},
		{"Given", dunning.Days(3), reminders, reminders},
		{"None", dunning.Days(3), []dunning.Duration{}, []dunning.Duration{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			in, err := setup(t).setupInput(saveParams(func(p *SavePaymentMethodParams) {
				p.Notify, p.Deadline, p.Reminders = true, test.deadline, test.given
			}))
			require.NoError(t, err)
			require.Equal(t, test.want, in.Reminders)
		})
	}
}

func TestSavePaymentMethodRefusesBadInput(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		change  func(*SavePaymentMethodParams)
		field   string
		message string
	}{
		{"Reference", func(p *SavePaymentMethodParams) { p.Reference = "a b" }, "reference", `"a b"`},
		{"Nobody", func(p *SavePaymentMethodParams) { p.Customer = "" }, "customer", "exactly one of"},
		{"Two", func(p *SavePaymentMethodParams) { p.CreateCustomer = true }, "customer", "[customer create_customer]"},
		{"Customer", func(p *SavePaymentMethodParams) { p.Customer = "pm_1" }, "customer", `"pm_1"`},
		{"AttachTo", func(p *SavePaymentMethodParams) { p.Customer, p.AttachTo = "", "a b" }, "attach_to", `"a b"`},
		{"AttachToUnknown", func(p *SavePaymentMethodParams) { p.Customer, p.AttachTo = "", "cus_unknown" }, "attach_to", "Stripe has no such customer"},
		{"NotifyNobody", func(p *SavePaymentMethodParams) { p.Customer, p.CreateCustomer, p.Notify = "", true, true }, "notify", "needs customer or attach_to"},
		{"Currency", func(p *SavePaymentMethodParams) { p.Currency = "zzz" }, "currency", `"zzz"`},
		{"Type", func(p *SavePaymentMethodParams) { p.PaymentMethodTypes = []string{"Card!"} }, "payment_method_types", `"Card!"`},
		{"Types", func(p *SavePaymentMethodParams) {
			p.PaymentMethodTypes = strings.Split(strings.Repeat("card ", 21)+"card", " ")
		}, "payment_method_types", "at most 20"},
		{"DeadlineNegative", func(p *SavePaymentMethodParams) { p.Deadline = dunning.Days(-1) }, "deadline", `"-1d"`},
		{"DeadlineFar", func(p *SavePaymentMethodParams) { p.Deadline = dunning.Days(366) }, "deadline", "at most 365d"},
		{"ReminderLate", func(p *SavePaymentMethodParams) { p.Notify, p.Reminders = true, []dunning.Duration{dunning.Days(14)} }, "reminders", `"14d"`},
		{"ReminderOrder", func(p *SavePaymentMethodParams) {
			p.Notify, p.Reminders = true, []dunning.Duration{dunning.Days(2), dunning.Days(1)}
		}, "reminders", "rising order"},
		{"ReminderUnsent", func(p *SavePaymentMethodParams) { p.Reminders = []dunning.Duration{dunning.Days(2)} }, "reminders", "without notify"},
		{"TimeZone", func(p *SavePaymentMethodParams) { p.TimeZone = "Mars" }, "time_zone", `"Mars"`},
		{"Events", func(p *SavePaymentMethodParams) { p.Events = "some" }, "events", `"some"`},
		{"CheckoutUI", func(p *SavePaymentMethodParams) { p.CheckoutUI = "embedded" }, "checkout_ui", `"embedded"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.knowsNo(saveID).Maybe()
			_, err := b.SavePaymentMethod(t.Context(), saveParams(test.change))
			var invalid *InvalidError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, test.field, invalid.Field)
			require.Contains(t, invalid.Message, test.message)
		})
	}
}
