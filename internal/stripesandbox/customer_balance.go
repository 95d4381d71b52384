package stripesandbox

// Types of customer balance transactions.
const (
	balanceInitial    = "initial"
	balanceAdjustment = "adjustment"
	balanceApplied    = "applied_to_invoice"
	balanceTooSmall   = "invoice_too_small"
)

// defaultCurrency is the account's, for amounts that come without one.
const defaultCurrency = "usd"

// customerBalanceTransaction: https://docs.stripe.com/api/customer_balance_transactions/object
type customerBalanceTransaction struct {
	header
	Amount        int64 // negative is credit
	Currency      string
	Customer      string
	Type          string
	EndingBalance int64
	Invoice       string
	Description   string
}

func (o *customerBalanceTransaction) render(w *writer) {
	w.open("")
	w.str("id", o.ID)
	w.str("object", "customer_balance_transaction")
	w.integer("amount", o.Amount)
	w.null("checkout_session")
	w.integer("created", o.Created)
	w.null("credit_note")
	w.str("currency", o.Currency)
	w.ref("customer", o.Customer)
	w.opt("description", o.Description)
	w.integer("ending_balance", o.EndingBalance)
	w.ref("invoice", o.Invoice)
	w.boolean("livemode", false)
	w.metadata(o.Metadata)
	w.str("type", o.Type)
	w.close()
}

var customerBalanceRoutes = []route{
	{method: "POST", pattern: "/v1/customers/{}/balance_transactions", kind: "customer_balance_transaction", handle: createCustomerBalance, fields: fields{
		"amount": required(integer), "currency": required(text), "description": text, "metadata": metadata,
	}},
	{method: "GET", pattern: "/v1/customers/{}/balance_transactions", kind: "customer_balance_transaction", list: true, handle: listCustomerBalances, fields: cursorFields},
	{method: "GET", pattern: "/v1/customers/{}/balance_transactions/{}", kind: "customer_balance_transaction", handle: func(c *call) (object, *apiError) {
		return result(c.customerBalanceTransaction())
	}},
	{method: "POST", pattern: "/v1/customers/{}/balance_transactions/{}", kind: "customer_balance_transaction", handle: updateCustomerBalance, fields: fields{
		"description": text, "metadata": metadata,
	}},
}

// changeBalance adds amount to what a customer owes: negative is credit for the next
// invoices. kind is the transaction's type, invoice the one that it belongs to, if any.
func (c *call) changeBalance(cus *customer, amount int64, currency, kind, invoice string) *customer {
	next, _ := c.addToBalance(cus, &customerBalanceTransaction{Amount: amount, Currency: currency, Type: kind, Invoice: invoice})
	c.emitChange("customer.updated", next, previousAttributes(cus, next))
	return next
}

// addToBalance is changeBalance for callers that tell of the new customer themselves.
func (c *call) addToBalance(cus *customer, o *customerBalanceTransaction) (*customer, *customerBalanceTransaction) {
	cus = update(c, cus, func(cus *customer) {
		cus.Balance += o.Amount
		cus.Currency = o.Currency
	})
	o.header = c.newHeader("cbtxn_", o.Metadata)
	o.Customer, o.EndingBalance = cus.ID, cus.Balance
	c.sandbox.store.add("customer_balance_transaction", o, cus.ID)
	return cus, o
}

// openBalance is what the next invoice settles: nothing once the customer is deleted.
func (o *customer) openBalance() int64 {
	if o.Deleted {
		return 0
	}
	return o.Balance
}

// setBalance makes a customer's balance what the parameter says.
func (c *call) setBalance(cus *customer, kind string) *customer {
	difference := c.params.integer("balance") - cus.Balance
	if !c.params.has("balance") || difference == 0 {
		return cus
	}
	currency := cus.Currency
	if currency == "" {
		currency = defaultCurrency
	}
	cus, _ = c.addToBalance(cus, &customerBalanceTransaction{Amount: difference, Currency: currency, Type: kind})
	return cus
}

func createCustomerBalance(c *call) (object, *apiError) {
	old, err := c.customer(c.ids[0], "customer")
	if err != nil {
		return nil, err
	}
	currency, amount := currencyOf(c.params), c.params.integer("amount")
	_, known := currencies[currency]
	switch {
	case !known:
		return nil, invalidParam("currency", "Invalid currency: "+currency+". Stripe currently supports these currencies: usd, eur, gbp, ...")
	case old.Currency != "" && old.Currency != currency:
		return nil, invalidParam("currency", "You cannot combine currencies on a single customer. This customer already has the currency "+old.Currency+".")
	case amount > maxAmount || amount < -maxAmount:
		return nil, invalidCode("parameter_invalid_integer", "amount", "The amount must be no more than 99999999 in "+currency+".")
	}
	cus, o := c.addToBalance(old, &customerBalanceTransaction{
		header: header{Metadata: c.params.metadata(nil)}, Amount: amount, Currency: currency, Type: balanceAdjustment, Description: c.params.str("description"),
	})
	if previous := previousAttributes(old, cus); previous != nil {
		c.emitChange("customer.updated", cus, previous)
	}
	return o, nil
}

// customerBalanceTransaction returns the one that the route names, of the customer it names.
func (c *call) customerBalanceTransaction() (*customerBalanceTransaction, *apiError) {
	cus, err := c.customer(c.ids[0], "customer")
	if err != nil {
		return nil, err
	}
	o, err := resourceAt[*customerBalanceTransaction](c, 1, "customer_balance_transaction", "transaction")
	if err == nil && o.Customer != cus.ID {
		return nil, noSuch("customer_balance_transaction", o.ID, "transaction")
	}
	return o, err
}

func listCustomerBalances(c *call) (object, *apiError) {
	cus, err := c.customer(c.ids[0], "customer")
	if err != nil {
		return nil, err
	}
	return result(page[*customerBalanceTransaction](c, "customer_balance_transaction", c.sandbox.store.indexes[indexKey{"customer_balance_transaction", cus.ID}], nil))
}

func updateCustomerBalance(c *call) (object, *apiError) {
	old, err := c.customerBalanceTransaction()
	if err != nil {
		return nil, err
	}
	return update(c, old, func(o *customerBalanceTransaction) {
		if c.params.sent("description") {
			o.Description = c.params.str("description")
		}
		o.Metadata = c.params.metadata(o.Metadata)
	}), nil
}
