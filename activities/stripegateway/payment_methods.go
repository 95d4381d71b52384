package stripegateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// PaymentMethod reads one, attached or not. https://docs.stripe.com/api/payment_methods/retrieve
func (g *Gateway) PaymentMethod(ctx context.Context, id string) (activities.PaymentMethod, error) {
	if err := required("payment_method", id); err != nil {
		return activities.PaymentMethod{}, err
	}
	response, err := g.client.V1PaymentMethods.Retrieve(ctx, id, &stripe.PaymentMethodRetrieveParams{})
	return answer(g, operation{name: "retrieve_payment_method", object: "payment_method"}, response, err, paymentMethod)
}

// AttachPaymentMethod attaches to customer; again to the same customer changes nothing. A method that cannot be
// attached, because it is another customer's, was detached or was used without one, is a StripeMissing about
// payment_method; a card that the issuer refuses to have saved is a StripeDeclined.
// https://docs.stripe.com/api/payment_methods/attach
func (g *Gateway) AttachPaymentMethod(ctx context.Context, id, customer, idempotencyKey string) (activities.PaymentMethod, error) {
	if err := required("payment_method", id, "customer", customer, "idempotency_key", idempotencyKey); err != nil {
		return activities.PaymentMethod{}, err
	}
	params := &stripe.PaymentMethodAttachParams{Customer: stripe.String(customer)}
	params.SetIdempotencyKey(idempotencyKey)
	response, err := g.client.V1PaymentMethods.Attach(ctx, id, params)
	return answer(g, operation{name: "attach_payment_method", object: "payment_method", attaches: true}, response, err, paymentMethod)
}

// paymentMethod is false when Stripe sent no PaymentMethod.
func paymentMethod(pm *stripe.PaymentMethod) (activities.PaymentMethod, bool) {
	if pm.ID == "" || pm.Type == "" {
		return activities.PaymentMethod{}, false
	}
	out := activities.PaymentMethod{ID: pm.ID, Type: string(pm.Type), Stamp: stamp(pm)}
	if pm.Customer != nil {
		out.Customer = pm.Customer.ID
	}
	if pm.Card != nil {
		out.Brand = string(pm.Card.Brand)
		out.Last4 = pm.Card.Last4
		out.ExpMonth = pm.Card.ExpMonth
		out.ExpYear = pm.Card.ExpYear
	} else {
		_, out.Last4 = bankAccount(pm)
	}
	return out, true
}

// stamp identifies the data behind a method, 12 hexadecimal digits. It changes when the network updates the card, and
// nothing can be read back from it. Empty for a method that was not expanded, or that has no number.
func stamp(pm *stripe.PaymentMethod) string {
	var data string
	if pm.Card != nil {
		data = fmt.Sprintf("card|%s|%d|%d|%s", pm.Card.Fingerprint, pm.Card.ExpMonth, pm.Card.ExpYear, pm.Card.Last4)
	} else {
		fingerprint, last4 := bankAccount(pm)
		if fingerprint == "" && last4 == "" {
			return ""
		}
		data = fmt.Sprintf("%s|%s|%s", pm.Type, fingerprint, last4)
	}
	sum := sha256.Sum256([]byte(data))
	return hex.EncodeToString(sum[:6])
}

// bankAccount is empty for methods that are not a bank account.
func bankAccount(pm *stripe.PaymentMethod) (fingerprint, last4 string) {
	switch {
	case pm.ACSSDebit != nil:
		return pm.ACSSDebit.Fingerprint, pm.ACSSDebit.Last4
	case pm.AUBECSDebit != nil:
		return pm.AUBECSDebit.Fingerprint, pm.AUBECSDebit.Last4
	case pm.BACSDebit != nil:
		return pm.BACSDebit.Fingerprint, pm.BACSDebit.Last4
	case pm.NzBankAccount != nil:
		return "", pm.NzBankAccount.Last4
	case pm.SEPADebit != nil:
		return pm.SEPADebit.Fingerprint, pm.SEPADebit.Last4
	case pm.USBankAccount != nil:
		return pm.USBankAccount.Fingerprint, pm.USBankAccount.Last4
	default:
		return "", ""
	}
}
