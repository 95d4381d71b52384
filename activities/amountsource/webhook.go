package amountsource

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/appwebhook"
)

// requestType is the "type" of the request.
const requestType = "amount_requested"

// Webhook asks the app by a signed request.
type Webhook struct {
	endpoint *appwebhook.Endpoint
	now      func() time.Time
}

// NewWebhook asks at address, https (or http on this machine), and signs with secret, "whsec_" and 24 to 64 bytes in
// base64. A nil client means http.DefaultClient; redirects are not followed in any case. Errors do not repeat the secret.
func NewWebhook(address, secret string, client *http.Client) (*Webhook, error) {
	if err := appwebhook.CheckSecure(address); err != nil {
		return nil, fmt.Errorf("webhook url: %w", err)
	}
	endpoint, err := appwebhook.New(address, secret, client)
	if err != nil {
		return nil, err
	}
	return &Webhook{endpoint: endpoint, now: time.Now}, nil
}

// requestBody is what the app receives. Repetitions have the same body and webhook-id.
type requestBody struct {
	Type        string    `json:"type"`
	Agreement   string    `json:"agreement"`
	Reference   string    `json:"reference"`
	Customer    string    `json:"customer"`
	Currency    string    `json:"currency"`
	PeriodStart time.Time `json:"period_start"`
	PeriodEnd   time.Time `json:"period_end"`
}

// RequestAmount asks once. Errors: *activities.UnusableAmountError for an answer that will not become better by asking
// again: 404, 410 and 422 (the app does not know the reference), and a 200 that is not what was asked for. Every other
// status, and no answer within ten seconds, is worth another try.
func (w *Webhook) RequestAmount(ctx context.Context, in activities.RequestAmountInput) (activities.RequestAmountResult, error) {
	payload, err := json.Marshal(requestBody{
		Type: requestType, Agreement: in.Agreement, Reference: in.Reference, Customer: in.Customer, Currency: in.Currency,
		PeriodStart: in.PeriodStart.UTC(), PeriodEnd: in.PeriodEnd.UTC(),
	})
	if err != nil {
		return activities.RequestAmountResult{}, fmt.Errorf("encoding: %w", err)
	}
	answer, err := w.endpoint.Post(ctx, requestType+":"+in.Reference, w.now(), payload, answerLimit)
	if err != nil {
		return activities.RequestAmountResult{}, err
	}
	switch status := answer.Status; {
	case status == http.StatusOK:
		return readAnswer(answer, in)
	case status == http.StatusNotFound, status == http.StatusGone, status == http.StatusUnprocessableEntity:
		return activities.RequestAmountResult{}, unusable("answered %d, it does not know the reference", status)
	case status >= 300 && status < 400:
		return activities.RequestAmountResult{}, fmt.Errorf("answered %d, redirects are not followed", status)
	default:
		return activities.RequestAmountResult{}, fmt.Errorf("answered %d", status)
	}
}

func unusable(format string, args ...any) error {
	return &activities.UnusableAmountError{Reason: fmt.Sprintf(format, args...)}
}
