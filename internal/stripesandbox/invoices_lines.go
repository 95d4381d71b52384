package stripesandbox

import (
	"slices"
	"strconv"
	"time"
)

// invoiceLine: https://docs.stripe.com/api/invoice-line-item/object
type invoiceLine struct {
	ID                     string
	Description            string
	Invoice                string
	Subscription           string
	Item                   string
	Price                  *price
	Quantity               int64
	Amount                 int64
	Currency               string
	PeriodStart, PeriodEnd int64
	Off                    []discountAmount
	Metadata               pairs
	Trial                  bool
}

// discountAmount is what a discount takes off.
type discountAmount struct {
	Discount string
	Amount   int64
}

func (l *invoiceLine) render(w *writer) {
	w.open("")
	w.str("id", l.ID)
	w.str("object", "line_item")
	w.integer("amount", l.Amount)
	w.str("currency", l.Currency)
	w.str("description", l.Description)
	w.objects("discount_amounts", l.offs())
	w.boolean("discountable", true)
	w.raw("discounts", "[]")
	w.str("invoice", l.Invoice)
	w.boolean("livemode", false)
	w.metadata(l.Metadata)
	w.open("parent")
	w.null("invoice_item_details")
	w.open("subscription_item_details")
	w.null("invoice_item")
	w.boolean("proration", false)
	w.null("proration_details")
	w.str("subscription", l.Subscription)
	w.str("subscription_item", l.Item)
	w.close()
	w.str("type", "subscription_item_details")
	w.close()
	w.open("period")
	w.integer("end", l.PeriodEnd)
	w.integer("start", l.PeriodStart)
	w.close()
	w.raw("pretax_credit_amounts", "[]")
	w.open("pricing")
	w.open("price_details")
	w.str("price", l.Price.ID)
	w.str("product", l.Price.Product)
	w.close()
	w.str("type", "price_details")
	unit := l.Price.UnitAmount
	if l.Trial {
		unit = 0
	}
	w.str("unit_amount_decimal", strconv.FormatInt(unit, 10))
	w.close()
	w.integer("quantity", l.Quantity)
	w.raw("taxes", "[]")
	w.close()
}

func (l *invoiceLine) offs() []object {
	var all []object
	for _, off := range l.Off {
		all = append(all, off)
	}
	return all
}

func (d discountAmount) render(w *writer) {
	w.open("")
	w.integer("amount", d.Amount)
	w.ref("discount", d.Discount)
	w.close()
}

// bill is what is to be on an invoice.
type bill struct {
	lines                  []*invoiceLine
	discounts              []string
	kept                   []string // discounts that go on after it
	off                    []discountAmount
	subtotal, total        int64
	periodStart, periodEnd time.Time
}

// period is a stretch of time whose usage is billed when it is over.
type period struct{ from, to time.Time }

// bill charges the present period of a subscription in advance, and the usage of the past
// one, if there was one.
func (c *call) bill(sub *subscription, discounts []*discount, past *period) bill {
	now := time.Unix(sub.Items[0].PeriodStart, 0).UTC()
	b := bill{periodStart: now, periodEnd: now}
	if past != nil {
		b.periodStart, b.periodEnd = past.from, past.to
	}
	for _, item := range sub.Items {
		b.lines = append(b.lines, c.line(sub, item, past))
	}
	b.discount(discounts)
	return b
}

// finalBill is what is left to bill at the end of a subscription: its usage.
func (c *call) finalBill(sub *subscription, discounts []*discount, past period) bill {
	b := bill{periodStart: past.from, periodEnd: past.to}
	for _, item := range sub.Items {
		if item.Price.metered() {
			b.lines = append(b.lines, c.line(sub, item, &past))
		}
	}
	b.discount(discounts)
	return b
}

func (c *call) line(sub *subscription, item *subscriptionItem, past *period) *invoiceLine {
	l := &invoiceLine{
		ID: "il_" + c.random(idLength), Subscription: sub.ID, Item: item.ID, Price: item.Price, Quantity: item.Quantity, Currency: sub.Currency,
		PeriodStart: item.PeriodStart, PeriodEnd: item.PeriodEnd, Metadata: item.Metadata, Trial: sub.Status == subTrialing,
	}
	name := item.Price.Product
	if found, ok := lookup[*product](c.sandbox.store, item.Price.Product); ok {
		name = found.Name
	}
	if item.Price.metered() {
		l.Quantity = 0
		if past != nil {
			l.PeriodStart, l.PeriodEnd = past.from.Unix(), past.to.Unix()
			l.Quantity = c.usage(item.Price.Recurring.Meter, sub.Customer, past.from, past.to)
		}
	}
	if l.Trial {
		l.Description = "Trial period for " + name
		return l
	}
	l.Amount = l.Quantity * item.Price.UnitAmount
	if l.Quantity > maxAmount || l.Amount > maxAmount { // of usage alone: other quantities are bounded
		l.Amount = min(maxAmount, maxAmount*item.Price.UnitAmount)
	}
	l.Description = strconv.FormatInt(l.Quantity, 10) + " × " + name
	return l
}

// discount applies discounts one after the other, shared out over the lines.
func (b *bill) discount(discounts []*discount) {
	left := make([]int64, len(b.lines))
	for i, l := range b.lines {
		b.subtotal += l.Amount
		left[i] = l.Amount
	}
	b.total = b.subtotal
	for _, d := range discounts {
		once := d.Coupon.Duration == "once"
		if b.subtotal == 0 { // of a trial: nothing to take it off, so it is not used up
			b.kept = append(b.kept, d.ID)
			continue
		}
		if !once {
			b.kept = append(b.kept, d.ID)
		}
		b.discounts = append(b.discounts, d.ID)
		off := d.Coupon.off(b.total)
		b.off = append(b.off, discountAmount{d.ID, off})
		b.share(d.ID, off, left)
		b.total -= off
	}
}

// share spreads what a discount takes off over the lines by what is left of each.
func (b *bill) share(id string, off int64, left []int64) {
	total := b.total
	for i, l := range b.lines {
		part := off
		if total > 0 && left[i] != total {
			part = off * left[i] / total
		}
		total -= left[i]
		off -= part
		left[i] -= part
		l.Off = append(l.Off, discountAmount{id, part})
	}
}

// due is what a customer would have to pay of a bill now, its balance considered.
func (c *call) due(customerID string, b bill) int64 {
	cus, _ := lookup[*customer](c.sandbox.store, customerID)
	due, _ := settleBalance(b.total, cus.Balance, b.lines[0].Currency)
	return due
}

// settleBalance takes a customer's balance into account: credit pays first, debt is added,
// and what is too little to be charged is left for the next invoice.
func settleBalance(total, balance int64, currency string) (due, ending int64) {
	sum := total + balance
	if total == 0 || sum < currencies[currency] {
		return 0, sum
	}
	return sum, 0
}

// keepDiscounts drops the discounts that a bill has used up.
func (o *subscription) keepDiscounts(b bill) { o.Discounts = slices.Clone(b.kept) }
