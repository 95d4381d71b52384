package stripesandbox

import "slices"

// product: https://docs.stripe.com/api/products/object
type product struct {
	header
	Name, Description   string
	Active              bool
	DefaultPrice        string
	Images              []string
	StatementDescriptor string
	UnitLabel           string
	URL                 string
	Updated             int64
	Deleted             bool
}

func (o *product) render(w *writer) {
	w.open("")
	w.str("id", o.ID)
	w.str("object", "product")
	if o.Deleted {
		w.boolean("deleted", true)
		w.close()
		return
	}
	w.boolean("active", o.Active)
	w.integer("created", o.Created)
	w.ref("default_price", o.DefaultPrice)
	w.opt("description", o.Description)
	w.strings("images", o.Images)
	w.boolean("livemode", false)
	w.raw("marketing_features", "[]")
	w.metadata(o.Metadata)
	w.str("name", o.Name)
	w.null("package_dimensions", "shippable")
	w.opt("statement_descriptor", o.StatementDescriptor)
	w.null("tax_code")
	w.opt("unit_label", o.UnitLabel)
	w.integer("updated", o.Updated)
	w.opt("url", o.URL)
	w.close()
}

var productFields = fields{
	"name": text, "active": boolean, "description": text, "images": texts, "metadata": metadata,
	"statement_descriptor": text, "unit_label": text, "url": text,
}.ignoring("marketing_features", "package_dimensions", "shippable", "tax_code")

var productRoutes = []route{
	{method: "POST", pattern: "/v1/products", kind: "product", handle: createProduct, fields: productFields.with(fields{
		"id": text, "name": required(text), "default_price_data": objectOf(fields{
			"currency": required(text), "unit_amount": integer, "unit_amount_decimal": text, "metadata": metadata,
			"recurring": objectOf(inlineRecurring), "tax_behavior": taxBehavior,
		}),
	})},
	{method: "GET", pattern: "/v1/products", kind: "product", list: true, handle: listProducts, fields: listFields.with(fields{
		"active": boolean, "ids": texts, "url": text,
	}).ignoring("shippable")},
	{method: "GET", pattern: "/v1/products/{}", kind: "product", handle: func(c *call) (object, *apiError) {
		return result(c.product(c.ids[0], "id"))
	}},
	{method: "POST", pattern: "/v1/products/{}", kind: "product", handle: updateProduct, fields: productFields.with(fields{"default_price": text})},
	{method: "DELETE", pattern: "/v1/products/{}", kind: "product", handle: deleteProduct},
}

// product returns one that exists and is not deleted.
func (c *call) product(id, param string) (*product, *apiError) {
	o, err := named[*product](c, id, "product", param)
	if err == nil && o.Deleted {
		return nil, noSuch("product", id, param)
	}
	return o, err
}

// addProduct stores a product that is asked for on its own or inside of a price.
func (c *call) addProduct(p *params, path string) (*product, *apiError) {
	o := &product{header: c.newHeader("prod_", p.metadata(nil)), Active: true, Updated: c.now.Unix()}
	o.ID = o.ID[:len("prod_")+14]
	if !p.has("name") {
		return nil, missingParam(paramPath(path, "name"))
	}
	o.change(p)
	if id := p.str("id"); id != "" {
		if err := c.claim(id, "Product", paramPath(path, "id")); err != nil {
			return nil, err
		}
		o.ID = id
	}
	c.sandbox.store.add("product", o)
	return o, nil
}

// claim takes an id of the caller's choice, of a deleted product or coupon if need be.
func (c *call) claim(id, name, param string) *apiError {
	switch o := c.sandbox.store.find(id).(type) {
	case nil:
		return nil
	case *product:
		if o.Deleted {
			c.sandbox.store.remove("product", o)
			return nil
		}
	case *coupon:
		if o.Deleted {
			c.sandbox.store.remove("coupon", o)
			return nil
		}
	}
	return invalidCode("resource_already_exists", param, name+" already exists.")
}

func (o *product) change(p *params) {
	for name, at := range map[string]*string{
		"name": &o.Name, "description": &o.Description, "statement_descriptor": &o.StatementDescriptor,
		"unit_label": &o.UnitLabel, "url": &o.URL, "default_price": &o.DefaultPrice,
	} {
		if p.sent(name) {
			*at = p.str(name)
		}
	}
	if p.sent("images") {
		o.Images = p.strings("images")
	}
	if p.has("active") {
		o.Active = p.boolean("active")
	}
	o.Metadata = p.metadata(o.Metadata)
}

func createProduct(c *call) (object, *apiError) {
	var first *price
	data := c.params.sub("default_price_data")
	if data != nil {
		var err *apiError
		if first, err = c.newPrice(data, "default_price_data"); err != nil {
			return nil, err
		}
	}
	o, err := c.addProduct(c.params, "")
	if err != nil {
		return nil, err
	}
	c.emit("product.created", o)
	if first != nil {
		first.Product = o.ID
		c.addPrice(first)
		c.emit("price.created", first)
		o = update(c, o, func(o *product) { o.DefaultPrice = first.ID })
		c.emitChange("product.updated", o, map[string]string{"default_price": "null"})
	}
	return o, nil
}

func listProducts(c *call) (object, *apiError) {
	ids := c.params.strings("ids")
	return result(page(c, "product", c.sandbox.store.indexes[indexKey{kind: "product"}], func(o *product) bool {
		return !o.Deleted && (!c.params.has("active") || c.params.boolean("active") == o.Active) &&
			(ids == nil || slices.Contains(ids, o.ID)) &&
			(!c.params.has("url") || c.params.str("url") == o.URL)
	}))
}

func updateProduct(c *call) (object, *apiError) {
	old, err := c.product(c.ids[0], "id")
	if err != nil {
		return nil, err
	}
	if c.params.sent("name") && !c.params.has("name") {
		return nil, invalidCode("parameter_invalid_empty", "name",
			"You passed an empty string for 'name'. We assume empty values are an attempt to unset a parameter; however 'name' cannot be unset.")
	}
	if id := c.params.str("default_price"); id != "" {
		if pr, ok := lookup[*price](c.sandbox.store, id); !ok || pr.Product != old.ID {
			return nil, inParam(noSuch("price", id, "default_price"))
		}
	}
	o := update(c, old, func(o *product) { o.change(c.params) })
	if previousAttributes(old, o) != nil {
		o = update(c, o, func(o *product) { o.Updated = c.now.Unix() })
		c.emitChange("product.updated", o, previousAttributes(old, o))
	}
	return o, nil
}

// deleteProduct takes only products that were never priced, as Stripe does.
func deleteProduct(c *call) (object, *apiError) {
	o, err := c.product(c.ids[0], "id")
	if err != nil {
		return nil, err
	}
	if len(c.sandbox.store.indexes[indexKey{"price", o.ID}]) > 0 {
		return nil, invalidParam("id", "This product cannot be deleted because it has one or more user-created prices.")
	}
	c.emit("product.deleted", o)
	return update(c, o, func(o *product) { o.Deleted = true }), nil
}
