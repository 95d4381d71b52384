package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

const (
	openCheckout = workflows.UpdateOpenCheckout
	retry        = workflows.UpdateRetry
	reschedule   = workflows.UpdateReschedule
	changeMethod = workflows.UpdateChangePaymentMethod
	cancel       = workflows.UpdateCancel
	writeOff     = workflows.UpdateWriteOff
)

// column brings a payment into a state at the hour, in which the message comes.
type column struct {
	state  workflows.PaymentState
	reason string
	input  func(in *workflows.CollectPaymentInput)
	script []answer
	before func(b *bench)
}

const hour = time.Hour

// columns are those of the table of messages and states.
func columns() map[string]column {
	busy := []answer{dropped(), dropped(), dropped(), dropped()} // sends after 0, 2, 6 and 14 s; the outcome after 30 s
	return map[string]column{
		"scheduled": {
			state: workflows.PaymentScheduled,
			input: func(in *workflows.CollectPaymentInput) { in.Due = benchStart.Add(72 * hour) },
		},
		"retry_scheduled": {state: workflows.PaymentRetryScheduled, script: []answer{declinedWith("insufficient_funds")}},
		"charging": {
			state:  workflows.PaymentCharging,
			input:  func(in *workflows.CollectPaymentInput) { in.Due = benchStart.Add(hour - 3*time.Second); asksAtOnce(in) },
			script: append(busy, declinedWith("insufficient_funds")),
		},
		"charging, succeeds": {
			state:  workflows.PaymentCharging,
			input:  func(in *workflows.CollectPaymentInput) { in.Due = benchStart.Add(hour - 3*time.Second) },
			script: append(busy, approved()),
		},
		"processing": {
			state: workflows.PaymentProcessing, script: []answer{bankDebit()},
			before: func(b *bench) { b.at(48*hour, func() { b.stripe.bankAnswers(true) }) },
		},
		"session open": {
			state: workflows.PaymentAwaitingCustomer, input: asksAtOnce, script: []answer{declinedWith("insufficient_funds")},
			before: func(b *bench) { b.at(50*time.Minute, func() { b.open() }) },
		},
		"awaiting_customer":           {state: workflows.PaymentAwaitingCustomer, input: asksAtOnce, script: []answer{declinedWith("insufficient_funds")}},
		"awaiting_customer, final no": {state: workflows.PaymentAwaitingCustomer, script: []answer{declinedWith("stolen_card")}},
		"needs_attention": {
			state: workflows.PaymentNeedsAttention, reason: workflows.ReasonInvalidRequest, script: []answer{failsWith(activities.StripeInvalid)},
			before: func(b *bench) { b.at(72*hour, func() { b.update(writeOff, workflows.Operation{}) }) },
		},
		"duplicate_not_refunded": {
			state: workflows.PaymentNeedsAttention, reason: workflows.ReasonDuplicateNotRefunded,
			before: func(b *bench) {
				b.stripe.refundsAs = "failed"
				b.stripe.known(activities.PaymentIntentSucceeded)
				b.stripe.known(activities.PaymentIntentSucceeded)
				b.at(72*hour, func() {
					b.stripe.edit(func() { b.stripe.refundsAs = "succeeded" })
					b.update(retry, workflows.Operation{})
				})
			},
		},
		"reference_conflict": {
			state: workflows.PaymentNeedsAttention, reason: workflows.ReasonReferenceConflict,
			before: func(b *bench) {
				b.stripe.known(activities.PaymentIntentCanceled, func(pi *activities.PaymentIntent) { pi.Amount = 5 })
				b.at(72*hour, func() { b.update(writeOff, workflows.Operation{}) })
			},
		},
	}
}

var benchStart = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// cell is what a message does in a state.
type cell struct {
	// answer is open_checkout's; state the operation's. refused is part of the message with which it is refused.
	answer  workflows.CheckoutAnswer
	state   workflows.PaymentState
	refused string
	pending bool
	// soon is the state a minute later, ways how many can be paid then.
	soon workflows.PaymentState
	ways int
	// keys are the attempts sent to the end, end how it ended.
	keys []string
	end  workflows.PaymentState
}

func TestMessagesAndStates(t *testing.T) {
	t.Parallel()
	const (
		paid, uncollectible, canceled = workflows.PaymentPaid, workflows.PaymentUncollectible, workflows.PaymentCanceled
		scheduled, retrying, charging = workflows.PaymentScheduled, workflows.PaymentRetryScheduled, workflows.PaymentCharging
		processing, awaiting, needs   = workflows.PaymentProcessing, workflows.PaymentAwaitingCustomer, workflows.PaymentNeedsAttention
	)
	one, two := chargeKeys("1"), chargeKeys("1", "2")
	table := map[string]map[string]cell{
		"scheduled": {
			openCheckout: {answer: workflows.CheckoutReady, soon: awaiting, ways: 1, keys: one, end: paid},
			retry:        {state: charging, soon: paid, keys: one, end: paid},
			reschedule:   {state: scheduled, soon: scheduled, keys: one, end: paid},
			changeMethod: {state: scheduled, soon: scheduled, keys: one, end: paid},
			cancel:       {state: canceled, soon: canceled, end: canceled},
			writeOff:     {state: uncollectible, soon: uncollectible, end: uncollectible},
		},
		"retry_scheduled": {
			openCheckout: {answer: workflows.CheckoutReady, soon: awaiting, ways: 1, keys: two, end: paid},
			retry:        {state: charging, soon: paid, keys: two, end: paid},
			reschedule:   {state: retrying, soon: retrying, ways: 1, keys: two, end: paid},
			changeMethod: {state: charging, soon: paid, keys: two, end: paid},
			cancel:       {state: canceled, soon: canceled, keys: one, end: canceled},
			writeOff:     {state: uncollectible, soon: uncollectible, keys: one, end: uncollectible},
		},
		"charging": {
			openCheckout: {answer: workflows.CheckoutBusy, soon: awaiting, ways: 1, keys: one, end: uncollectible},
			retry:        {refused: "an attempt is under way", soon: awaiting, ways: 1, keys: one, end: uncollectible},
			reschedule:   {refused: "an attempt is under way", soon: awaiting, ways: 1, keys: one, end: uncollectible},
			changeMethod: {state: charging, soon: paid, keys: two, end: paid},
			cancel:       {state: charging, pending: true, soon: canceled, keys: one, end: canceled},
			writeOff:     {state: charging, pending: true, soon: uncollectible, keys: one, end: uncollectible},
		},
		"charging, succeeds": {
			openCheckout: {answer: workflows.CheckoutBusy, soon: paid, keys: one, end: paid},
			cancel:       {state: charging, pending: true, soon: paid, keys: one, end: paid},
			writeOff:     {state: charging, pending: true, soon: paid, keys: one, end: paid},
		},
		"processing": {
			openCheckout: {answer: workflows.CheckoutProcessing, soon: processing, ways: 1, keys: one, end: paid},
			retry:        {refused: "an attempt is under way", soon: processing, ways: 1, keys: one, end: paid},
			reschedule:   {refused: "an attempt is under way", soon: processing, ways: 1, keys: one, end: paid},
			changeMethod: {state: processing, soon: processing, ways: 1, keys: one, end: paid},
			cancel:       {refused: "the bank is working on it", soon: processing, ways: 1, keys: one, end: paid},
			writeOff:     {refused: "the bank is working on it", soon: processing, ways: 1, keys: one, end: paid},
		},
		"session open": {
			openCheckout: {answer: workflows.CheckoutReady, soon: awaiting, ways: 1, keys: one, end: uncollectible},
			retry:        {state: charging, soon: paid, keys: two, end: paid},
			reschedule:   {refused: "the customer has a checkout open", soon: awaiting, ways: 1, keys: one, end: uncollectible},
			changeMethod: {state: charging, soon: paid, keys: two, end: paid},
			cancel:       {state: canceled, soon: canceled, keys: one, end: canceled},
			writeOff:     {state: uncollectible, soon: uncollectible, keys: one, end: uncollectible},
		},
		"awaiting_customer": {
			openCheckout: {answer: workflows.CheckoutReady, soon: awaiting, ways: 1, keys: one, end: uncollectible},
			retry:        {state: charging, soon: paid, keys: two, end: paid},
			reschedule:   {state: retrying, soon: retrying, ways: 1, keys: two, end: paid},
			changeMethod: {state: charging, soon: paid, keys: two, end: paid},
			cancel:       {state: canceled, soon: canceled, keys: one, end: canceled},
			writeOff:     {state: uncollectible, soon: uncollectible, keys: one, end: uncollectible},
		},
		"awaiting_customer, final no": {
			retry:        {refused: "the last decline is final", soon: awaiting, ways: 1, keys: one, end: uncollectible},
			reschedule:   {refused: "the last decline is final", soon: awaiting, ways: 1, keys: one, end: uncollectible},
			changeMethod: {state: retrying, soon: paid, keys: two, end: paid},
		},
		"needs_attention": {
			openCheckout: {answer: workflows.CheckoutReady, soon: awaiting, ways: 1, keys: one, end: uncollectible},
			retry:        {state: charging, soon: paid, keys: two, end: paid},
			reschedule:   {state: retrying, soon: retrying, keys: two, end: paid},
			changeMethod: {state: charging, soon: paid, keys: two, end: paid},
			cancel:       {state: canceled, soon: canceled, keys: one, end: canceled},
			writeOff:     {state: uncollectible, soon: uncollectible, keys: one, end: uncollectible},
		},
		"duplicate_not_refunded": {
			openCheckout: {answer: workflows.CheckoutClosed, soon: needs, end: paid},
			retry:        {state: needs, soon: needs, end: paid},
			reschedule:   {refused: "only retry is possible", soon: needs, end: paid},
			changeMethod: {refused: "only retry is possible", soon: needs, end: paid},
			cancel:       {refused: "only retry is possible", soon: needs, end: paid},
			writeOff:     {refused: "only retry is possible", soon: needs, end: paid},
		},
		"reference_conflict": {
			openCheckout: {answer: workflows.CheckoutClosed, soon: needs, end: uncollectible},
			retry:        {refused: "only cancel and write_off are possible", soon: needs, end: uncollectible},
			reschedule:   {refused: "only cancel and write_off are possible", soon: needs, end: uncollectible},
			changeMethod: {refused: "only cancel and write_off are possible", soon: needs, end: uncollectible},
			cancel:       {state: canceled, soon: canceled, end: canceled},
			writeOff:     {state: uncollectible, soon: uncollectible, end: uncollectible},
		},
	}
	for name, row := range table {
		for message, want := range row {
			t.Run(name+"/"+message, func(t *testing.T) {
				t.Parallel()
				runCell(t, columns()[name], message, want)
			})
		}
	}
}

func runCell(t *testing.T, c column, message string, want cell) {
	t.Helper()
	b := newBench(t)
	in := paymentInput()
	if c.input != nil {
		c.input(&in)
	}
	b.stripe.script = c.script
	if c.before != nil {
		c.before(b)
	}
	var opened *reply[workflows.OpenCheckoutResponse]
	var operated *reply[workflows.OperationResponse]
	b.expect(hour, c.state, c.reason)
	b.at(hour, func() {
		op := workflows.Operation{Actor: "ops", Reason: "test"}
		switch message {
		case openCheckout:
			opened = b.open()
			return
		case reschedule:
			op.Due = b.start.Add(60 * hour)
		case changeMethod:
			op.PaymentMethod = "pm_other"
		}
		operated = b.update(message, op)
	})
	b.at(hour+time.Minute, func() {
		require.Equal(t, want.soon, b.payment().State)
		require.Equal(t, want.ways, b.stripe.openWays(), "ways to pay a minute later")
		checkReply(t, want, opened, operated)
	})
	res := b.collect(in)
	checkReply(t, want, opened, operated)
	require.Equal(t, want.end, res.State)
	require.Equal(t, want.keys, nilIfEmpty(distinct(b.stripe.keysSent())))
	if message == changeMethod && want.refused == "" && len(b.stripe.sends) > 0 && len(want.keys) != 1 {
		require.Equal(t, "pm_other", b.stripe.sends[len(b.stripe.sends)-1].PaymentMethod)
	}
	if message == reschedule && want.refused == "" {
		require.Equal(t, b.start.Add(60*hour), b.stripe.sends[len(b.stripe.sends)-1].At.UTC())
	}
}

func checkReply(t *testing.T, want cell, opened *reply[workflows.OpenCheckoutResponse], operated *reply[workflows.OperationResponse]) {
	t.Helper()
	if opened != nil {
		require.True(t, opened.done)
		require.NoError(t, opened.refused())
		require.Equal(t, want.answer, opened.value.Answer)
		require.Equal(t, want.answer == workflows.CheckoutReady, opened.value.SessionID != "")
		return
	}
	require.True(t, operated.done)
	if want.refused != "" {
		require.ErrorContains(t, operated.refused(), want.refused)
		return
	}
	require.NoError(t, operated.refused())
	require.Equal(t, workflows.OperationResponse{State: string(want.state), Pending: want.pending}, operated.value)
	if want.pending {
		require.Equal(t, 20*time.Second, operated.after, "an Update waits for Stripe 20 s at most")
	}
}

func nilIfEmpty(s []string) []string {
	if len(s) == 0 {
		return nil
	}
	return s
}
