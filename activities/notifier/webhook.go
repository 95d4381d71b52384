package notifier

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/appwebhook"
)

// webhookAnswerLimit is how much of the answer is read, only so that the connection can be used again.
const webhookAnswerLimit = 64 << 10

// Webhook posts every notification to the app, signed as https://www.standardwebhooks.com prescribes.
type Webhook struct {
	endpoint *appwebhook.Endpoint
	links    activities.Links
	now      func() time.Time
}

// NewWebhook posts to address, an http or https URL, and signs with secret, "whsec_" and 24 to 64 bytes in base64. A
// nil client means http.DefaultClient; redirects are not followed in any case. Errors do not repeat the secret.
func NewWebhook(address, secret string, links activities.Links, client *http.Client) (*Webhook, error) {
	endpoint, err := appwebhook.New(address, secret, client)
	if err != nil {
		return nil, err
	}
	return &Webhook{endpoint: endpoint, links: links, now: time.Now}, nil
}

// Channel is "webhook".
func (w *Webhook) Channel() string { return "webhook" }

// webhookBody is what the app receives. Repeated deliveries have the same body and webhook-id.
type webhookBody struct {
	Type      activities.NotificationKind `json:"type"`
	Timestamp time.Time                   `json:"timestamp"`
	Data      webhookData                 `json:"data"`
}

// webhookData is the notification, with the address in place of the wish for one.
type webhookData struct {
	activities.Notification
	Link string `json:"link,omitempty"`
}

// Deliver posts n once. A 2xx is success. Errors: *activities.UndeliverableError for an answer that will not change
// (410 and every other 4xx but 408, 409, 425 and 429); anything else is worth another try.
func (w *Webhook) Deliver(ctx context.Context, n activities.Notification) error {
	data := webhookData{Notification: n}
	if n.Link {
		data.Link = w.links.Link(n.WorkflowID, n.LinkExpires)
	}
	payload, err := json.Marshal(webhookBody{Type: n.Kind, Timestamp: n.At.UTC(), Data: data})
	if err != nil {
		return fmt.Errorf("webhook: encoding: %w", err)
	}
	answer, err := w.endpoint.Post(ctx, n.ID, w.now(), payload, webhookAnswerLimit)
	if err != nil && answer.Status == 0 {
		return fmt.Errorf("webhook: %w", err)
	}
	return webhookResult(answer.Status)
}

func webhookResult(status int) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		return fmt.Errorf("webhook: answered %d", status)
	case status >= 400 && status < 500:
		return &activities.UndeliverableError{Reason: "http_" + strconv.Itoa(status)}
	case status >= 300 && status < 400:
		return fmt.Errorf("webhook: answered %d, redirects are not followed", status)
	}
	return fmt.Errorf("webhook: answered %d", status)
}
