package stripesandbox

import "time"

// discount is a coupon at work. https://docs.stripe.com/api/discounts/object
type discount struct {
	header
	Coupon       *coupon
	Customer     string
	Subscription string
	Start        int64
	End          int64 // 0: it does not end by itself
}

func (d *discount) render(w *writer) {
	w.open("")
	w.str("id", d.ID)
	w.str("object", "discount")
	w.null("checkout_session")
	w.nested("coupon", d.Coupon, w.expand.child("coupon"))
	w.ref("customer", d.Customer)
	w.optInteger("end", d.End)
	w.null("invoice", "invoice_item", "promotion_code")
	w.integer("start", d.Start)
	w.opt("subscription", d.Subscription)
	w.null("subscription_item")
	w.close()
}

var discountFields = listOf(objectOf(fields{"coupon": text, "discount": text}))

// couponsFrom returns the coupons that the discounts parameter names.
func (c *call) couponsFrom(p *params, currency string) ([]*coupon, *apiError) {
	var found []*coupon
	for i, element := range p.list("discounts") {
		path := paramPath("discounts", itoa(i))
		id := element.sub.str("coupon")
		if known := element.sub.str("discount"); known != "" {
			d, err := named[*discount](c, known, "discount", paramPath(path, "discount"))
			if err != nil {
				return nil, inParam(err)
			}
			found = append(found, d.Coupon)
			continue
		}
		if id == "" {
			return nil, missingParam(paramPath(path, "coupon"))
		}
		cp, err := c.redeemable(id, currency, paramPath(path, "coupon"))
		if err != nil {
			return nil, err
		}
		found = append(found, cp)
	}
	return found, nil
}

// redeemable returns a coupon that can be applied to a subscription in currency.
func (c *call) redeemable(id, currency, param string) (*coupon, *apiError) {
	cp, err := c.coupon(id, param)
	switch {
	case err != nil:
		return nil, inParam(err)
	case !cp.valid():
		return nil, invalidCode("coupon_expired", param, "Coupon "+id+" is used up and cannot be applied.")
	case cp.AmountOff != 0 && cp.Currency != currency:
		return nil, invalidParam(param, "The coupon's currency ("+cp.Currency+") does not match the subscription's ("+currency+").")
	}
	return cp, nil
}

// newDiscounts puts coupons to work on a subscription from a time on, once they are
// redeemed.
func (c *call) newDiscounts(coupons []*coupon, sub *subscription, from time.Time) []*discount {
	var made []*discount
	for _, cp := range coupons {
		d := &discount{header: c.newHeader("di_", nil), Coupon: cp, Customer: sub.Customer, Subscription: sub.ID, Start: from.Unix()}
		if cp.Duration == "repeating" {
			d.End = addMonths(from, int(cp.DurationInMonths)).Unix()
		}
		made = append(made, d)
	}
	return made
}

// redeem stores new discounts and counts them for their coupons.
func (c *call) redeem(discounts []*discount) {
	for _, d := range discounts {
		cp, _ := lookup[*coupon](c.sandbox.store, d.Coupon.ID)
		d.Coupon = update(c, cp, func(cp *coupon) { cp.TimesRedeemed++ })
		c.sandbox.store.add("discount", d)
	}
}

func idsOf(discounts []*discount) []string {
	var ids []string
	for _, d := range discounts {
		ids = append(ids, d.ID)
	}
	return ids
}

// discountsAt returns those of a subscription that are at work at a time.
func (c *call) discountsAt(ids []string, at time.Time) []*discount {
	var found []*discount
	for _, id := range ids {
		if d, ok := lookup[*discount](c.sandbox.store, id); ok && (d.End == 0 || d.End > at.Unix()) {
			found = append(found, d)
		}
	}
	return found
}

// off is what the coupon takes off an amount.
func (o *coupon) off(amount int64) int64 {
	if o.AmountOff != 0 {
		return min(o.AmountOff, amount)
	}
	// Percentages have at most two decimals, so this is exact up to the rounding.
	hundredths := int64(o.PercentOff*100 + 0.5)
	return (amount*hundredths + 5000) / 10000
}
