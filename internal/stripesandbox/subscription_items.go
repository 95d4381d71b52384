package stripesandbox

import (
	"slices"
	"strconv"
)

// subscriptionItem: https://docs.stripe.com/api/subscription_items/object
type subscriptionItem struct {
	ID           string
	Created      int64
	Subscription string
	Price        *price
	Quantity     int64 // of a licensed price
	PeriodStart  int64
	PeriodEnd    int64
	Metadata     pairs
}

func (o *subscriptionItem) render(w *writer) {
	w.open("")
	w.str("id", o.ID)
	w.str("object", "subscription_item")
	w.integer("created", o.Created)
	w.integer("current_period_end", o.PeriodEnd)
	w.integer("current_period_start", o.PeriodStart)
	w.raw("discounts", "[]")
	w.metadata(o.Metadata)
	w.nested("price", o.Price, w.expand.child("price"))
	if !o.Price.metered() {
		w.integer("quantity", o.Quantity)
	}
	w.str("subscription", o.Subscription)
	w.raw("tax_rates", "[]")
	w.close()
}

const (
	maxItems    = 20
	maxQuantity = 999_999
)

var (
	newItemFields = fields{
		"price": text, "price_data": objectOf(inlinePrice.with(fields{"recurring": required(objectOf(inlineRecurring))})),
		"quantity": integer, "metadata": metadata,
	}.ignoring("tax_rates")
	changedItemFields = newItemFields.with(fields{"id": text, "deleted": boolean}).ignoring("clear_usage")
)

func itoa(i int) string { return strconv.Itoa(i) }

// newItem reads one element of items.
func (c *call) newItem(p *params, path string) (*subscriptionItem, *apiError) {
	found, err := c.itemPrice(p, path)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, missingParam(paramPath(path, "price"))
	}
	item := &subscriptionItem{ID: "si_" + c.random(14), Price: found, Quantity: 1, Metadata: p.metadata(nil)}
	return item, item.setQuantity(p, path)
}

// itemPrice returns the price that an item is to have, nil when it names none.
func (c *call) itemPrice(p *params, path string) (*price, *apiError) {
	switch {
	case p.has("price") && p.has("price_data"):
		return nil, invalidCode("parameters_exclusive", paramPath(path, "price_data"), "You may only specify one of these parameters: price, price_data.")
	case p.has("price_data"):
		return c.priceFrom(p.sub("price_data"), paramPath(path, "price_data"))
	case !p.has("price"):
		return nil, nil
	}
	param := paramPath(path, "price")
	found, err := c.activePrice(p.str("price"), param)
	if err == nil && found.Recurring == nil {
		return nil, invalidParam(param, "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.")
	}
	return found, err
}

func (o *subscriptionItem) setQuantity(p *params, path string) *apiError {
	if !p.has("quantity") {
		return nil
	}
	param := paramPath(path, "quantity")
	o.Quantity = p.integer("quantity")
	switch {
	case o.Price.metered():
		return invalidParam(param, "You cannot set the quantity for metered plans.")
	case o.Quantity < 0 || o.Quantity > maxQuantity:
		return invalidCode("parameter_invalid_integer", param, "Quantity must be between 0 and 999999.")
	}
	return nil
}

// checkItems refuses items that cannot be on one invoice.
func checkItems(items []*subscriptionItem, currency string) *apiError {
	if len(items) == 0 {
		return missingParam("items")
	}
	if len(items) > maxItems {
		return invalidParam("items", "A subscription can have at most 20 items.")
	}
	first := items[0].Price
	prices := make(map[string]bool)
	for i, item := range items {
		r := item.Price.Recurring
		param := paramPath(paramPath("items", itoa(i)), "price")
		switch {
		case currency != "" && item.Price.Currency != currency:
			return invalidParam(param, "The price specified only supports `"+item.Price.Currency+"`. This doesn't match the expected currency: `"+currency+"`.")
		case item.Price.Currency != first.Currency:
			return invalidParam(param, "All prices on a subscription must have the same currency: `"+item.Price.Currency+"` is not `"+first.Currency+"`.")
		case r.Interval != first.Recurring.Interval || r.IntervalCount != first.Recurring.IntervalCount:
			return invalidParam(param, "Currently, all prices on a subscription must have the same `recurring.interval` and `recurring.interval_count`.")
		case prices[item.Price.ID]:
			return invalidParam(param, "Cannot add multiple subscription items with the same price: "+item.Price.ID)
		case item.Quantity*item.Price.UnitAmount > maxAmount:
			return invalidCode("amount_too_large", "items", "The amount of an invoice must be no more than 99999999.")
		}
		prices[item.Price.ID] = true
	}
	return nil
}

// changedItems applies the items parameter of an update to those that are there.
func (c *call) changedItems(sub *subscription) ([]*subscriptionItem, *apiError) {
	items := slices.Clone(sub.Items)
	for i, element := range c.params.list("items") {
		p, path := element.sub, paramPath("items", itoa(i))
		if !p.has("id") {
			item, err := c.newItem(p, path)
			if err != nil {
				return nil, err
			}
			item.Subscription, item.Created = sub.ID, c.timeOf(sub.TestClock).Unix()
			item.PeriodStart, item.PeriodEnd = sub.Items[0].PeriodStart, sub.Items[0].PeriodEnd
			items = append(items, item)
			continue
		}
		at := slices.IndexFunc(items, func(o *subscriptionItem) bool { return o.ID == p.str("id") })
		if at < 0 {
			return nil, inParam(noSuch("subscription_item", p.str("id"), paramPath(path, "id")))
		}
		if p.boolean("deleted") {
			items = slices.Delete(items, at, at+1)
			continue
		}
		next := *items[at]
		next.Metadata = p.metadata(next.Metadata)
		found, err := c.itemPrice(p, path)
		if err != nil {
			return nil, err
		}
		if found != nil {
			next.Price = found
		}
		if err := next.setQuantity(p, path); err != nil {
			return nil, err
		}
		items[at] = &next
	}
	return items, checkItems(items, sub.Currency)
}

// itemList is the list of items as a subscription shows it.
func (o *subscription) itemList() *list {
	l := &list{url: "/v1/subscription_items?subscription=" + o.ID}
	for _, item := range o.Items {
		l.data = append(l.data, item)
	}
	return l
}
