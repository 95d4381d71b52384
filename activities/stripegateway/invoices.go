package stripegateway

import (
	"context"

	"github.com/offsession/offsession/activities"
)

// SubscriptionInvoices lists the subscription's newest 100 invoices, newest first.
func (g *Gateway) SubscriptionInvoices(ctx context.Context, subscription string) ([]activities.Invoice, error) {
	_, _ = ctx, subscription
	return nil, errNotBuilt
}

// Invoice reads one with the status of its payment.
func (g *Gateway) Invoice(ctx context.Context, id string) (activities.Invoice, error) {
	_, _ = ctx, id
	return activities.Invoice{}, errNotBuilt
}

// InvoiceURL reads the hosted_invoice_url under which the customer can pay the invoice. It must not be stored or logged. It
// is empty when Stripe has no page for it.
func (g *Gateway) InvoiceURL(ctx context.Context, id string) (string, error) {
	_, _ = ctx, id
	return "", errNotBuilt
}
