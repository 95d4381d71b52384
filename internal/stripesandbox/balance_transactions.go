package stripesandbox

import (
	"cmp"
	"slices"
	"strings"
)

// balanceTransaction is what a charge or a refund does to the account's balance. It is
// not stored: a charge or refund says all about it, its id included.
// https://docs.stripe.com/api/balance_transactions/object
type balanceTransaction struct {
	id          string
	amount      int64
	fee         int64
	currency    string
	created     int64
	description string
	source      string
	kind        string
	category    string
}

const transactionPrefix = "txn_1"

// transactionID is the balance transaction of the charge or refund that id names.
func transactionID(id string) string {
	prefix, rest, _ := strings.Cut(id, "_")
	return transactionPrefix + strings.ToUpper(prefix) + rest
}

// failureID is the balance transaction of a refund that came back.
func failureID(refund string) string {
	return transactionPrefix + "RF" + strings.TrimPrefix(refund, "re_")
}

// transaction returns the balance transaction with this id.
func (s *Sandbox) transaction(id string) (*balanceTransaction, bool) {
	rest, ok := strings.CutPrefix(id, transactionPrefix)
	if !ok || len(rest) < 2 {
		return nil, false
	}
	kind, rest := rest[:2], rest[2:]
	if kind == "RF" {
		r, ok := lookup[*refund](s.store, "re_"+rest)
		if !ok || r.Status != refundFailed {
			return nil, false
		}
		t := r.transaction()
		t.id, t.amount, t.kind, t.category = id, r.Amount, "refund_failure", "refund_failure"
		return t, true
	}
	switch r := s.store.objects[strings.ToLower(kind)+"_"+rest].(type) {
	case *charge:
		return r.transaction(), r.settled()
	case *refund:
		return r.transaction(), r.settled()
	}
	return nil, false
}

// settled reports whether the charge has moved money.
func (ch *charge) settled() bool { return ch.Status == chargeSucceeded && ch.captured() > 0 }

func (ch *charge) transaction() *balanceTransaction {
	t := &balanceTransaction{
		id: transactionID(ch.ID), amount: ch.captured(), currency: ch.Currency, created: ch.Created, description: ch.Terms.Description,
		source: ch.ID, kind: "charge", category: "charge",
	}
	if ch.Method.isDebit() {
		t.kind = "payment"
	}
	// Stripe's standard price for cards in the US, whatever the method and the currency.
	t.fee = min(t.amount, (t.amount*29+500)/1000+30)
	return t
}

func (r *refund) settled() bool { return r.Status == statusSucceeded || r.Status == refundFailed }

func (r *refund) transaction() *balanceTransaction {
	return &balanceTransaction{
		id: transactionID(r.ID), amount: -r.Amount, currency: r.Currency, created: r.Created, source: r.ID, kind: "refund", category: "refund",
	}
}

func (t *balanceTransaction) render(w *writer) {
	w.open("")
	w.str("id", t.id)
	w.str("object", "balance_transaction")
	w.integer("amount", t.amount)
	w.integer("available_on", t.created)
	w.str("balance_type", "payments")
	w.integer("created", t.created)
	w.str("currency", t.currency)
	w.opt("description", t.description)
	w.null("exchange_rate")
	w.integer("fee", t.fee)
	w.key("fee_details")
	w.buf = append(w.buf, '[')
	if t.fee > 0 {
		w.open("")
		w.integer("amount", t.fee)
		w.null("application")
		w.str("currency", t.currency)
		w.str("description", "Stripe processing fees")
		w.str("type", "stripe_fee")
		w.close()
	}
	w.buf = append(w.buf, ']')
	w.integer("net", t.amount-t.fee)
	w.str("reporting_category", t.category)
	w.ref("source", t.source)
	w.str("status", "available")
	w.str("type", t.kind)
	w.close()
}

var balanceTransactionRoutes = []route{
	{method: "GET", pattern: "/v1/balance_transactions", kind: "balance_transaction", list: true, handle: listTransactions, fields: listFields.with(fields{
		"currency": text, "source": text, "type": text,
	}).ignoring("payout")},
	{method: "GET", pattern: "/v1/balance_transactions/{}", kind: "balance_transaction", handle: func(c *call) (object, *apiError) {
		t, ok := c.sandbox.transaction(c.ids[0])
		if !ok {
			return nil, noSuch("balance transaction", c.ids[0], "id")
		}
		return t, nil
	}},
}

// listTransactions pages through charges and refunds in one order, and shows what each
// has done to the balance.
func listTransactions(c *call) (object, *apiError) {
	for _, cursor := range []string{"starting_after", "ending_before"} {
		if id := c.params.str(cursor); id != "" {
			t, ok := c.sandbox.transaction(id)
			if !ok {
				return nil, noSuch("balance transaction", id, cursor)
			}
			c.params.fields[cursor].value = t.source
		}
	}
	currency, source, kind := c.params.str("currency"), c.params.str("source"), c.params.str("type")
	st := c.sandbox.store
	ids := slices.Concat(st.indexes[indexKey{kind: "charge"}], st.indexes[indexKey{kind: "refund"}])
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(st.seqOf(a), st.seqOf(b)) })
	out, err := page(c, "balance transaction", ids, func(r resource) bool {
		t, ok := c.sandbox.transaction(transactionID(r.head().ID))
		return ok && (currency == "" || currency == t.currency) && (source == "" || source == t.source) && (kind == "" || kind == t.kind)
	})
	if err != nil {
		return nil, err
	}
	for i, o := range out.data {
		if r, ok := o.(resource); ok {
			out.data[i], _ = c.sandbox.transaction(transactionID(r.head().ID))
		}
	}
	return out, nil
}
