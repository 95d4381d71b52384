package web

import (
	"encoding/json"
	"net/http"
)

// statusAnswer is the JSON of GET /c/{token}/status.
type statusAnswer struct {
	// View is act, busy, processing, done, closed or attention.
	View view `json:"view"`
	// State is the workflow's own.
	State string `json:"state"`
	// Mode is setup, payment, confirm or invoice: what the button would do.
	Mode mode `json:"mode"`
	// Ended says that nothing will change any more.
	Ended bool `json:"ended"`
	// SessionID is the open Checkout Session, if one is.
	SessionID string `json:"session_id,omitempty"`
	// Amount is a payment's or an invoice's, in minor units of Currency.
	Amount   int64  `json:"amount,omitempty"`
	Currency string `json:"currency,omitempty"`
}

// errorAnswer is the JSON of every refusal on the JSON routes.
type errorAnswer struct {
	Error string `json:"error"`
}

func (s *server) showStatus(w http.ResponseWriter, r *http.Request) {
	sit, err := s.situationOf(r.Context(), r.PathValue("token"))
	if err != nil {
		s.writeLinkError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, statusAnswer{
		View: sit.view, State: sit.state, Mode: sit.mode, Ended: sit.ended, SessionID: sit.session, Amount: sit.amount, Currency: sit.currency,
	})
}

// writeLinkError says as JSON why a link leads nowhere.
func (s *server) writeLinkError(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	text := "this link is not valid"
	switch status {
	case http.StatusGone:
		text = "this link has expired"
	case http.StatusServiceUnavailable:
		text = "not available at the moment, try again"
		s.unavailable(w, r, err)
	}
	writeJSON(w, status, errorAnswer{Error: text})
}

// unavailable logs why and asks the client to come again.
func (s *server) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	s.log.WarnContext(r.Context(), "customer page not available", "route", r.Pattern, "error", err)
	w.Header().Set("Retry-After", "5")
}

func writeJSON[T statusAnswer | sessionAnswer | errorAnswer](w http.ResponseWriter, status int, body T) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone when this fails
}
