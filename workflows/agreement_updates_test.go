package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/dunning"
)

// standing brings an agreement into a state by 1 February, noon.
type standing struct {
	state  workflows.AgreementState
	reason string
	input  func(*workflows.BillingAgreementInput)
	script []answer
	before func(*agreementBench)
}

func standings() map[string]standing {
	declined := []answer{declinedWith("insufficient_funds")}
	return map[string]standing{
		"saving_card": {state: workflows.AgreementSavingCard, input: func(in *workflows.BillingAgreementInput) { in.PaymentMethod, in.SaveCard = "", true }},
		"active":      {state: workflows.AgreementActive},
		"on_hold": {state: workflows.AgreementOnHold, script: declined, input: func(in *workflows.BillingAgreementInput) {
			in.WhileInDunning = workflows.DunningHold
			in.Schedule = calendar.Schedule{Every: "day", At: "06:00", Start: "2026-01-31", Count: 90}
		}},
		"paused": {state: workflows.AgreementPaused, before: func(b *agreementBench) {
			b.at(time.Hour, func() { b.operate(workflows.UpdatePause, "p", workflows.AgreementOperation{}) })
		}},
		"needs_attention": {
			state: workflows.AgreementNeedsAttention, reason: workflows.AgreementReasonPaymentFailed, script: declined,
			input: func(in *workflows.BillingAgreementInput) { in.Policy.FinalAction = dunning.FinalNeedsAttention },
			before: func(b *agreementBench) {
				b.at(b.day("2026-01-31")+time.Hour, func() {
					b.family.ends(workflows.PaymentEnded{Reference: "gym-17~20260131", State: workflows.PaymentUncollectible}, false)
				})
			},
		},
		"settling": {state: workflows.AgreementSettling, script: declined, input: func(in *workflows.BillingAgreementInput) { in.Schedule.Count = 1 }},
	}
}

// Which Update is taken in which state, and what it makes of it.
func TestAgreementUpdates(t *testing.T) {
	t.Parallel()
	const (
		active   = workflows.AgreementActive
		paused   = workflows.AgreementPaused
		canceled = workflows.AgreementCanceled
	)
	for update, test := range map[string]struct {
		op    workflows.AgreementOperation
		after map[string]workflows.AgreementState // "" in the map: as before
	}{
		workflows.UpdatePause:          {after: map[string]workflows.AgreementState{"active": paused, "on_hold": paused, "paused": paused}},
		workflows.UpdateResume:         {after: map[string]workflows.AgreementState{"paused": active, "needs_attention": active}},
		workflows.UpdateSkipNext:       {after: map[string]workflows.AgreementState{"active": "", "on_hold": "", "paused": "", "needs_attention": ""}},
		workflows.UpdateChangeAmount:   {op: workflows.AgreementOperation{Amount: 500}, after: map[string]workflows.AgreementState{"saving_card": "", "active": "", "on_hold": "", "paused": "", "needs_attention": ""}},
		workflows.UpdateChangeSchedule: {op: workflows.AgreementOperation{Schedule: &calendar.Schedule{Every: "week", On: "monday"}}, after: map[string]workflows.AgreementState{"active": "", "on_hold": active, "paused": "", "needs_attention": ""}},
		changeMethod:                   {op: workflows.AgreementOperation{PaymentMethod: "pm_other"}, after: map[string]workflows.AgreementState{"active": "", "on_hold": "", "paused": "", "needs_attention": ""}},
		workflows.UpdateChargeNow:      {after: map[string]workflows.AgreementState{"active": "", "on_hold": ""}},
		cancel:                         {after: map[string]workflows.AgreementState{"saving_card": canceled, "active": canceled, "on_hold": canceled, "paused": canceled, "needs_attention": canceled, "settling": canceled}},
	} {
		for name, s := range standings() {
			t.Run(update+" when "+name, func(t *testing.T) {
				t.Parallel()
				b := newAgreementBench(t)
				in := agreementInput()
				if s.input != nil {
					s.input(&in)
				}
				b.stripe.script = s.script
				if s.before != nil {
					s.before(b)
				}
				now := b.day("2026-02-01")
				b.expectState(now-time.Minute, s.state, s.reason)
				var r *reply[workflows.AgreementResponse]
				var before int
				b.at(now, func() {
					before = len(b.stripe.sends)
					r = b.operate(update, "one", test.op)
				})
				b.at(now+30*time.Second, func() {
					want, accepted := test.after[name]
					require.True(t, r.done)
					if !accepted {
						require.ErrorContains(t, r.refused(), string(s.state))
						require.Equal(t, s.state, b.status().State)
						require.Len(t, b.stripe.sends, before)
						return
					}
					require.NoError(t, r.refused())
					if want == "" {
						want = s.state
					}
					require.Equal(t, want, r.value.State)
					if want != canceled {
						require.Equal(t, b.status().NextDueAt, r.value.NextDueAt)
					}
				})
				b.at(now+time.Minute, func() { b.operate(cancel, "end", workflows.AgreementOperation{}) })
				b.agree(in)
			})
		}
	}
}

func TestAgreementPauseAndResume(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		until string
		mode  workflows.CatchUp
		want  []string
	}{
		"resumed, none":       {"", "", []string{"gym-17~20260430"}},
		"resumed, latest":     {"", workflows.CatchUpLatest, []string{"gym-17~20260331", "gym-17~20260430"}},
		"resumed, all":        {"", workflows.CatchUpAll, []string{"gym-17~20260131", "gym-17~20260228", "gym-17~20260331", "gym-17~20260430"}},
		"until a day":         {"2026-03-15T00:00:00Z", "", []string{"gym-17~20260331", "gym-17~20260430"}},
		"until the very date": {"2026-03-31T07:00:00Z", "", []string{"gym-17~20260331", "gym-17~20260430"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			in := agreementInput()
			in.Schedule.Count = 4
			op := workflows.AgreementOperation{}
			if test.until != "" {
				op.Until, _ = time.Parse(time.RFC3339, test.until)
			}
			b.at(time.Hour, func() { b.operate(workflows.UpdatePause, "", op) })
			b.expectState(2*time.Hour, workflows.AgreementPaused, "")
			if test.until != "" {
				b.at(3*time.Hour, func() { require.Equal(t, "2026-03-31T07:00:00Z", b.status().NextDueAt.Format(time.RFC3339)) })
			}
			if test.until == "" {
				b.at(b.day("2026-04-05"), func() { b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{CatchUp: test.mode}) })
			}
			require.Equal(t, workflows.AgreementCompleted, b.agree(in).State)
			require.Equal(t, test.want, b.charged())
			kinds := b.stripe.told()
			require.Equal(t, activities.NotifyAgreementPaused, kinds[0])
			if test.until == "" {
				require.Len(t, slices.DeleteFunc(kinds, func(k activities.NotificationKind) bool { return k != activities.NotifyAgreementPaused }), 3, "told again every 30 days")
			}
		})
	}
}

func TestAgreementChanges(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	in := agreementInput()
	in.Schedule.Count = 0
	b.at(b.day("2026-02-05"), func() {
		b.operate(workflows.UpdateChangeAmount, "", workflows.AgreementOperation{Amount: 2000, Currency: "usd"})
	})
	b.at(b.day("2026-03-05"), func() { b.operate(workflows.UpdateSkipNext, "", workflows.AgreementOperation{}) })
	b.at(b.day("2026-04-30"), func() {
		// The day is charged already: the new schedule begins after it.
		b.operate(workflows.UpdateChangeSchedule, "", workflows.AgreementOperation{Schedule: &calendar.Schedule{Every: "day", At: "20:00", Count: 3}})
	})
	require.Equal(t, workflows.AgreementCompleted, b.agree(in).State)
	require.Equal(t, []string{"gym-17~20260131", "gym-17~20260228", "gym-17~20260430", "gym-17~20260501", "gym-17~20260502"}, b.charged())
	require.Equal(t, int64(1099+4*2000), b.stripe.taken())
}

// The same id is answered the same and does nothing more: in the same run, after others, in a later run, and when the
// agreement would refuse it by now.
func TestAgreementRequestIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	first := b.day("2026-02-05")
	var answers []*reply[workflows.AgreementResponse]
	now := func() {
		answers = append(answers, b.operate(workflows.UpdateChargeNow, "req-1", workflows.AgreementOperation{Amount: 300}))
	}
	b.at(first, now)
	b.at(first+time.Hour, now)
	b.at(first+2*time.Hour, func() { b.operate(workflows.UpdateChargeNow, "req-2", workflows.AgreementOperation{}) })
	b.at(first+3*time.Hour, now)
	b.at(first+4*time.Hour, func() { b.operate(workflows.UpdatePause, "req-1", workflows.AgreementOperation{}) }) // another Update: another request
	b.at(first+5*time.Hour, now)
	b.at(first+6*time.Hour, func() { b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{}) })
	b.at(b.day("2026-03-05"), now)
	b.agree(agreementInput())
	require.Equal(t, []string{"gym-17~20260131", "gym-17~now1", "gym-17~now2", "gym-17~20260228", "gym-17~20260331"}, b.charged())
	require.Len(t, answers, 5)
	for _, r := range answers {
		require.NoError(t, r.refused())
		require.Equal(t, "gym-17~now1", r.value.Payment)
		require.Equal(t, workflows.AgreementPaymentPaid, r.value.PaymentState)
		require.Equal(t, workflows.AgreementActive, r.value.State)
	}
}

func TestAgreementBadOperations(t *testing.T) {
	t.Parallel()
	type op = workflows.AgreementOperation
	for name, test := range map[string]struct {
		update string
		op     op
		want   string
	}{
		"until in the past":      {workflows.UpdatePause, op{Until: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}, "until: 2025-01-01T00:00:00Z is in the past"},
		"until too far":          {workflows.UpdatePause, op{Until: time.Date(2226, 1, 1, 0, 0, 0, 0, time.UTC)}, "until: 2226-01-01T00:00:00Z is more than 100 years ahead"},
		"catch up":               {workflows.UpdateResume, op{CatchUp: "some"}, `catch_up: "some"; must be all, latest or none`},
		"currency":               {workflows.UpdateChangeAmount, op{Amount: 1, Currency: "eur"}, `currency: "eur"; the agreement's is usd and never changes: start a new agreement`},
		"no amount":              {workflows.UpdateChangeAmount, op{}, "amount: 0"},
		"above the charge limit": {workflows.UpdateChangeAmount, op{Amount: 2001}, "amount: 2001 is above the agreement's max_amount_per_charge of 2000"},
		"charge above it":        {workflows.UpdateChargeNow, op{Amount: 2001}, "amount: 2001 is above the agreement's max_amount_per_charge of 2000"},
		"no schedule":            {workflows.UpdateChangeSchedule, op{}, "schedule: missing"},
		"schedule":               {workflows.UpdateChangeSchedule, op{Schedule: &calendar.Schedule{Every: "moon"}}, "schedule.every"},
		"no method":              {workflows.UpdateChangePaymentMethod, op{}, "payment_method: give either"},
		"both":                   {workflows.UpdateChangePaymentMethod, op{PaymentMethod: "pm_1", SaveCard: true}, "payment_method: give either"},
		"method's form":          {workflows.UpdateChangePaymentMethod, op{PaymentMethod: "4242"}, `payment_method: "4242" is not the id`},
		"method of another":      {workflows.UpdateChangePaymentMethod, op{PaymentMethod: "pm_alien"}, `payment_method: "pm_alien" does not exist or belongs to another customer`},
		"open payments":          {workflows.UpdateCancel, op{OpenPayments: "forget"}, `open_payments: "forget"; must be collect or write_off`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			in := agreementInput()
			in.MaxAmountPerCharge = 2000
			var r *reply[workflows.AgreementResponse]
			b.at(time.Hour, func() { r = b.operate(test.update, "", test.op) })
			b.at(2*time.Hour, func() {
				require.ErrorContains(t, r.refused(), test.want)
				require.Equal(t, workflows.AgreementActive, b.status().State)
			})
			require.Equal(t, 3, b.agree(in).Paid)
		})
	}
}

func TestAgreementCancel(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		op      workflows.AgreementOperation
		refuse  bool
		charged int
		sent    []string
		not     []string
	}{
		"now, collecting on":  {charged: 1},
		"at period end":       {op: workflows.AgreementOperation{AtPeriodEnd: true}, charged: 1},
		"writing off":         {op: workflows.AgreementOperation{OpenPayments: workflows.OpenPaymentsWriteOff}, charged: 1, sent: []string{"write_off"}},
		"one cannot be":       {op: workflows.AgreementOperation{OpenPayments: workflows.OpenPaymentsWriteOff}, refuse: true, charged: 1, sent: []string{"write_off"}, not: []string{"gym-17~20260131"}},
		"write off, and then": {op: workflows.AgreementOperation{OpenPayments: workflows.OpenPaymentsWriteOff, AtPeriodEnd: true}, charged: 1, sent: []string{"write_off"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			b.stripe.script = []answer{declinedWith("insufficient_funds")}
			if test.refuse {
				b.family.refuse["payment:gym-17~20260131"] = "the bank is working on it"
			}
			var r *reply[workflows.AgreementResponse]
			b.at(b.day("2026-02-10"), func() { r = b.operate(cancel, "bye", test.op) })
			if test.op.AtPeriodEnd {
				b.at(b.day("2026-02-11"), func() {
					s := b.status()
					require.Equal(t, workflows.AgreementActive, s.State)
					require.Equal(t, time.Date(2026, 2, 28, 8, 0, 0, 0, time.UTC), s.CancelAt)
					require.Zero(t, s.NextDueAt)
				})
			}
			res := b.agree(agreementInput())
			require.Equal(t, workflows.AgreementCanceled, res.State)
			require.NoError(t, r.refused())
			require.Equal(t, test.not, r.value.NotWrittenOff)
			require.Len(t, b.charged(), test.charged)
			var sent []string
			for _, in := range b.family.sent {
				sent = append(sent, in.Update)
			}
			require.Equal(t, test.sent, sent)
		})
	}
}

// A cancellation while a charge is under way does not abandon it, and nothing is charged afterwards.
func TestAgreementCanceledWhileCharging(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"update", "temporal"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			b.stripe.script = []answer{dropped(), dropped(), dropped(), approved()}
			due := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC).Sub(b.start)
			var r *reply[workflows.AgreementResponse]
			b.at(due+3*time.Second, func() {
				if how == "temporal" {
					b.env.CancelWorkflow()
					return
				}
				r = b.operate(cancel, "", workflows.AgreementOperation{})
			})
			res := b.agree(agreementInput())
			require.Equal(t, workflows.BillingAgreementResult{State: workflows.AgreementCanceled, Charges: 1, Paid: 1}, res)
			require.Equal(t, []string{"gym-17~20260131"}, b.charged())
			if r != nil {
				require.NoError(t, r.refused())
				require.Equal(t, workflows.AgreementCanceled, r.value.State)
			}
		})
	}
}

func TestAgreementCancelCallsOffWhatTheCustomerWasAsked(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	var asked *reply[workflows.AgreementResponse]
	b.at(time.Hour, func() { asked = b.operate(changeMethod, "", workflows.AgreementOperation{SaveCard: true}) })
	b.at(2*time.Hour, func() {
		require.Equal(t, "gym-17~card1", asked.value.SavePaymentMethod)
		require.True(t, b.family.setups["gym-17~card1"].Notify)
		b.operate(cancel, "", workflows.AgreementOperation{})
	})
	require.Equal(t, workflows.AgreementCanceled, b.agree(agreementInput()).State)
	require.Len(t, b.family.sent, 1)
	require.Equal(t, "save-payment-method:gym-17~card1", b.family.sent[0].WorkflowID)
	require.Equal(t, cancel, b.family.sent[0].Update)
}

// The last date is left out, or the schedule ends, while nothing is charged.
func TestAgreementHasNoMoreDates(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]string{"on_hold": "skip_next", "paused": "resume", "needs_attention": "resume"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			in := agreementInput()
			s := standings()[name]
			if s.input != nil {
				s.input(&in)
			}
			in.Schedule.Count = 2
			b.stripe.script = s.script
			if s.before != nil {
				s.before(b)
			}
			b.at(b.day("2026-03-05"), func() { b.operate(state, "", workflows.AgreementOperation{}) })
			b.at(b.day("2026-03-06"), func() {
				if len(s.script) > 0 && name == "on_hold" {
					require.Equal(t, workflows.AgreementSettling, b.status().State)
					b.family.ends(workflows.PaymentEnded{Reference: "gym-17~20260131", State: workflows.PaymentPaid}, false)
				}
			})
			require.Equal(t, workflows.AgreementCompleted, b.agree(in).State)
		})
	}
}

// A dispute stops a paused agreement as well, and one that holds a date back: who resumes must know of it.
func TestAgreementStopsWhileItStandsStill(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"paused", "on_hold"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			in := agreementInput()
			s := standings()[name]
			if s.input != nil {
				s.input(&in)
			}
			b.stripe.script = s.script
			if s.before != nil {
				s.before(b)
			}
			b.at(b.day("2026-02-05"), func() {
				b.stripe.deleteCustomer("cus_1")
				b.signal("evt_1", "customer.deleted", "cus_1")
			})
			b.expectState(b.day("2026-02-06"), workflows.AgreementNeedsAttention, workflows.AgreementReasonCustomerDeleted)
			b.at(b.day("2026-02-06"), func() {
				r := b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{})
				b.env.RegisterDelayedCallback(func() { require.ErrorContains(t, r.refused(), "cancel the agreement") }, time.Minute)
			})
			b.at(b.day("2026-02-07"), func() { b.operate(cancel, "", workflows.AgreementOperation{}) })
			b.agree(in)
		})
	}
}
