package stripesandbox_test

import (
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// billingInvariants are what the API showed last, and what must not be forgotten of what
// it showed before.
type billingInvariants struct {
	last    string // call and answer
	refused bool

	clocks                    []string // test clocks that are not deleted
	subs                      []billedSubscription
	invoices                  []billedInvoice
	payments, setups, charges []shownObject
	owned                     map[string][]shownObject // methods by customer

	told      map[string]map[string]any // what the last event of each subscription showed
	toldText  map[string]string         // the same as text
	statuses  map[string]string         // of intents, by the events
	final     map[string]string         // invoices that have come to their end
	pending   map[string][]string       // the SetupIntents that each subscription ever waited for
	ended     map[string]int            // invoices of subscriptions when they had ended
	outOfBand map[string]bool           // invoices
	used      map[string]int            // cups by customer
	prices    int
}

func newBillingInvariants() billingInvariants {
	return billingInvariants{
		told: map[string]map[string]any{}, toldText: map[string]string{}, statuses: map[string]string{}, final: map[string]string{}, pending: map[string][]string{},
		ended: map[string]int{}, outOfBand: map[string]bool{}, used: map[string]int{},
	}
}

// timeOf is the time by which a test clock, or the sandbox itself, bills.
func (m *billingMachine) timeOf(clock string) time.Time {
	if clock == "" {
		return m.now
	}
	shown := decode(m.t, m.get("/v1/test_helpers/test_clocks/"+clock))
	frozen, ok := shown["frozen_time"].(float64)
	if !ok {
		return m.now
	}
	return time.Unix(int64(frozen), 0)
}

// check reads all that there is, and holds it against the rules.
func (m *billingMachine) check(t *rapid.T) {
	t.Log(m.last)
	i := m.invariants
	m.customers = slices.DeleteFunc(m.customers, func(id string) bool {
		return parsed[map[string]any](t, i, m.get("/v1/customers/"+id))["deleted"] != nil
	})
	m.owned = map[string][]shownObject{}
	for _, id := range m.customers {
		m.owned[id] = listed[shownObject](t, i, "/v1/payment_methods?limit=100&customer="+id)
	}
	m.subs = nil
	for _, clock := range append([]string{""}, m.clocks...) {
		m.subs = append(m.subs, as[billedSubscription](t, i, everything(t, i, "/v1/subscriptions?limit=100&status=all&test_clock="+clock))...)
	}
	all := everything(t, i, "/v1/invoices?limit=100&expand[]=data.payments")
	m.invoices = as[billedInvoice](t, i, all)
	for n := range all {
		m.invoices[n].raw = string(all[n])
	}
	m.payments = as[shownObject](t, i, everything(t, i, "/v1/payment_intents?limit=100"))
	m.setups = as[shownObject](t, i, everything(t, i, "/v1/setup_intents?limit=100"))
	m.charges = as[shownObject](t, i, everything(t, i, "/v1/charges?limit=100"))
	m.checkBillingEvents(t)
	m.checkRefusal(t)
	m.checkMoney(t)
	for _, inv := range m.invoices {
		m.checkInvoice(t, inv)
	}
	for _, sub := range m.subs {
		m.checkSubscription(t, sub)
	}
	for _, cus := range m.customers {
		m.checkBalance(t, cus)
	}
}

func (m *billingMachine) checkRefusal(t *rapid.T) {
	prices := len(everything(t, m.invariants, "/v1/prices?limit=100"))
	if m.refused {
		require.Equal(t, m.prices, prices, "left behind by a call that was refused: %s", m.last)
	}
	m.prices, m.refused = prices, false
}

// checkMoney is about charges: each invoice has one payment, which takes the money once.
func (m *billingMachine) checkMoney(t *rapid.T) {
	taken, refunded, total := map[string]int{}, 0, 0
	for _, ch := range m.charges {
		if ch.Status == succeeded {
			require.NotContains(t, taken, ch.Intent, "paid twice")
			taken[ch.Intent] = ch.Amount
			total += ch.Amount
			refunded += ch.Refunded
		}
	}
	sums := m.s.Ledger("").Currencies["usd"]
	require.EqualValues(t, total, sums.Taken)
	require.EqualValues(t, refunded, sums.Refunded)
	byIntent := map[string]billedInvoice{}
	for _, inv := range m.invoices {
		require.LessOrEqual(t, len(inv.Payments.Data), 1)
		if inv.intent() != "" {
			require.NotContains(t, byIntent, inv.intent())
			byIntent[inv.intent()] = inv
		}
	}
	require.Len(t, m.payments, len(byIntent), "payments of invoices alone")
	for _, pi := range m.payments {
		inv := byIntent[pi.ID]
		require.Equal(t, inv.Due, pi.Amount)
		amount, paid := taken[pi.ID]
		require.Equal(t, pi.Status == succeeded, paid, "succeeded without a charge, or a charge without success")
		require.Equal(t, pi.Received, amount)
		require.Equal(t, paid || m.outOfBand[inv.ID], inv.Status == "paid", "%s of %s", inv.Status, pi.Status)
		require.False(t, paid && m.outOfBand[inv.ID], "paid twice")
		if paid {
			require.Equal(t, inv.Paid, amount)
		} else if inv.over() {
			require.Equal(t, canceled, pi.Status, "it can still be paid")
		}
	}
}

func (m *billingMachine) checkInvoice(t *rapid.T, inv billedInvoice) {
	if was, known := m.final[inv.ID]; known {
		require.Equal(t, was, inv.raw, "it had come to its end")
		return
	}
	if inv.over() {
		m.final[inv.ID] = inv.raw
	}
	subtotal, off := 0, 0
	for _, line := range inv.Lines.Data {
		left := line.Amount
		for _, d := range line.Off {
			require.GreaterOrEqual(t, d.Amount, 0)
			left -= d.Amount
		}
		require.GreaterOrEqual(t, left, 0, "a discount of more than the amount")
		subtotal += line.Amount
		off += line.Amount - left
	}
	require.Equal(t, inv.Subtotal, subtotal)
	for _, d := range inv.Off {
		off -= d.Amount
	}
	require.Zero(t, off, "discounts of the lines and of the whole")
	for _, d := range inv.Off {
		subtotal -= d.Amount
	}
	require.Equal(t, inv.Total, subtotal)
	require.GreaterOrEqual(t, inv.Total, 0)
	require.GreaterOrEqual(t, inv.Due, 0)
	require.Equal(t, inv.Due-inv.Paid, inv.Remaining)
	switch inv.Status {
	case "draft":
		require.Empty(t, inv.intent())
	case "paid":
		require.Equal(t, inv.Due, inv.Paid)
		require.Equal(t, inv.Due == 0, inv.intent() == "", "nothing due, nothing to pay by")
	default:
		require.Zero(t, inv.Paid)
		require.NotZero(t, inv.Due)
	}
	if inv.Status != "draft" {
		require.Equal(t, inv.Total+inv.Starting-inv.Ending, inv.Due)
	}
}

// checkBalance adds up what a customer owes, and what invoices have used of it.
func (m *billingMachine) checkBalance(t *rapid.T, customer string) {
	sum, byInvoice := 0, map[string]int{}
	for _, raw := range everything(t, m.invariants, "/v1/customers/"+customer+"/balance_transactions?limit=100") {
		o := parsed[map[string]any](t, m.invariants, raw)
		sum += int(o["amount"].(float64))
		require.EqualValues(t, sum, o["ending_balance"])
		if inv, ok := o["invoice"].(string); ok {
			require.Contains(t, []string{"applied_to_invoice", "invoice_too_small"}, o["type"])
			require.NotContains(t, byInvoice, inv)
			byInvoice[inv] = int(o["amount"].(float64))
		}
	}
	require.EqualValues(t, sum, parsed[map[string]any](t, m.invariants, m.get("/v1/customers/"+customer))["balance"])
	for _, inv := range m.invoices {
		if inv.Customer == customer && inv.Status != "draft" {
			require.Equal(t, byInvoice[inv.ID], inv.Ending-inv.Starting)
		}
	}
}

func (m *billingMachine) checkSubscription(t *rapid.T, sub billedSubscription) {
	require.Equal(t, m.toldText[sub.ID], strings.TrimSpace(string(m.get("/v1/subscriptions/"+sub.ID))), "changed without an event")
	var invoices []billedInvoice
	for _, inv := range m.invoices {
		if inv.subscription() == sub.ID {
			invoices = append(invoices, inv)
		}
	}
	require.NotEmpty(t, invoices)
	latest := invoices[len(invoices)-1]
	require.Equal(t, latest.ID, sub.Latest)
	m.checkPeriods(t, sub, invoices)
	m.checkSetups(t, sub)
	if sub.over() {
		require.NotZero(t, sub.EndedAt)
		if before, known := m.ended[sub.ID]; known {
			require.Len(t, invoices, before, "billed after its end")
		}
		m.ended[sub.ID] = len(invoices)
		return
	}
	now := m.timeOf(sub.TestClock).Unix()
	for _, item := range sub.Items.Data {
		require.Equal(t, sub.Items.Data[0].Start, item.Start)
		require.Equal(t, sub.Items.Data[0].End, item.End)
		if sub.Status != "paused" {
			require.LessOrEqual(t, item.Start, now)
			require.Greater(t, item.End, now)
		}
	}
	switch sub.Status {
	case "incomplete":
		require.Equal(t, "open", latest.Status)
		require.Len(t, invoices, 1)
	case "trialing":
		require.Equal(t, sub.TrialEnd, sub.Items.Data[0].End)
		require.Equal(t, sub.TrialEnd, sub.Anchor)
	case "past_due":
		require.NotEqual(t, "paid", latest.Status, "paid, and past due all the same")
	}
}

// checkPeriods is about the times that the invoices of a subscription are for.
func (m *billingMachine) checkPeriods(t *rapid.T, sub billedSubscription, invoices []billedInvoice) {
	unpaid, cups := map[int64]int{}, map[string]int{}
	var last int64
	var plan string
	for n, inv := range invoices {
		ahead := false
		for _, line := range inv.Lines.Data {
			require.LessOrEqual(t, line.Period.Start, line.Period.End)
			if line.Pricing.Details.Price == m.plans[3][0] {
				cups[line.Parent.Details.Item] += line.Quantity
				continue
			}
			if ahead {
				continue
			}
			ahead = true
			require.Equal(t, inv.Created, line.Period.Start, "billed in advance")
			// The end of a trial can be moved. Without a price before, there was usage alone, which is billed afterwards.
			if inv.Reason == "subscription_cycle" && line.Period.Start != sub.TrialEnd && plan != "" {
				require.Equal(t, last, line.Period.Start, "periods follow each other")
			}
			last = line.Period.End
			if inv.Reason == "subscription_update" && line.Pricing.Details.Price != plan {
				delete(unpaid, line.Period.Start) // another interval, begun in the second in which the old period began
			}
			plan = line.Pricing.Details.Price
			if !inv.over() {
				unpaid[line.Period.Start]++
			}
		}
		require.Equal(t, n == 0, inv.Reason == "subscription_create")
	}
	for _, n := range unpaid {
		require.Equal(t, 1, n, "two invoices for a period")
	}
	for _, quantity := range cups {
		require.LessOrEqual(t, quantity, m.used[sub.Customer], "usage billed twice")
	}
}

// checkSetups is about what a subscription waits for.
func (m *billingMachine) checkSetups(t *rapid.T, sub billedSubscription) {
	if sub.Pending != "" && !slices.Contains(m.pending[sub.ID], sub.Pending) {
		m.pending[sub.ID] = append(m.pending[sub.ID], sub.Pending)
	}
	for _, si := range m.setups {
		if !slices.Contains(m.pending[sub.ID], si.ID) {
			continue
		}
		if sub.Pending == si.ID {
			require.NotEqual(t, succeeded, si.Status, "it waits for what is done")
		} else {
			require.Contains(t, []string{succeeded, canceled}, si.Status, "it does not wait for what is open")
		}
	}
}
