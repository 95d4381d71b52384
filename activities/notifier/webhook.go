package notifier

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/offsession/offsession/activities"
)

const (
	// webhookTimeout is for the whole exchange: a receiver should answer first and work afterwards.
	webhookTimeout = 10 * time.Second
	// webhookAnswerLimit is how much of the answer is read, only so that the connection can be used again.
	webhookAnswerLimit = 64 << 10
	// Secrets have 24 to 64 bytes: Standard Webhooks specification, "Signature scheme".
	webhookSecretLeast, webhookSecretMost = 24, 64
)

// Webhook posts every notification to the app, signed as https://www.standardwebhooks.com prescribes.
type Webhook struct {
	url    string
	signer *standardwebhooks.Webhook
	links  activities.Links
	client *http.Client
	now    func() time.Time
}

// NewWebhook posts to address, an http or https URL, and signs with secret, "whsec_" and 24 to 64 bytes in base64. A
// nil client means http.DefaultClient; redirects are not followed in any case. Errors do not repeat the secret.
func NewWebhook(address, secret string, links activities.Links, client *http.Client) (*Webhook, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errors.New("webhook url: must be http://… or https://…")
	}
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	if !ok {
		return nil, errors.New("webhook secret: must start with whsec_")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("webhook secret: must be base64 after whsec_")
	}
	if len(key) < webhookSecretLeast || len(key) > webhookSecretMost {
		return nil, fmt.Errorf("webhook secret: %d bytes, must be %d to %d", len(key), webhookSecretLeast, webhookSecretMost)
	}
	signer, err := standardwebhooks.NewWebhookRaw(key)
	if err != nil {
		return nil, fmt.Errorf("webhook secret: %w", err)
	}
	if client == nil {
		client = http.DefaultClient
	}
	own := *client
	// A redirect would take the customer's link to an address nobody configured.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Webhook{url: address, signer: signer, links: links, client: &own, now: time.Now}, nil
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
	sentAt := w.now() // of this delivery: receivers refuse signatures older than minutes
	signature, err := w.signer.Sign(n.ID, sentAt, payload)
	if err != nil {
		return fmt.Errorf("webhook: signing: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(payload))
	if err != nil {
		return errors.New("webhook: request could not be made")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "offsession")
	req.Header.Set(standardwebhooks.HeaderWebhookID, n.ID)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(sentAt.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)

	resp, err := w.client.Do(req)
	if err != nil {
		// url.Error would repeat the address, which may hold a token.
		if withURL, ok := errors.AsType[*url.Error](err); ok {
			err = withURL.Err
		}
		return fmt.Errorf("webhook: no answer: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, webhookAnswerLimit)
	return webhookResult(resp.StatusCode)
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
