package stripesandbox

import "net/http"

// handlePayInvoice is the customer on the page of an invoice, for tests.
func (s *Sandbox) handlePayInvoice(w http.ResponseWriter, r *http.Request) {
	var in Payment
	if !readJSON(w, r, &in) {
		return
	}
	s.respond(w, func(c *call) (object, *apiError) { return result(c.payInvoiceByID(r.PathValue("id"), in)) })
}

func (c *call) payInvoiceByID(id string, in Payment) (*invoice, *apiError) {
	inv, err := named[*invoice](c, id, "invoice", "invoice")
	if err != nil {
		return nil, err
	}
	return c.payInvoiceAsBuyer(inv, in)
}

func (c *call) payInvoicePage(id string, in Payment) (string, *apiError) {
	_, err := c.payInvoiceByID(id, in)
	return "", err
}

// invoicePage is the hosted invoice page. Drafts have none.
func (c *call) invoicePage(id string, sent choice, methods bool, failed *apiError) (*buyerPage, int) {
	inv, err := named[*invoice](c, id, "invoice", "invoice")
	if err != nil || inv.Status == invoiceDraft {
		return &buyerPage{Title: "Not found", Heading: "No such invoice", Text: "No such invoice: '" + id + "'"}, http.StatusNotFound
	}
	p := &buyerPage{ID: inv.ID, Lines: inv.pageLines(), Total: amountText(inv.AmountDue, inv.Currency)}
	switch inv.Status {
	case invoicePaid:
		p.Heading, p.Text = "Paid", "Invoice "+inv.Number+" is paid."
	case invoiceOpen:
		c.offerInvoice(p, inv, sent, methods, failed)
	default:
		p.Heading, p.Text = "This invoice is closed", "Invoice "+inv.Number+" is "+inv.Status+". Nothing is to be paid."
	}
	return p, p.status(inv.Status != invoicePaid && inv.Status != invoiceOpen, failed)
}

// offerInvoice shows what an open invoice waits for.
func (c *call) offerInvoice(p *buyerPage, inv *invoice, sent choice, methods bool, failed *apiError) {
	pi, _ := lookup[*paymentIntent](c.sandbox.store, inv.PaymentIntent)
	if pi.Status == statusProcessing {
		p.Heading, p.Text = "Payment under way", "The bank's answer to the debit for invoice "+inv.Number+" comes later."
		return
	}
	p.Heading, p.Button, p.Text = "Pay "+p.Total, "Pay "+p.Total, "Invoice "+inv.Number
	if p.challenge(c.challenged(pi.ID, ""), methods, failed) {
		return
	}
	p.choose(methodGroups(pi.Terms.PaymentMethodTypes, inv.Currency), sent.method)
}

func (o *invoice) pageLines() []pageLine {
	var lines []pageLine
	for _, l := range o.Lines {
		lines = append(lines, pageLine{l.Description, amountText(l.Amount, o.Currency)})
	}
	if off := o.Total - o.Subtotal; off != 0 {
		lines = append(lines, pageLine{"Discount", amountText(off, o.Currency)})
	}
	if balance := o.AmountDue - o.Total; balance != 0 {
		lines = append(lines, pageLine{"Balance of the customer", amountText(balance, o.Currency)})
	}
	return lines
}
