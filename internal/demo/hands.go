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
	err := v.send(http.MethodPost, path, form, &object)
	return object.ID, err
}

// send calls the sandbox's API and reads the answer into out.
func (v *visit) send(method, path string, form url.Values, out any) error {
	header := http.Header{
		"Authorization": {"Bearer " + stripesandbox.DefaultAPIKey},
		"Content-Type":  {"application/x-www-form-urlencoded"},
	}
	return call(v.ctx, method, v.Stack.Sandbox.URL+path, header, strings.NewReader(form.Encode()), out)
}

// finishCheckout does what the customer's browser does: it asks the page's button for a session, and pays in it.
func (v *visit) finishCheckout(link string, p purchase) error {
	answer, err := v.pressButton(link)
	if err != nil {
		return err
	}
	return v.postJSON(v.Stack.Sandbox.URL+"/_sandbox/checkout/"+answer.SessionID+"/pay", p, nil)
}

// confirmSetup does what the page does: it confirms the SetupIntent of the button's answer with Stripe.js, where the
// customer passes the challenge, and tells the button.
func (v *visit) confirmSetup(link string) error {
	answer, err := v.pressButton(link)
	if err != nil {
		return err
	}
	if err := v.postJSON(v.Stack.Sandbox.URL+"/_sandbox/elements/confirm_setup", map[string]string{
		"key": answer.PublishableKey, "client_secret": answer.ClientSecret, "authenticate": string(stripesandbox.AuthenticationPassed),
	}, nil); err != nil {
		return err
	}
	return v.press(link, nil)
}

// pressed is what the page's button answers.
type pressed struct {
	SessionID      string `json:"session_id"`
	ClientSecret   string `json:"client_secret"`
	PublishableKey string `json:"publishable_key"`
	State          string `json:"state"`
}

// pressButton answers what is open for the customer, asking again while the workflow is busy.
func (v *visit) pressButton(link string) (pressed, error) {
	if link == "" {
		return pressed{}, errors.New("no link")
	}
	ticker := time.NewTicker(300 * time.Millisecond)
	defer ticker.Stop()
	for {
		var answer pressed
		if err := v.press(link, &answer); err != nil {
			return pressed{}, err
		}
		if answer.SessionID != "" || answer.ClientSecret != "" {
			return answer, nil
		}
		select {
		case <-ticker.C:
		case <-v.ctx.Done():
			return pressed{}, fmt.Errorf("nothing to open (%s): %w", answer.State, v.ctx.Err())
		}
	}
}

// press is one press of the page's button. Like the page it asks again while the service is not available.
func (v *visit) press(link string, out any) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		err := v.postJSON(link+"/session", struct{}{}, out)
		if !errors.Is(err, errUnavailable) {
			return err
		}
		select {
		case <-ticker.C:
		case <-v.ctx.Done():
			return err
		}
	}
}

func (v *visit) postJSON(address string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return call(v.ctx, http.MethodPost, address, http.Header{"Content-Type": {"application/json"}}, bytes.NewReader(body), out)
}

// errUnavailable is an answer 503.
var errUnavailable = errors.New("not available at the moment")

// call sends a request and reads the JSON answer into out, if there is one.
func call(ctx context.Context, method, address string, header http.Header, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if res.StatusCode == http.StatusServiceUnavailable {
		return fmt.Errorf("%s: %w", req.URL.Path, errUnavailable)
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
