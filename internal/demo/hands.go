package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// purchase is what a customer enters on a checkout page.
type purchase = stripesandbox.Payment

// createCustomer makes the Stripe customer, as an app does when somebody signs up.
func (v *visit) createCustomer() (string, error) {
	return v.stripe("/v1/customers", url.Values{"email": {v.email()}, "metadata[time_zone]": {"Europe/Berlin"}})
}

// customerWithCard makes a customer who saved a card some time ago.
func (v *visit) customerWithCard(token string) (customer, method string, err error) {
	if customer, err = v.createCustomer(); err != nil {
		return "", "", err
	}
	if method, err = v.stripe("/v1/payment_methods/"+token+"/attach", url.Values{"customer": {customer}}); err != nil {
		return "", "", err
	}
	v.say("customer %s saved a card earlier (%s)", customer, token)
	return customer, method, nil
}

// expire ends a Checkout Session, as time does.
func (v *visit) expire(session string) error {
	_, err := v.stripe("/v1/checkout/sessions/"+session+"/expire", nil)
	return err
}

// stripe posts to the sandbox's API and answers the object's id.
func (v *visit) stripe(path string, form url.Values) (string, error) {
	var object struct {
		ID string `json:"id"`
	}
	header := http.Header{
		"Authorization": {"Bearer " + stripesandbox.DefaultAPIKey},
		"Content-Type":  {"application/x-www-form-urlencoded"},
	}
	err := post(v.ctx, v.Stack.Sandbox.URL+path, header, strings.NewReader(form.Encode()), &object)
	return object.ID, err
}

// finishCheckout does what the customer's browser does: it asks the page's button for a session, and pays in it.
func (v *visit) finishCheckout(link string, p purchase) error {
	if link == "" {
		return errors.New("no link")
	}
	session, err := v.pressButton(link)
	if err != nil {
		return err
	}
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("purchase: %w", err)
	}
	header := http.Header{"Content-Type": {"application/json"}}
	return post(v.ctx, v.Stack.Sandbox.URL+"/_sandbox/checkout/"+session+"/pay", header, bytes.NewReader(body), nil)
}

// pressButton answers the open session, asking again while the payment is busy.
func (v *visit) pressButton(link string) (string, error) {
	ticker := time.NewTicker(300 * time.Millisecond)
	defer ticker.Stop()
	for {
		var answer struct {
			SessionID string `json:"session_id"`
			State     string `json:"state"`
		}
		header := http.Header{"Content-Type": {"application/json"}}
		if err := post(v.ctx, link+"/session", header, strings.NewReader("{}"), &answer); err != nil {
			return "", err
		}
		if answer.SessionID != "" {
			return answer.SessionID, nil
		}
		select {
		case <-ticker.C:
		case <-v.ctx.Done():
			return "", fmt.Errorf("no session (%s): %w", answer.State, v.ctx.Err())
		}
	}
}

// post sends a request and reads the JSON answer into out.
func post(ctx context.Context, address string, header http.Header, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, body)
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s answered %d: %s", req.URL.Path, res.StatusCode, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}
