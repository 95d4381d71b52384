package stripesandbox

import (
	"slices"
	"strconv"
)

// price: https://docs.stripe.com/api/prices/object
type price struct {
	header
	Product     string
	Currency    string
	UnitAmount  int64 // minor units
	Recurring   *recurring
	Nickname    string
	LookupKey   string
	TaxBehavior string
	Active      bool
}

// recurring is how often a price is billed, and what its quantity is. It is nil for
// prices that are paid once.
type recurring struct {
	Interval      string // day, week, month or year
	IntervalCount int64
	UsageType     string // licensed or metered
	Meter         string // of a metered price
}

func (o *price) render(w *writer) {
	w.open("")
	w.str("id", o.ID)
	w.str("object", "price")
	w.boolean("active", o.Active)
	w.str("billing_scheme", "per_unit")
	w.integer("created", o.Created)
	w.str("currency", o.Currency)
	w.null("custom_unit_amount")
	w.boolean("livemode", false)
	w.opt("lookup_key", o.LookupKey)
	w.metadata(o.Metadata)
	w.opt("nickname", o.Nickname)
	w.ref("product", o.Product)
	if r := o.Recurring; r != nil {
		w.open("recurring")
		w.str("interval", r.Interval)
		w.integer("interval_count", r.IntervalCount)
		w.opt("meter", r.Meter)
		w.str("usage_type", r.UsageType)
		w.close()
	} else {
		w.null("recurring")
	}
	w.str("tax_behavior", o.TaxBehavior)
	w.null("tiers_mode", "transform_quantity")
	w.str("type", o.kind())
	w.integer("unit_amount", o.UnitAmount)
	w.str("unit_amount_decimal", strconv.FormatInt(o.UnitAmount, 10))
	w.close()
}

func (o *price) kind() string {
	if o.Recurring != nil {
		return "recurring"
	}
	return "one_time"
}

func (o *price) metered() bool { return o.Recurring != nil && o.Recurring.UsageType == usageMetered }

const (
	usageLicensed = "licensed"
	usageMetered  = "metered"
)

// longestIntervals is three years, in each unit.
var longestIntervals = map[string]int64{"day": 1095, "week": 156, "month": 36, "year": 3}

var (
	interval    = oneOf("day", "week", "month", "year")
	taxBehavior = oneOf("exclusive", "inclusive", "unspecified")
	// inlineRecurring is recurring of a price that is made where it is used.
	inlineRecurring = fields{"interval": required(interval), "interval_count": integer}
	// inlinePrice is price_data: a price that is made where it is used.
	inlinePrice = fields{
		"currency": required(text), "unit_amount": integer, "unit_amount_decimal": text, "product": text,
		"product_data": objectOf(fields{
			"name": required(text), "description": text, "images": texts, "metadata": metadata, "unit_label": text,
		}.ignoring("tax_code")),
		"recurring": objectOf(inlineRecurring), "tax_behavior": taxBehavior,
	}
	// changeablePrice is what can still change when a price is in use.
	changeablePrice = fields{
		"active": boolean, "nickname": text, "lookup_key": text, "transfer_lookup_key": boolean, "metadata": metadata, "tax_behavior": taxBehavior,
	}
)

var priceRoutes = []route{
	{method: "POST", pattern: "/v1/prices", kind: "price", handle: createPrice, fields: inlinePrice.with(changeablePrice).with(fields{
		"product_data": objectOf(fields{
			"id": text, "name": required(text), "active": boolean, "metadata": metadata, "statement_descriptor": text, "unit_label": text,
		}.ignoring("tax_code")),
		"recurring":      objectOf(inlineRecurring.with(fields{"usage_type": oneOf(usageLicensed, usageMetered), "meter": text})),
		"billing_scheme": oneOf("per_unit"),
	})},
	{method: "GET", pattern: "/v1/prices", kind: "price", list: true, handle: listPrices, fields: listFields.with(fields{
		"active": boolean, "currency": text, "product": text, "lookup_keys": texts, "type": oneOf("one_time", "recurring"),
		"recurring": objectOf(fields{"interval": interval, "meter": text, "usage_type": oneOf(usageLicensed, usageMetered)}),
	})},
	{method: "GET", pattern: "/v1/prices/{}", kind: "price", handle: func(c *call) (object, *apiError) {
		return resourceAt[*price](c, 0, "price", "price")
	}},
	{method: "POST", pattern: "/v1/prices/{}", kind: "price", handle: updatePrice, fields: changeablePrice},
}

// activePrice returns a price that new things may be bought at.
func (c *call) activePrice(id, param string) (*price, *apiError) {
	o, err := named[*price](c, id, "price", param)
	if err == nil && !o.Active {
		return nil, invalidParam(param, "The price specified is inactive. This field only accepts active prices.")
	}
	return o, inParam(err)
}

// priceFrom makes and stores the price of price_data. It is inactive from the start, as
// Stripe's are: it is of use only where it was made.
func (c *call) priceFrom(p *params, path string) (*price, *apiError) {
	o, err := c.newPrice(p, path)
	if err == nil {
		err = c.addInlinePrice(o, p, path)
	}
	if err != nil {
		return nil, err
	}
	c.undo = append(c.undo, func() {
		st := c.sandbox.store
		st.unindex("price", o.Product, o.ID)
		st.remove("price", o)
		if made, ok := lookup[*product](st, o.Product); ok && p.has("product_data") {
			st.remove("product", made)
		}
	})
	return o, nil
}

// takeBack leaves nothing behind of a call that is refused after it has stored something.
func (c *call) takeBack() {
	if len(c.undo) == 0 {
		return
	}
	for _, undo := range c.undo {
		undo()
	}
	c.sandbox.store.changed = false
}

func (c *call) addInlinePrice(o *price, p *params, path string) *apiError {
	if err := c.priceProduct(o, p, path); err != nil {
		return err
	}
	o.Active = false
	c.addPrice(o)
	return nil
}

// newPrice checks a price and what it says of itself; the caller sets its product.
func (c *call) newPrice(p *params, path string) (*price, *apiError) {
	o := &price{
		header: c.newHeader("price_", p.metadata(nil)), Currency: currencyOf(p), Active: true,
		Nickname: p.str("nickname"), LookupKey: p.str("lookup_key"), TaxBehavior: "unspecified",
	}
	if p.has("active") {
		o.Active = p.boolean("active")
	}
	if p.has("tax_behavior") {
		o.TaxBehavior = p.str("tax_behavior")
	}
	if _, known := currencies[o.Currency]; !known {
		return nil, invalidParam(paramPath(path, "currency"), "Invalid currency: "+o.Currency+". Stripe currently supports these currencies: usd, eur, gbp, ...")
	}
	var err *apiError
	if o.UnitAmount, err = unitAmount(p, path); err != nil {
		return nil, err
	}
	o.Recurring, err = c.recurring(p.sub("recurring"), paramPath(path, "recurring"))
	return o, err
}

// unitAmount is unit_amount, or unit_amount_decimal as far as it is whole.
func unitAmount(p *params, path string) (int64, *apiError) {
	name := "unit_amount"
	if p.has("unit_amount_decimal") {
		if p.has(name) {
			return 0, invalidCode("parameters_exclusive", paramPath(path, name), "You may only specify one of these parameters: unit_amount, unit_amount_decimal.")
		}
		name = "unit_amount_decimal"
	}
	if !p.has(name) {
		return 0, invalidCode("parameter_missing", paramPath(path, name), "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.")
	}
	amount, err := strconv.ParseInt(p.str(name), 10, 64)
	switch {
	case err != nil:
		return 0, invalidParam(paramPath(path, name), "This sandbox bills whole minor units: "+p.str(name)+" is none.")
	case amount < 0:
		return 0, invalidCode("parameter_invalid_integer", paramPath(path, name), "Invalid non-negative integer")
	case amount > maxAmount:
		return 0, invalidCode("parameter_invalid_integer", paramPath(path, name), "Invalid integer: must be no more than 99999999.")
	}
	return amount, nil
}

func (c *call) recurring(p *params, path string) (*recurring, *apiError) {
	if p == nil {
		return nil, nil
	}
	r := &recurring{Interval: p.str("interval"), IntervalCount: 1, UsageType: usageLicensed, Meter: p.str("meter")}
	if p.has("usage_type") {
		r.UsageType = p.str("usage_type")
	}
	if p.has("interval_count") {
		r.IntervalCount = p.integer("interval_count")
	}
	switch {
	case r.IntervalCount < 1:
		return nil, invalidCode("parameter_invalid_integer", paramPath(path, "interval_count"), "This value must be greater than or equal to 1.")
	case r.IntervalCount > longestIntervals[r.Interval]:
		return nil, invalidParam(paramPath(path, "interval_count"), "The maximum recurring interval is three years.")
	case r.UsageType == usageMetered && r.Meter == "":
		return nil, invalidCode("parameter_missing", paramPath(path, "meter"),
			"Starting with Stripe version `2025-03-31.basil`, metered prices must be backed by meters.")
	case r.UsageType == usageLicensed && r.Meter != "":
		return nil, invalidParam(paramPath(path, "meter"), "A meter can only be given when usage_type is metered.")
	}
	return r, c.checkMeter(r.Meter, paramPath(path, "meter"))
}

// priceProduct sets the product of a price: one that exists, or a new one.
func (c *call) priceProduct(o *price, p *params, path string) *apiError {
	switch {
	case p.has("product") && p.has("product_data"):
		return invalidCode("parameters_exclusive", paramPath(path, "product"), "You may only specify one of these parameters: product, product_data.")
	case p.has("product"):
		found, err := c.product(p.str("product"), paramPath(path, "product"))
		if err == nil {
			o.Product = found.ID
		}
		return inParam(err)
	case p.has("product_data"):
		made, err := c.addProduct(p.sub("product_data"), paramPath(path, "product_data"))
		if err == nil {
			o.Product = made.ID
		}
		return err
	}
	return invalidCode("parameter_missing", paramPath(path, "product"), "You must specify either `product` or `product_data` when creating a price.")
}

func (c *call) addPrice(o *price) { c.sandbox.store.add("price", o, o.Product) }

func createPrice(c *call) (object, *apiError) {
	o, err := c.newPrice(c.params, "")
	if err != nil {
		return nil, err
	}
	holder, err := c.lookupKeyHolder(o.LookupKey, "")
	if err != nil {
		return nil, err
	}
	if err := c.priceProduct(o, c.params, ""); err != nil {
		return nil, err
	}
	if c.params.has("product_data") {
		made, _ := lookup[*product](c.sandbox.store, o.Product)
		c.emit("product.created", made)
	}
	c.releaseLookupKey(holder)
	c.addPrice(o)
	c.emit("price.created", o)
	return o, nil
}

// lookupKeyHolder returns the price that has the key now, nil when there is none; it is
// an error when the key may not be taken from it. Inactive prices keep theirs.
func (c *call) lookupKeyHolder(key, self string) (*price, *apiError) {
	if key == "" {
		return nil, nil
	}
	for _, id := range c.sandbox.store.indexes[indexKey{kind: "price"}] {
		o, _ := lookup[*price](c.sandbox.store, id)
		if o.LookupKey != key || o.ID == self {
			continue
		}
		if !c.params.boolean("transfer_lookup_key") {
			return nil, invalidParam("lookup_key", "A price (`"+o.ID+"`) already uses that lookup key.")
		}
		return o, nil
	}
	return nil, nil
}

func (c *call) releaseLookupKey(holder *price) {
	if holder != nil {
		next := update(c, holder, func(o *price) { o.LookupKey = "" })
		c.emitChange("price.updated", next, previousAttributes(holder, next))
	}
}

func listPrices(c *call) (object, *apiError) {
	p := c.params
	if p.has("product") {
		if _, err := c.product(p.str("product"), "product"); err != nil {
			return nil, inParam(err)
		}
	}
	keys, r := p.strings("lookup_keys"), p.sub("recurring")
	same := func(p *params, name, value string) bool { return !p.has(name) || p.str(name) == value }
	return result(page(c, "price", c.sandbox.store.indexes[indexKey{"price", p.str("product")}], func(o *price) bool {
		return (!p.has("active") || p.boolean("active") == o.Active) && same(p, "currency", o.Currency) && same(p, "type", o.kind()) &&
			(keys == nil || slices.Contains(keys, o.LookupKey)) &&
			(r == nil || o.Recurring != nil && same(r, "interval", o.Recurring.Interval) && same(r, "meter", o.Recurring.Meter) &&
				same(r, "usage_type", o.Recurring.UsageType))
	}))
}

func updatePrice(c *call) (object, *apiError) {
	old, err := resourceAt[*price](c, 0, "price", "price")
	if err != nil {
		return nil, err
	}
	p := c.params
	holder, err := c.lookupKeyHolder(p.str("lookup_key"), old.ID)
	if err != nil {
		return nil, err
	}
	if p.has("tax_behavior") && old.TaxBehavior != "unspecified" && p.str("tax_behavior") != old.TaxBehavior {
		return nil, invalidParam("tax_behavior", "The tax behavior of a price cannot be changed once it is set.")
	}
	c.releaseLookupKey(holder)
	o := update(c, old, func(o *price) {
		for name, at := range map[string]*string{"nickname": &o.Nickname, "lookup_key": &o.LookupKey} {
			if p.sent(name) {
				*at = p.str(name)
			}
		}
		if p.has("active") {
			o.Active = p.boolean("active")
		}
		if p.has("tax_behavior") {
			o.TaxBehavior = p.str("tax_behavior")
		}
		o.Metadata = p.metadata(o.Metadata)
	})
	if previous := previousAttributes(old, o); previous != nil {
		c.emitChange("price.updated", o, previous)
	}
	return o, nil
}
