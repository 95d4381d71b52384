package stripegateway

import (
	"context"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// metadataTimeZone is the customer's own entry, an IANA name, that decides at which hour retries happen.
const metadataTimeZone = "time_zone"

// Customer reads one. A deleted customer is an answer, not an error.
// https://docs.stripe.com/api/customers/retrieve
func (g *Gateway) Customer(ctx context.Context, id string) (activities.Customer, error) {
	return readCustomer(ctx, g, id, func(c *stripe.Customer) (activities.Customer, bool) {
		out := activities.Customer{ID: c.ID, Deleted: c.Deleted, TimeZone: c.Metadata[metadataTimeZone]}
		if c.InvoiceSettings != nil && c.InvoiceSettings.DefaultPaymentMethod != nil {
			out.DefaultPaymentMethod = c.InvoiceSettings.DefaultPaymentMethod.ID
		}
		return out, c.ID != ""
	})
}

// CustomerContact reads the address for a message. It must not be stored or logged. All of it is empty when the
// customer was deleted.
func (g *Gateway) CustomerContact(ctx context.Context, id string) (activities.CustomerContact, error) {
	return readCustomer(ctx, g, id, func(c *stripe.Customer) (activities.CustomerContact, bool) {
		out := activities.CustomerContact{Email: c.Email, Name: c.Name}
		if len(c.PreferredLocales) > 0 {
			out.Locale = c.PreferredLocales[0]
		}
		return out, c.ID != ""
	})
}

func readCustomer[T any](ctx context.Context, g *Gateway, id string, convert func(*stripe.Customer) (T, bool)) (T, error) {
	if err := required("customer", id); err != nil {
		var none T
		return none, err
	}
	response, err := g.client.V1Customers.Retrieve(ctx, id, &stripe.CustomerRetrieveParams{})
	return answer(g, operation{name: "retrieve_customer", object: "customer"}, response, err, convert)
}

// CreateCustomer makes an empty customer and answers its id. https://docs.stripe.com/api/customers/create
func (g *Gateway) CreateCustomer(ctx context.Context, metadata map[string]string, idempotencyKey string) (string, error) {
	if err := required("idempotency_key", idempotencyKey); err != nil {
		return "", err
	}
	params := &stripe.CustomerCreateParams{Metadata: metadata}
	params.SetIdempotencyKey(idempotencyKey)
	response, err := g.client.V1Customers.Create(ctx, params)
	return answer(g, operation{name: "create_customer"}, response, err, customerID)
}

// SetDefaultPaymentMethod writes invoice_settings.default_payment_method. A method that is not attached to the customer
// is a StripeMissing. https://docs.stripe.com/api/customers/update
func (g *Gateway) SetDefaultPaymentMethod(ctx context.Context, customer, paymentMethod, idempotencyKey string) error {
	if err := required("customer", customer, "payment_method", paymentMethod, "idempotency_key", idempotencyKey); err != nil {
		return err
	}
	params := &stripe.CustomerUpdateParams{
		InvoiceSettings: &stripe.CustomerUpdateInvoiceSettingsParams{DefaultPaymentMethod: stripe.String(paymentMethod)},
	}
	params.SetIdempotencyKey(idempotencyKey)
	response, err := g.client.V1Customers.Update(ctx, customer, params)
	_, err = answer(g, operation{name: "update_customer", object: "customer"}, response, err, customerID)
	return err
}

func customerID(c *stripe.Customer) (string, bool) {
	return c.ID, c.ID != ""
}
