package stripesandbox

func (c *call) payCheckoutPage(id string, in Payment) (string, *apiError) {
	cs, err := c.payByID(id, in)
	if err != nil {
		return "", err
	}
	return webURL(cs.redirect()), nil
}

func (c *call) checkoutPage(id string, sent choice, methods bool, failed *apiError) (*buyerPage, int) {
	cs, err := named[*checkoutSession](c, id, "checkout.session", "session")
	if err != nil {
		return &buyerPage{Title: "Not found", Heading: "No such Checkout Session", Text: err.Message}, err.Status
	}
	p := &buyerPage{ID: cs.ID, Text: "Saves a payment method for later. Nothing is charged now."}
	if cs.Mode == modePayment {
		p.Text, p.Total = "", amountText(cs.AmountTotal, cs.Currency)
		for _, li := range cs.LineItems {
			p.Lines = append(p.Lines, lineOf(li.Description, li.Quantity, li.amount(), li.Price.Currency))
		}
	}
	switch cs.Status {
	case sessionComplete:
		p.Heading, p.Text = "Payment method saved", "This Checkout Session is complete."
		if cs.Mode == modePayment {
			p.Heading = "Paid"
			if cs.PaymentStatus == paymentUnpaid {
				p.Heading, p.Text = "Payment under way", "This Checkout Session is complete. The bank's answer to the debit comes later."
			}
		}
		p.Next = webURL(cs.redirect())
	case sessionExpired:
		p.Heading, p.Text, p.Back = "This session has expired", "Nothing was charged. Go back and start again.", webURL(cs.CancelURL)
	default:
		c.offer(p, cs, sent, methods, failed)
	}
	return p, p.status(cs.Status == sessionExpired, failed)
}

// offer shows what an open session waits for.
func (c *call) offer(p *buyerPage, cs *checkoutSession, sent choice, methods bool, failed *apiError) {
	p.Heading, p.Button, p.Back = "Save a payment method", "Save", webURL(cs.CancelURL)
	if cs.Mode == modePayment {
		p.Heading, p.Button = "Pay "+p.Total, "Pay "+p.Total
	}
	if p.challenge(c.challenged(cs.PaymentIntent, cs.SetupIntent), methods, failed) {
		return
	}
	p.choose(append(methodGroups(cs.PaymentMethodTypes, cs.Currency), c.savedGroup(cs)...), sent.method)
	p.AskEmail = cs.Customer == "" && cs.CustomerEmail == "" && cs.BuyerEmail == ""
	p.Email = sent.email
}
