package stripegateway

import (
	"context"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// SubscriptionInvoices lists the subscription's newest 100 invoices, newest first, without their payments.
// https://docs.stripe.com/api/invoices/list
func (g *Gateway) SubscriptionInvoices(ctx context.Context, subscription string) ([]activities.Invoice, error) {
	if err := required("subscription", subscription); err != nil {
		return nil, err
	}
	params := &stripe.InvoiceListParams{Subscription: stripe.String(subscription)}
	params.Limit, params.Single = stripe.Int64(pageSize), true
	call := operation{name: "list_invoices"}
	var found []activities.Invoice
	for listed, err := range g.client.V1Invoices.List(ctx, params) {
		if err != nil {
			return nil, g.failure(call, err)
		}
		inv, ok := invoice(listed)
		if !ok {
			return nil, g.failure(call, errIncomplete)
		}
		found = append(found, inv)
	}
	return found, nil
}

// Invoice reads one with the status of its payment. https://docs.stripe.com/api/invoices/retrieve
func (g *Gateway) Invoice(ctx context.Context, id string) (activities.Invoice, error) {
	return readInvoice(ctx, g, id, []string{"payments.data.payment.payment_intent"}, func(inv *stripe.Invoice) (activities.Invoice, bool) {
		out, ok := invoice(inv)
		if !ok || inv.Payments == nil {
			return out, false
		}
		payment := defaultPayment(inv.Payments)
		if payment == nil {
			return out, true
		}
		out.Payment = activities.PaymentIntentStatus(payment.Status)
		return out, out.Payment != ""
	})
}

// InvoiceURL reads the hosted_invoice_url under which the customer can pay the invoice. It must not be stored or logged. It
// is empty when Stripe has no page for it.
func (g *Gateway) InvoiceURL(ctx context.Context, id string) (string, error) {
	return readInvoice(ctx, g, id, nil, func(inv *stripe.Invoice) (string, bool) { return inv.HostedInvoiceURL, inv.ID != "" })
}

func readInvoice[T any](ctx context.Context, g *Gateway, id string, expand []string, convert func(*stripe.Invoice) (T, bool)) (T, error) {
	if err := required("invoice", id); err != nil {
		var none T
		return none, err
	}
	response, err := g.client.V1Invoices.Retrieve(ctx, id, &stripe.InvoiceRetrieveParams{Expand: optionalList(expand)})
	return answer(g, operation{name: "retrieve_invoice", object: "invoice"}, response, err, convert)
}

// invoice is false when Stripe sent no invoice.
func invoice(inv *stripe.Invoice) (activities.Invoice, bool) {
	out := activities.Invoice{
		ID:                 inv.ID,
		Status:             activities.InvoiceStatus(inv.Status),
		AmountDue:          inv.AmountDue,
		Currency:           string(inv.Currency),
		Attempted:          inv.Attempted,
		NextPaymentAttempt: instant(inv.NextPaymentAttempt),
	}
	if inv.StatusTransitions != nil {
		out.PaidAt = instant(inv.StatusTransitions.PaidAt)
	}
	return out, inv.ID != "" && inv.Status != ""
}

// defaultPayment is the PaymentIntent with which Stripe collects the invoice, the newest if there were several; nil when
// there is none. Others are payments that the app has added. https://docs.stripe.com/api/invoice-payment/object
func defaultPayment(payments *stripe.InvoicePaymentList) *stripe.PaymentIntent {
	var newest *stripe.InvoicePayment
	for _, p := range payments.Data {
		if p.Payment == nil || p.Payment.PaymentIntent == nil {
			continue
		}
		if newest == nil || p.IsDefault && !newest.IsDefault || p.IsDefault == newest.IsDefault && p.Created > newest.Created {
			newest = p
		}
	}
	if newest == nil {
		return nil
	}
	return newest.Payment.PaymentIntent
}
