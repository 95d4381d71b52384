package stripegateway

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// chargedPaymentIntent is what is read of an answer that a card was charged: nearly all are. stripe-go's own object reads
// each nested one several times over, which takes more CPU time than everything else that a charge needs.
type chargedPaymentIntent struct {
	stripe.APIResource

	ID            string            `json:"id"`
	Status        string            `json:"status"`
	Amount        int64             `json:"amount"`
	Currency      string            `json:"currency"`
	Customer      string            `json:"customer"`
	Created       int64             `json:"created"`
	Metadata      map[string]string `json:"metadata"`
	PaymentMethod struct {
		ID   string       `json:"id"`
		Card *chargedCard `json:"card"`
	} `json:"payment_method"`
	LatestCharge struct {
		ID             string `json:"id"`
		Created        int64  `json:"created"`
		AmountRefunded int64  `json:"amount_refunded"`
		Disputed       bool   `json:"disputed"`
	} `json:"latest_charge"`
}

// chargedCard is what stamp reads.
type chargedCard struct {
	Fingerprint string `json:"fingerprint"`
	ExpMonth    int64  `json:"exp_month"`
	ExpYear     int64  `json:"exp_year"`
	Last4       string `json:"last4"`
}

// createPaymentIntent sends what V1PaymentIntents.Create sends.
func (g *Gateway) createPaymentIntent(ctx context.Context, params *stripe.PaymentIntentCreateParams) (*chargedPaymentIntent, error) {
	params.Context = ctx
	service := g.client.V1PaymentIntents
	response := &chargedPaymentIntent{}
	err := service.B.Call(http.MethodPost, "/v1/payment_intents", service.Key, params, response)
	if err != nil && response.LastResponse != nil && json.Unmarshal(raw(response.LastResponse), &stripe.PaymentIntent{}) == nil {
		// Answered, but not in this form.
		response.Status, err = "", nil
	}
	return response, err
}

// createdPaymentIntent takes an answer that is anything but the usual success from stripe-go's object.
func createdPaymentIntent(r *chargedPaymentIntent) (activities.PaymentIntent, bool) {
	card := r.PaymentMethod.Card
	if r.Status != string(stripe.PaymentIntentStatusSucceeded) || r.ID == "" || card == nil {
		var whole stripe.PaymentIntent
		if json.Unmarshal(raw(r.LastResponse), &whole) != nil {
			return activities.PaymentIntent{}, false
		}
		whole.LastResponse = r.LastResponse
		return retrievedPaymentIntent(&whole)
	}
	return activities.PaymentIntent{
		ID: r.ID, Status: activities.PaymentIntentSucceeded, Amount: r.Amount, Currency: r.Currency, Customer: r.Customer,
		PaymentMethod: r.PaymentMethod.ID,
		PaymentMethodStamp: stamp(&stripe.PaymentMethod{Card: &stripe.PaymentMethodCard{
			Fingerprint: card.Fingerprint, ExpMonth: card.ExpMonth, ExpYear: card.ExpYear, Last4: card.Last4,
		}}),
		LatestCharge: r.LatestCharge.ID, ChargedAt: instant(r.LatestCharge.Created),
		AmountRefunded: r.LatestCharge.AmountRefunded, Disputed: r.LatestCharge.Disputed,
		Created: instant(r.Created), Metadata: r.Metadata,
	}, true
}
