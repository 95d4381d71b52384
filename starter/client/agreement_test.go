package client

import (
	"context"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
)

func TestAgreement(t *testing.T) {
	t.Parallel()
	status := workflows.AgreementStatus{
		Reference: "gym-17", State: workflows.AgreementActive, Customer: "cus_1", PaymentMethod: "pm_1", Amount: 1099, Currency: "usd", NextDueAt: noon,
		Payments: []workflows.AgreementPayment{{Reference: "gym-17~20260301", State: workflows.AgreementPaymentPaid}},
	}
	b := setup(t)
	b.answers(t, "agreement:gym-17", status)
	agreement, err := b.Agreement(t.Context(), "gym-17")
	require.NoError(t, err)
	require.Equal(t, Agreement{AgreementStatus: status, WorkflowID: "agreement:gym-17"}, agreement)

	t.Run("WhileTheCustomerIsAsked", func(t *testing.T) {
		t.Parallel()
		asking := status
		asking.SavePaymentMethod = "gym-17~card1"
		for name, test := range map[string]struct {
			options []func(*Options)
			save    func(bundle)
			want    string
		}{
			"Link": {nil, func(b bundle) {
				b.answers(t, "save-payment-method:gym-17~card1", workflows.SetupStatus{LinkExpires: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)})
			}, "https://pay.example.com/c/save-payment-method:gym-17~card1/2200-01-01"},
			"NotStartedYet": {nil, func(b bundle) { b.queried("save-payment-method:gym-17~card1").Return(nil, errNotFound) }, ""},
			"NoLinks":       {[]func(*Options){func(o *Options) { o.Links = nil }}, func(bundle) {}, ""},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := setup(t, test.options...)
				b.answers(t, "agreement:gym-17", asking)
				test.save(b)
				agreement, err := b.Agreement(t.Context(), "gym-17")
				require.NoError(t, err)
				require.Equal(t, test.want, agreement.Link)
			})
		}
	})
	t.Run("Nowhere", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.queried("agreement:gym-17").Return(nil, errNotFound)
		_, err := b.Agreement(t.Context(), "gym-17")
		require.ErrorIs(t, err, ErrNotFound)
	})
	t.Run("BadReference", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t).Agreement(t.Context(), "a b")
		require.True(t, isInvalid(err))
	})
}

func TestTerminatedAgreement(t *testing.T) {
	t.Parallel()
	b := setup(t)
	options, _ := startAgreement(t, setup(t), agreementParams())
	b.terminated(t, "agreement:gym-17", options.Memo[workflows.MemoInput], "active")
	agreement, err := b.Agreement(t.Context(), "gym-17")
	require.NoError(t, err)
	require.Equal(t, Agreement{WorkflowID: "agreement:gym-17", AgreementStatus: workflows.AgreementStatus{
		Reference: "gym-17", State: workflows.AgreementNeedsAttention, Reason: "workflow_terminated", Customer: "cus_1", Amount: 1099, Currency: "usd",
		Payments: []workflows.AgreementPayment{},
	}}, agreement)

	refused := func(err error) {
		t.Helper()
		var refused *RefusedError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, "agreement:gym-17 was terminated; nobody follows it any more, look in Stripe what became of it", refused.Message)
	}
	b.temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil, errAlreadyStarted)
	_, err = b.StartAgreement(t.Context(), agreementParams())
	refused(err)
	b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, errNotFound)
	_, err = b.SkipNext(t.Context(), "gym-17", AgreementOperation{Actor: "ops", Reason: "asked by phone"})
	refused(err)
}

func TestAgreementOperations(t *testing.T) {
	t.Parallel()
	schedule := calendar.Schedule{Every: "month", On: "15"}
	until := time.Now().AddDate(0, 1, 0)
	// by is what the caller asks, and what the workflow is sent: the id is the Update's, not part of the argument.
	by := func(change ...func(*AgreementOperation)) AgreementOperation {
		op := AgreementOperation{Actor: "ops", Reason: "asked by phone"}
		for _, c := range change {
			c(&op)
		}
		return op
	}
	tests := []struct {
		name, update string
		call         func(*Client, context.Context, string, AgreementOperation) (AgreementAnswer, error)
		op, sent     AgreementOperation
	}{
		{"Pause", "pause", (*Client).PauseAgreement, by(), by()},
		{"PauseUntil", "pause", (*Client).PauseAgreement, by(func(o *AgreementOperation) { o.Until = until }),
			by(func(o *AgreementOperation) { o.Until = until.UTC().Truncate(time.Second) })},
		{"Resume", "resume", (*Client).ResumeAgreement, by(), by(func(o *AgreementOperation) { o.CatchUp = "none" })},
		{"ResumeAll", "resume", (*Client).ResumeAgreement, by(func(o *AgreementOperation) { o.CatchUp = "all" }), by(func(o *AgreementOperation) { o.CatchUp = "all" })},
		{"Skip", "skip_next", (*Client).SkipNext, by(), by()},
		{"Amount", "change_amount", (*Client).ChangeAmount, by(func(o *AgreementOperation) { o.Amount = 1299 }), by(func(o *AgreementOperation) { o.Amount = 1299 })},
		{"AmountCurrency", "change_amount", (*Client).ChangeAmount, by(func(o *AgreementOperation) { o.Amount, o.Currency = 1299, "USD" }),
			by(func(o *AgreementOperation) { o.Amount, o.Currency = 1299, "usd" })},
		{"Schedule", "change_schedule", (*Client).ChangeSchedule, by(func(o *AgreementOperation) { o.Schedule = &schedule }), by(func(o *AgreementOperation) { o.Schedule = &schedule })},
		{"Method", "change_payment_method", (*Client).ChangeAgreementPaymentMethod, by(func(o *AgreementOperation) { o.PaymentMethod = "pm_1" }),
			by(func(o *AgreementOperation) { o.PaymentMethod = "pm_1" })},
		{"SaveCard", "change_payment_method", (*Client).ChangeAgreementPaymentMethod, by(func(o *AgreementOperation) { o.SaveCard = true }),
			by(func(o *AgreementOperation) { o.SaveCard = true })},
		{"ChargeNow", "charge_now", (*Client).ChargeNow, by(func(o *AgreementOperation) { o.RequestID = "key-1" }), by()},
		{"ChargeNowWithAll", "charge_now", (*Client).ChargeNow, by(func(o *AgreementOperation) {
			o.RequestID, o.Amount, o.Currency, o.Description = "key-1", 500, "usd", "locker key"
		}),
			by(func(o *AgreementOperation) { o.Amount, o.Currency, o.Description = 500, "usd", "locker key" })},
		{"Cancel", "cancel", (*Client).CancelAgreement, by(), by(func(o *AgreementOperation) { o.OpenPayments = "collect" })},
		{"CancelAtPeriodEnd", "cancel", (*Client).CancelAgreement, by(func(o *AgreementOperation) { o.AtPeriodEnd, o.OpenPayments = true, "write_off" }),
			by(func(o *AgreementOperation) { o.AtPeriodEnd, o.OpenPayments = true, "write_off" })},
		// What an operation does not need is not sent.
		{"PauseOnly", "pause", (*Client).PauseAgreement, by(func(o *AgreementOperation) { o.Amount, o.SaveCard, o.AtPeriodEnd = 5, true, true }), by()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if test.op.PaymentMethod != "" {
				b.answers(t, "agreement:gym-17", workflows.AgreementStatus{Customer: "cus_1"})
			}
			want := AgreementAnswer{State: workflows.AgreementActive, NextDueAt: noon}
			b.temporal.On("UpdateWorkflow", mock.Anything, sdk.UpdateWorkflowOptions{
				WorkflowID: "agreement:gym-17", UpdateID: test.op.RequestID, UpdateName: test.update, Args: []any{test.sent},
				WaitForStage: sdk.WorkflowUpdateStageCompleted,
			}).Return(handle(t, want, nil), nil)
			answer, err := test.call(b.Client, t.Context(), "gym-17", test.op)
			require.NoError(t, err)
			require.Equal(t, want, answer)
		})
	}
	data, err := payloadOf(by(func(o *AgreementOperation) { o.RequestID = "key-1" }))
	require.NoError(t, err)
	require.JSONEq(t, `{"actor":"ops","reason":"asked by phone"}`, data)
}

func TestAgreementOperationRefused(t *testing.T) {
	t.Parallel()
	op := AgreementOperation{Actor: "ops", Reason: "asked by phone"}
	no := temporal.NewNonRetryableApplicationError("currency: \"eur\"; the agreement's is usd", workflows.RefusedError, nil)
	for _, test := range []struct {
		name  string
		setup func(bundle)
		want  string // of the refusal; "" is: not found
	}{
		{"ByWorkflow", func(b bundle) {
			b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(handle(t, nil, no), nil)
		}, "currency: \"eur\"; the agreement's is usd"},
		{"Ended", func(b bundle) {
			b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, errNotFound)
			b.describes(t, "agreement:gym-17", nil, "canceled")
		}, "agreement:gym-17 has ended as canceled"},
		{"Nowhere", func(b bundle) {
			b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, errNotFound)
			b.knowsNo("agreement:gym-17")
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			test.setup(b)
			_, err := b.SkipNext(t.Context(), "gym-17", op)
			if test.want == "" {
				require.ErrorIs(t, err, ErrNotFound)
				return
			}
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, test.want, refused.Message)
		})
	}
	t.Run("BetweenTwoRuns", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, errNotFound)
		b.describes(t, "agreement:gym-17", nil, "active").ReturnArguments.Get(0).(*sdk.WorkflowExecutionDescription).Status = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
		_, err := b.SkipNext(t.Context(), "gym-17", op)
		require.ErrorContains(t, err, "agreement:gym-17 began its next run at this moment; ask again")
		var refused *RefusedError
		require.NotErrorAs(t, err, &refused)
	})
}

func TestAgreementOperationInvalid(t *testing.T) {
	t.Parallel()
	type call = func(*Client, context.Context, string, AgreementOperation) (AgreementAnswer, error)
	for _, test := range []struct {
		name string
		call call
		op   AgreementOperation
		want []string // field and part of the message, one pair per mistake
	}{
		{"Nobody", (*Client).SkipNext, AgreementOperation{}, []string{"actor", "1 to 80", "reason", "1 to 200"}},
		{"LongActor", (*Client).SkipNext, AgreementOperation{Actor: strings.Repeat("x", 81), Reason: "x"}, []string{"actor", "1 to 80"}},
		{"RequestID", (*Client).SkipNext, AgreementOperation{Actor: "x", Reason: "x", RequestID: "a b"}, []string{"request_id", `"a b"; must have 1 to 64 characters`}},
		{"LongRequestID", (*Client).SkipNext, AgreementOperation{Actor: "x", Reason: "x", RequestID: strings.Repeat("x", 65)}, []string{"request_id", "1 to 64"}},
		{"PastUntil", (*Client).PauseAgreement, AgreementOperation{Actor: "x", Reason: "x", Until: noon.AddDate(-9, 0, 0)}, []string{"until", "must be in the future"}},
		{"FarUntil", (*Client).PauseAgreement, AgreementOperation{Actor: "x", Reason: "x", Until: time.Now().AddDate(101, 0, 0)}, []string{"until", "within 100 years"}},
		{"CatchUp", (*Client).ResumeAgreement, AgreementOperation{Actor: "x", Reason: "x", CatchUp: "some"}, []string{"catch_up", "must be one of all, latest, none"}},
		{"NoAmount", (*Client).ChangeAmount, AgreementOperation{Actor: "x", Reason: "x"}, []string{"amount", `"0"; must be positive`}},
		{"Amount", (*Client).ChangeAmount, AgreementOperation{Actor: "x", Reason: "x", Amount: 1050, Currency: "isk"}, []string{"amount", "multiple of 100"}},
		{"Currency", (*Client).ChangeAmount, AgreementOperation{Actor: "x", Reason: "x", Amount: 1050, Currency: "zzz"}, []string{"currency", `"zzz"`}},
		{"NoSchedule", (*Client).ChangeSchedule, AgreementOperation{Actor: "x", Reason: "x"}, []string{"schedule", "must be given"}},
		{"Schedule", (*Client).ChangeSchedule, AgreementOperation{Actor: "x", Reason: "x", Schedule: &calendar.Schedule{Every: "often"}}, []string{"schedule.every", `"often"`}},
		{"NoMethod", (*Client).ChangeAgreementPaymentMethod, AgreementOperation{Actor: "x", Reason: "x"}, []string{"payment_method", `""`}},
		{"MethodAndCard", (*Client).ChangeAgreementPaymentMethod, AgreementOperation{Actor: "x", Reason: "x", PaymentMethod: "pm_1", SaveCard: true},
			[]string{"payment_method", "exactly one of payment_method and save_card"}},
		{"ChargeTwice", (*Client).ChargeNow, AgreementOperation{Actor: "x", Reason: "x"}, []string{"request_id", "so that a repeat of the call does not charge twice"}},
		{"ChargeNegative", (*Client).ChargeNow, AgreementOperation{Actor: "x", Reason: "x", RequestID: "r", Amount: -1}, []string{"amount", `"-1"; must be positive`}},
		{"Description", (*Client).ChargeNow, AgreementOperation{Actor: "x", Reason: "x", RequestID: "r", Description: "a\nb"}, []string{"description", "on one line"}},
		{"OpenPayments", (*Client).CancelAgreement, AgreementOperation{Actor: "x", Reason: "x", OpenPayments: "forget"}, []string{"open_payments", "must be one of collect, write_off"}},
		{"AllAtOnce", (*Client).ChargeNow, AgreementOperation{Actor: "x", Amount: -1}, []string{"request_id", "", "amount", "-1", "reason", ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := test.call(setup(t).Client, t.Context(), "gym-17", test.op)
			mistakesAre(t, err, test.want)
		})
	}
	t.Run("ForeignMethod", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.answers(t, "agreement:gym-17", workflows.AgreementStatus{Customer: "cus_1"})
		_, err := b.ChangeAgreementPaymentMethod(t.Context(), "gym-17", AgreementOperation{Actor: "x", Reason: "x", PaymentMethod: "pm_foreign"})
		mistakesAre(t, err, []string{"payment_method", "belongs to another customer"})
	})
	t.Run("Reference", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t).SkipNext(t.Context(), "a b", AgreementOperation{Actor: "x", Reason: "x"})
		mistakesAre(t, err, []string{"reference", `"a b"`})
	})
}

func TestListAgreements(t *testing.T) {
	t.Parallel()
	execution := &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: "agreement:gym-17"},
		Status:    enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{
			"OffsessionState": payload(t, "paused"), "OffsessionCustomer": payload(t, "cus_1"), "OffsessionCurrency": payload(t, "usd"),
			"OffsessionAmount": payload(t, 1099), "OffsessionNextActionAt": payload(t, noon),
		}},
	}
	b := setup(t)
	b.temporal.On("ListWorkflow", mock.Anything, &workflowservice.ListWorkflowExecutionsRequest{
		Query: "WorkflowType = 'BillingAgreement' AND ExecutionStatus != 'ContinuedAsNew' AND OffsessionState = 'paused' AND ExecutionStatus IN ('Running', 'Completed') AND OffsessionCustomer = 'cus_1'",
	}).Return(&workflowservice.ListWorkflowExecutionsResponse{Executions: []*workflowpb.WorkflowExecutionInfo{execution}}, nil)
	var got []AgreementSummary
	for s, err := range b.ListAgreements(t.Context(), AgreementFilter{State: workflows.AgreementPaused, Customer: "cus_1"}) {
		require.NoError(t, err)
		got = append(got, s)
	}
	require.Equal(t, []AgreementSummary{{
		Reference: "gym-17", WorkflowID: "agreement:gym-17", State: workflows.AgreementPaused, Customer: "cus_1", Amount: 1099, Currency: "usd", NextActionAt: noon,
	}}, got)

	execution.Status = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
	terminated := agreementSummaryOf(execution)
	require.Equal(t, workflows.AgreementNeedsAttention, terminated.State)
	require.Equal(t, "Terminated", terminated.ExecutionStatus)

	for _, filter := range []AgreementFilter{{State: "late"}, {Customer: "x' OR '1'='1"}} {
		for _, err := range setup(t).ListAgreements(t.Context(), filter) {
			require.True(t, isInvalid(err))
		}
	}
	listFails(t, "list agreements", func(b bundle) iter.Seq2[AgreementSummary, error] {
		return b.ListAgreements(t.Context(), AgreementFilter{})
	})
}

func TestWaitAgreement(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.watches(t, "agreement:gym-17", nil, nil)
	b.describes(t, "agreement:gym-17", nil, "active").Once()
	b.describes(t, "agreement:gym-17", nil, "canceled").Once()
	b.answers(t, "agreement:gym-17", workflows.AgreementStatus{Reference: "gym-17", State: workflows.AgreementCanceled})
	agreement, err := b.WaitAgreement(t.Context(), "gym-17")
	require.NoError(t, err)
	require.Equal(t, workflows.AgreementCanceled, agreement.State)

	_, err = b.WaitAgreement(t.Context(), "a b")
	require.True(t, isInvalid(err))
}
