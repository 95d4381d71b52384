package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

const (
	// largestSessionBody leaves room for one short field.
	largestSessionBody = 4 << 10
	// openTimeout is a little more than the 20 s for which the workflow itself waits for Stripe.
	openTimeout = 25 * time.Second
	// secretTimeout is for reading the session from Stripe once it is open.
	secretTimeout = 15 * time.Second
	// updateLost is the type with which Temporal answers an Update whose workflow ended while the Update ran.
	updateLost = "AcceptedUpdateCompletedWorkflow"
)

// sessionRequest is the JSON body of POST /c/{token}/session; an empty body is an empty request.
type sessionRequest struct {
	// ConsentVersion names the consent text shown beside the button; it is kept with a saved payment method.
	ConsentVersion string `json:"consent_version"`
}

// sessionAnswer is the JSON of POST /c/{token}/session. It is 200 whenever the workflow answered; Answer says what to
// do next:
//
//   - open: do what Mode says. setup and payment: show the session, with ClientSecret in Stripe's elements or by going to
//     URL. confirm: confirm the SetupIntent with ClientSecret by Stripe.js, then ask again. invoice: go to URL
//   - busy: an automatic attempt runs, or may still run although its answer was lost, for up to ten minutes; poll the
//     status until its view is no longer busy, then ask again, at most a few times. In mode invoice Stripe is about to
//     collect the invoice by itself: ask again in some minutes
//   - pending: Stripe has not answered yet; ask again in a few seconds
//   - processing: the bank works on it; poll the status
//   - done: saved or paid already
//   - closed: ended otherwise, or the merchant must look at it first
//
// Otherwise it is an error: 400, 413 or 415 for the body, 404 for a link that is not ours or whose workflow is gone, 410
// for an expired link, 409 when the workflow refused, 503 when Temporal or Stripe did not answer: ask again.
type sessionAnswer struct {
	Answer workflows.CheckoutAnswer `json:"answer"`
	State  string                   `json:"state"`
	// Mode is setup, payment, confirm or invoice, and may differ from what the page was made for.
	Mode mode `json:"mode"`
	// SessionID is of the modes setup and payment, SetupIntent of confirm.
	SessionID      string `json:"session_id,omitempty"`
	SetupIntent    string `json:"setup_intent,omitempty"`
	ClientSecret   string `json:"client_secret,omitempty"`
	URL            string `json:"url,omitempty"`
	PublishableKey string `json:"publishable_key,omitempty"`
	// Amount is a payment's or an invoice's, in minor units of Currency.
	Amount   int64  `json:"amount,omitempty"`
	Currency string `json:"currency,omitempty"`
}

// refusedError carries the workflow's own words.
type refusedError struct{ reason string }

func (e *refusedError) Error() string { return e.reason }

func (s *server) openSession(w http.ResponseWriter, r *http.Request) {
	request, status, err := readSessionRequest(w, r)
	if err != nil {
		writeJSON(w, status, errorAnswer{Error: err.Error()})
		return
	}
	sit, err := s.situationOf(r.Context(), r.PathValue("token"))
	if err != nil {
		s.writeLinkError(w, r, err)
		return
	}
	opened, err := s.openCheckout(r.Context(), sit, workflows.OpenCheckoutRequest(request))
	if refused, ok := errors.AsType[*refusedError](err); ok {
		writeJSON(w, http.StatusConflict, errorAnswer{Error: refused.reason})
		return
	}
	if err != nil {
		s.writeLinkError(w, r, err)
		return
	}
	answer := sessionAnswer{Answer: opened.Answer, State: opened.State, Mode: modeOf(opened, sit)}
	if answer.Mode == sit.mode {
		answer.Amount, answer.Currency = sit.amount, sit.currency
	}
	if opened.Answer == workflows.CheckoutReady {
		if err := s.show(r.Context(), opened, &answer); err != nil {
			s.writeLinkError(w, r, err)
			return
		}
	}
	s.metrics.answers.WithLabelValues(string(answer.Mode), string(answer.Answer)).Inc()
	writeJSON(w, http.StatusOK, answer)
}

// modeOf goes by the answer: what a subscription needs may have changed since it was asked for its status.
func modeOf(opened workflows.OpenCheckoutResponse, sit situation) mode {
	switch {
	case !sit.subscription:
		return sit.mode
	case opened.SetupIntent != "":
		return modeConfirm
	case opened.SessionID != "":
		return modeSetup
	case opened.Invoice != "", opened.Answer == workflows.CheckoutBusy:
		return modeInvoice
	}
	return sit.mode
}

// show adds what the browser needs. What has just closed leaves nothing to show: the next press opens another.
func (s *server) show(ctx context.Context, opened workflows.OpenCheckoutResponse, answer *sessionAnswer) error {
	ctx, cancel := context.WithTimeout(ctx, secretTimeout)
	defer cancel()
	var secret activities.CheckoutSecret
	var err error
	switch {
	case opened.SetupIntent != "":
		secret.ClientSecret, err = s.config.Stripe.SetupIntentSecret(ctx, opened.SetupIntent)
	case opened.Invoice != "":
		secret.URL, err = s.config.Stripe.InvoiceURL(ctx, opened.Invoice)
	default:
		secret, err = s.config.Stripe.CheckoutSecret(ctx, opened.SessionID)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", cmp.Or(opened.SetupIntent, opened.Invoice, opened.SessionID), err)
	}
	if secret == (activities.CheckoutSecret{}) {
		answer.Answer = workflows.CheckoutPending
		return nil
	}
	answer.SessionID, answer.SetupIntent = opened.SessionID, opened.SetupIntent
	answer.ClientSecret, answer.URL = secret.ClientSecret, secret.URL
	if answer.Mode != modeInvoice {
		answer.PublishableKey = s.config.PublishableKey
	}
	return nil
}

var consentVersion = regexp.MustCompile(`^[A-Za-z0-9._-]{0,40}$`)

func readSessionRequest(w http.ResponseWriter, r *http.Request) (sessionRequest, int, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestSessionBody))
	switch {
	case isTooLarge(err):
		return sessionRequest{}, http.StatusRequestEntityTooLarge, errors.New("body: larger than 4 KiB")
	case err != nil:
		return sessionRequest{}, http.StatusBadRequest, errors.New("body: could not be read")
	case len(body) == 0:
		return sessionRequest{}, http.StatusOK, nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return sessionRequest{}, http.StatusUnsupportedMediaType, errors.New("body: send JSON as application/json, or nothing")
	}
	var request sessionRequest
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return sessionRequest{}, http.StatusBadRequest, fmt.Errorf("body: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return sessionRequest{}, http.StatusBadRequest, errors.New("body: more than one JSON value")
	}
	if !consentVersion.MatchString(request.ConsentVersion) {
		return sessionRequest{}, http.StatusBadRequest, errors.New("body: consent_version: use at most 40 characters of A-Z a-z 0-9 . _ -")
	}
	return request, http.StatusOK, nil
}

// openCheckout runs the workflow's open_checkout, unless it has ended. The error is a *refusedError, one of
// situationOf's, or Temporal's.
func (s *server) openCheckout(ctx context.Context, sit situation, request workflows.OpenCheckoutRequest) (workflows.OpenCheckoutResponse, error) {
	if sit.ended {
		return endedAnswer(sit), nil
	}
	updateCtx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	response, err := s.update(updateCtx, sit.workflowID, request)

	var late *client.WorkflowUpdateServiceTimeoutOrCanceledError
	var notFound *serviceerror.NotFound
	var failed *temporal.ApplicationError
	switch {
	case err == nil:
		return response, nil
	case errors.As(err, &late), errors.Is(err, context.DeadlineExceeded):
		return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutPending, State: sit.state}, nil
	case errors.As(err, &failed) && failed.Type() == workflows.RefusedError:
		return workflows.OpenCheckoutResponse{}, &refusedError{reason: failed.Message()}
	case errors.As(err, &notFound), errors.As(err, &failed) && failed.Type() == updateLost:
		return s.endedMeanwhile(ctx, sit.workflowID)
	}
	return workflows.OpenCheckoutResponse{}, fmt.Errorf("open a checkout of %s: %w", sit.workflowID, err)
}

func (s *server) update(ctx context.Context, workflowID string, request workflows.OpenCheckoutRequest) (workflows.OpenCheckoutResponse, error) {
	var response workflows.OpenCheckoutResponse
	handle, err := s.config.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID:   workflowID,
		UpdateName:   workflows.UpdateOpenCheckout,
		Args:         []any{request},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &response)
	}
	return response, err
}

// endedMeanwhile answers for a workflow that ended between the query and the Update. One that continued as a new run in
// that moment is asked again by the next press.
func (s *server) endedMeanwhile(ctx context.Context, workflowID string) (workflows.OpenCheckoutResponse, error) {
	sit, err := s.query(ctx, workflowID)
	if err != nil {
		return workflows.OpenCheckoutResponse{}, err
	}
	if sit.ended || sit.view == viewAttention {
		return endedAnswer(sit), nil
	}
	return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutPending, State: sit.state}, nil
}

func endedAnswer(sit situation) workflows.OpenCheckoutResponse {
	answer := workflows.CheckoutClosed
	if sit.view == viewDone {
		answer = workflows.CheckoutDone
	}
	return workflows.OpenCheckoutResponse{Answer: answer, State: sit.state}
}
