package activities

import "context"

// ReadMethodInput asks for the method that the next attempt would use.
type ReadMethodInput struct {
	Customer string `json:"customer"`
	// PaymentMethod is empty for the customer's default.
	PaymentMethod string `json:"payment_method,omitempty"`
}

// ReadMethodResult is the method that the next attempt would use.
type ReadMethodResult struct {
	// PaymentMethod is empty when there is none, or it does not belong to the customer any more.
	PaymentMethod string `json:"payment_method,omitempty"`
	// Stamp identifies its present card data.
	Stamp string `json:"stamp,omitempty"`
	// Type, Brand, Last4, ExpMonth and ExpYear describe it as PaymentMethod does.
	Type     string `json:"type,omitempty"`
	Brand    string `json:"brand,omitempty"`
	Last4    string `json:"last4,omitempty"`
	ExpMonth int64  `json:"exp_month,omitempty"`
	ExpYear  int64  `json:"exp_year,omitempty"`
	// CustomerDeleted says that the customer is gone.
	CustomerDeleted bool `json:"customer_deleted,omitempty"`
}

// ReadChosenMethod reads the method that the next attempt would use. It changes nothing.
func (p *Payments) ReadChosenMethod(ctx context.Context, in ReadMethodInput) (ReadMethodResult, error) {
	c, err := p.ports.Customers.Customer(ctx, in.Customer)
	if IsStripeError(err, StripeMissing) || (err == nil && c.Deleted) {
		return ReadMethodResult{CustomerDeleted: true}, nil
	}
	if err != nil {
		return ReadMethodResult{}, applicationError(err)
	}
	id := in.PaymentMethod
	if id == "" {
		id = c.DefaultPaymentMethod
	}
	if id == "" {
		return ReadMethodResult{}, nil
	}
	m, err := p.ports.PaymentMethods.PaymentMethod(ctx, id)
	if IsStripeError(err, StripeMissing) || (err == nil && m.Customer != in.Customer) {
		return ReadMethodResult{}, nil
	}
	if err != nil {
		return ReadMethodResult{}, applicationError(err)
	}
	return ReadMethodResult{
		PaymentMethod: m.ID, Stamp: m.Stamp, Type: m.Type, Brand: m.Brand, Last4: m.Last4, ExpMonth: m.ExpMonth, ExpYear: m.ExpYear,
	}, nil
}
