package stripesandbox

import (
	"strconv"
	"time"
)

// coupon: https://docs.stripe.com/api/coupons/object
type coupon struct {
	header
	Name             string
	PercentOff       float64 // 0 when AmountOff is set
	AmountOff        int64   // minor units
	Currency         string  // of AmountOff
	Duration         string  // once, repeating or forever
	DurationInMonths int64   // of repeating
	MaxRedemptions   int64
	TimesRedeemed    int64
	RedeemBy         int64 // Unix time
	Expired          bool  // RedeemBy has passed
	Deleted          bool
}

// How long a coupon discounts.
const (
	couponOnce      = "once"
	couponRepeating = "repeating"
	couponForever   = "forever"
)

// valid reports whether the coupon can still be redeemed.
func (o *coupon) valid() bool {
	return !o.Deleted && !o.Expired && (o.MaxRedemptions == 0 || o.TimesRedeemed < o.MaxRedemptions)
}

func (o *coupon) render(w *writer) {
	w.open("")
	w.str("id", o.ID)
	w.str("object", "coupon")
	if o.Deleted {
		w.boolean("deleted", true)
		w.close()
		return
	}
	w.optInteger("amount_off", o.AmountOff)
	w.integer("created", o.Created)
	w.opt("currency", o.Currency)
	w.str("duration", o.Duration)
	w.optInteger("duration_in_months", o.DurationInMonths)
	w.boolean("livemode", false)
	w.optInteger("max_redemptions", o.MaxRedemptions)
	w.metadata(o.Metadata)
	w.opt("name", o.Name)
	if o.PercentOff == 0 {
		w.null("percent_off")
	} else {
		w.raw("percent_off", strconv.FormatFloat(o.PercentOff, 'f', -1, 64))
	}
	w.optInteger("redeem_by", o.RedeemBy)
	w.integer("times_redeemed", o.TimesRedeemed)
	w.boolean("valid", o.valid())
	w.close()
}

var couponRoutes = []route{
	{method: "POST", pattern: "/v1/coupons", kind: "coupon", handle: createCoupon, fields: fields{
		"id": text, "name": text, "percent_off": text, "amount_off": integer, "currency": text, "metadata": metadata,
		"duration": oneOf(couponForever, couponOnce, couponRepeating), "duration_in_months": integer, "max_redemptions": integer, "redeem_by": integer,
	}},
	{method: "GET", pattern: "/v1/coupons", kind: "coupon", list: true, handle: listCoupons, fields: listFields},
	{method: "GET", pattern: "/v1/coupons/{}", kind: "coupon", handle: func(c *call) (object, *apiError) {
		return result(c.coupon(c.ids[0], "coupon"))
	}},
	{method: "POST", pattern: "/v1/coupons/{}", kind: "coupon", handle: updateCoupon, fields: fields{"name": text, "metadata": metadata}},
	{method: "DELETE", pattern: "/v1/coupons/{}", kind: "coupon", handle: deleteCoupon},
}

// coupon returns one that exists and is not deleted.
func (c *call) coupon(id, param string) (*coupon, *apiError) {
	o, err := named[*coupon](c, id, "coupon", param)
	if err == nil && o.Deleted {
		return nil, noSuch("coupon", id, param)
	}
	return o, err
}

func createCoupon(c *call) (object, *apiError) {
	p := c.params
	o := &coupon{
		header: c.newHeader("", p.metadata(nil)), Name: p.str("name"), AmountOff: p.integer("amount_off"), Duration: couponOnce,
		DurationInMonths: p.integer("duration_in_months"), MaxRedemptions: p.integer("max_redemptions"), RedeemBy: p.integer("redeem_by"),
	}
	o.ID = o.ID[:8] // without a prefix: a buyer may have to type it
	if p.has("duration") {
		o.Duration = p.str("duration")
	}
	if err := o.setDiscount(p); err != nil {
		return nil, err
	}
	if err := c.checkCoupon(o); err != nil {
		return nil, err
	}
	if id := p.str("id"); id != "" {
		if err := c.claim(id, "Coupon", ""); err != nil {
			return nil, err
		}
		o.ID = id
	}
	c.sandbox.store.add("coupon", o)
	if o.RedeemBy != 0 {
		c.schedule(time.Unix(o.RedeemBy, 0), dueExpireCoupon, o.ID)
	}
	c.emit("coupon.created", o)
	return o, nil
}

// setDiscount reads what the coupon takes off: a percentage or an amount, never both.
func (o *coupon) setDiscount(p *params) *apiError {
	percent, amount := p.has("percent_off"), p.has("amount_off")
	switch {
	case !percent && !amount:
		return invalidCode("parameter_missing", "", "Must provide percent_off or amount_off.")
	case percent && amount:
		return invalidRequest("Received both percent_off and amount_off parameters. Please pass in only one.")
	case amount && !p.has("currency"):
		return invalidParam("currency", "You must pass currency when passing amount_off")
	case amount:
		o.Currency = currencyOf(p)
		if err := checkAmount(o.AmountOff, o.Currency); err != nil && err.Code != "amount_too_small" {
			if err.Param == "amount" {
				err.Param = "amount_off"
			}
			return err
		}
		return nil
	}
	off, err := strconv.ParseFloat(p.str("percent_off"), 64)
	switch {
	case err != nil:
		return invalidParam("percent_off", "Invalid decimal: "+p.str("percent_off"))
	case !(off >= 0.01): // also true of NaN
		return invalidParam("percent_off", "This value must be greater than or equal to 0.01 (it currently is '"+p.str("percent_off")+"').")
	case off > 100:
		return invalidParam("percent_off", "This value must be less than or equal to 100 (it currently is '"+p.str("percent_off")+"').")
	}
	o.PercentOff = off
	return nil
}

// checkCoupon refuses impossible durations and limits.
func (c *call) checkCoupon(o *coupon) *apiError {
	p := c.params
	for _, name := range []string{"duration_in_months", "max_redemptions"} {
		if p.has(name) && p.integer(name) < 1 {
			return invalidCode("parameter_invalid_integer", name, "This value must be greater than or equal to 1.")
		}
	}
	switch {
	case o.Duration == couponRepeating && o.DurationInMonths == 0:
		return invalidParam("duration", "The duration_in_months param must be set when creating a coupon with a repeating duration")
	case o.Duration != couponRepeating && o.DurationInMonths != 0:
		return invalidParam("duration_in_months", "The duration_in_months param can only be set when creating a coupon with a repeating duration")
	case p.has("redeem_by") && o.RedeemBy <= c.now.Unix():
		return invalidParam("redeem_by", "The parameter `redeem_by` expects a unix timestamp representing a date and time in the future. You specified the value `"+
			p.str("redeem_by")+"` which is in the past.")
	}
	return nil
}

func listCoupons(c *call) (object, *apiError) {
	return result(page(c, "coupon", c.sandbox.store.indexes[indexKey{kind: "coupon"}], func(o *coupon) bool { return !o.Deleted }))
}

func updateCoupon(c *call) (object, *apiError) {
	old, err := c.coupon(c.ids[0], "coupon")
	if err != nil {
		return nil, err
	}
	o := update(c, old, func(o *coupon) {
		if c.params.sent("name") {
			o.Name = c.params.str("name")
		}
		o.Metadata = c.params.metadata(o.Metadata)
	})
	if previous := previousAttributes(old, o); previous != nil {
		c.emitChange("coupon.updated", o, previous)
	}
	return o, nil
}

// deleteCoupon ends redemptions; discounts that were given stay.
func deleteCoupon(c *call) (object, *apiError) {
	o, err := c.coupon(c.ids[0], "coupon")
	if err != nil {
		return nil, err
	}
	o = update(c, o, func(o *coupon) { o.Expired = true })
	c.emit("coupon.deleted", o)
	return update(c, o, func(o *coupon) { o.Deleted = true }), nil
}

// expireCouponDue ends a coupon whose redeem_by has come. The id can have been given to
// another coupon since.
func (c *call) expireCouponDue(id string) {
	if o, ok := lookup[*coupon](c.sandbox.store, id); ok && o.RedeemBy != 0 && o.RedeemBy <= c.now.Unix() {
		update(c, o, func(o *coupon) { o.Expired = true })
	}
}
