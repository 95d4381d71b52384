package stripesandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// serveControl answers the routes under /_sandbox. They need no key: the sandbox is for
// tests and listens on the machine itself.
func (s *Sandbox) serveControl(w http.ResponseWriter, r *http.Request) {
	if err := s.failure(); err != nil {
		writeError(w, notStored(err))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.control.ServeHTTP(w, r)
}

func (s *Sandbox) newControl() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sandbox/health", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /_sandbox/ledger", func(w http.ResponseWriter, r *http.Request) {
		out := s.Ledger(r.URL.Query().Get("reference"))
		if err := s.failure(); err != nil {
			writeError(w, notStored(err))
			return
		}
		writeJSON(w, out)
	})
	mux.HandleFunc("GET /_sandbox/requests", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, s.log.list())
	})
	mux.HandleFunc("DELETE /_sandbox/requests", func(w http.ResponseWriter, _ *http.Request) {
		s.log.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_sandbox/faults", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, s.faults.list())
	})
	mux.HandleFunc("DELETE /_sandbox/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.faults.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_sandbox/faults", s.handleFault)
	mux.HandleFunc("GET /_sandbox/clock", func(w http.ResponseWriter, _ *http.Request) { s.writeClock(w) })
	mux.HandleFunc("POST /_sandbox/clock", s.handleClock)
	mux.HandleFunc("POST /_sandbox/webhooks", s.handleWebhooks)
	mux.HandleFunc("POST /_sandbox/events/{id}/resend", s.handleResend)
	mux.HandleFunc("POST /_sandbox/payment_intents/{id}/settle", s.handleSettle)
	mux.HandleFunc("POST /_sandbox/payment_intents/{id}/authenticate", s.handleAuthenticate)
	mux.HandleFunc("POST /_sandbox/payment_intents/{id}/dispute", func(w http.ResponseWriter, r *http.Request) {
		s.respond(w, func(c *call) (object, *apiError) { return result(c.disputePayment(r.PathValue("id"))) })
	})
	mux.HandleFunc("POST /_sandbox/setup_intents/{id}/authenticate", s.handleAuthenticate)
	mux.HandleFunc("POST /_sandbox/mandates/{id}/inactivate", func(w http.ResponseWriter, r *http.Request) {
		s.respond(w, func(c *call) (object, *apiError) { return result(c.inactivate(r.PathValue("id"))) })
	})
	mux.HandleFunc("POST /_sandbox/payment_methods/{id}/automatic_update", s.handleAutomaticUpdate)
	mux.HandleFunc("POST /_sandbox/checkout/{id}/pay", s.handlePay)
	mux.HandleFunc("GET /_sandbox/checkout/{id}", s.handlePage(checkoutPages))
	mux.HandleFunc("POST /_sandbox/checkout/{id}", s.handlePageForm(checkoutPages))
	mux.HandleFunc("POST /_sandbox/invoice/{id}/pay", s.handlePayInvoice)
	mux.HandleFunc("GET /_sandbox/invoice/{id}", s.handlePage(invoicePages))
	mux.HandleFunc("POST /_sandbox/invoice/{id}", s.handlePageForm(invoicePages))
	mux.HandleFunc("GET /_sandbox/page.css", func(w http.ResponseWriter, _ *http.Request) { servePageCSS(w) })
	mux.HandleFunc("GET /_sandbox/{$}", func(w http.ResponseWriter, _ *http.Request) { s.handleIndex(w) })
	s.elementsRoutes(mux)
	return mux
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	// A caller that went away has nothing left to be told.
	_ = json.NewEncoder(w).Encode(v)
}

func writeObject(w http.ResponseWriter, status int, o object) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(reply{obj: o}.body())
}

func writeError(w http.ResponseWriter, err *apiError) { writeObject(w, err.Status, err) }

// respond runs handle in the critical section and writes its answer after it: a slow
// reader must not hold up everyone.
func (s *Sandbox) respond(w http.ResponseWriter, handle func(*call) (object, *apiError)) {
	var o object
	var err *apiError
	if unwritten := s.locked(func(c *call) { o, err = handle(c) }); unwritten != nil {
		err = notStored(unwritten)
	}
	if err != nil {
		writeError(w, err)
		return
	}
	writeObject(w, http.StatusOK, o)
}

// readJSON decodes the body strictly; an empty one leaves v as it is.
func readJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		invalid := invalidRequest("Invalid JSON: " + err.Error())
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			invalid.Status = http.StatusRequestEntityTooLarge
		}
		writeError(w, invalid)
		return false
	}
	return true
}

func (s *Sandbox) handleFault(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Fault
		Times *int `json:"times"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	f := in.Fault
	switch {
	case in.Times != nil:
		f.Times = *in.Times
	case f.Probability == 0:
		f.Times = 1
	}
	if err := f.validate(); err != nil {
		writeError(w, invalidRequest("Invalid fault: "+err.Error()))
		return
	}
	s.faults.add(f)
	writeJSON(w, f)
}

func (s *Sandbox) handleWebhooks(w http.ResponseWriter, r *http.Request) {
	var b WebhookBehaviour
	if !readJSON(w, r, &b) {
		return
	}
	if err := b.validate(); err != nil {
		writeError(w, invalidRequest("Invalid webhook behaviour: "+err.Error()))
		return
	}
	s.sender.behave(b)
	writeJSON(w, b)
}

func (s *Sandbox) handleClock(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Advance string `json:"advance"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	d, err := time.ParseDuration(in.Advance)
	if err == nil {
		err = s.AdvanceClock(d)
	}
	if failure := s.failure(); failure != nil {
		writeError(w, notStored(failure))
		return
	}
	if err != nil {
		writeError(w, invalidParam("advance", "Invalid advance: "+err.Error()))
		return
	}
	s.writeClock(w)
}

func (s *Sandbox) writeClock(w http.ResponseWriter) {
	writeJSON(w, map[string]any{"now": s.now().UTC(), "advanced_seconds": int64(time.Duration(s.offset.Load()).Seconds())})
}

// AdvanceClock moves the sandbox's time forward by d: keys are forgotten, sessions
// expire, debits settle and webhooks are tried again as if the time had passed.
func (s *Sandbox) AdvanceClock(d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%s is not positive, the clock only goes forward", d)
	}
	var err error
	unwritten := s.locked(func(*call) {
		if d > endOfTime.Sub(s.now()) {
			err = fmt.Errorf("%s is further than the clock goes, which is the year 2200", d)
			return
		}
		s.offset.Add(int64(d))
		s.runDue()
	})
	s.sender.nudge()
	return cmp.Or(err, unwritten)
}

func (s *Sandbox) handleResend(w http.ResponseWriter, r *http.Request) {
	s.respond(w, func(c *call) (object, *apiError) {
		e, err := named[*event](c, r.PathValue("id"), "event", "id")
		if err != nil {
			return nil, err
		}
		for _, endpoint := range c.subscribed(e.Type) {
			s.plan(planned{delivery: &delivery{event: e, endpoint: endpoint, due: c.now, first: c.now}})
		}
		return e, nil
	})
}

// handleSettle ends a bank debit that is processing: with the outcome of its test
// account, or with the failure code given.
func (s *Sandbox) handleSettle(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Outcome     string `json:"outcome"` // succeeded, failed, or empty for the account's own
		FailureCode string `json:"failure_code"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	if !slices.Contains([]string{"", "succeeded", "failed"}, in.Outcome) {
		writeError(w, invalidParam("outcome", "Invalid outcome: must be one of succeeded, failed"))
		return
	}
	s.respond(w, func(c *call) (object, *apiError) {
		pi, err := named[*paymentIntent](c, r.PathValue("id"), "payment_intent", "intent")
		if err == nil && pi.Status != statusProcessing {
			err = pi.settledTwice()
		}
		if err != nil {
			return nil, err
		}
		pm, _ := lookup[*paymentMethod](s.store, pi.PaymentMethod)
		failure := pm.test().settles.failure
		switch {
		case in.Outcome == "succeeded":
			failure = ""
		case in.FailureCode != "":
			failure = in.FailureCode
		case in.Outcome == "failed" && failure == "":
			failure = "insufficient_funds"
		}
		return c.settle(pi, failure), nil
	})
}

// handleAuthenticate ends a 3D Secure challenge of an intent.
func (s *Sandbox) handleAuthenticate(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Result Authentication `json:"result"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	if in.Result != AuthenticationPassed && in.Result != AuthenticationFailed {
		writeError(w, invalidParam("result", "Invalid result: must be one of pass, fail"))
		return
	}
	s.respond(w, func(c *call) (object, *apiError) {
		return c.authenticate(r.PathValue("id"), in.Result == AuthenticationPassed)
	})
}

func (c *call) authenticate(id string, passed bool) (object, *apiError) {
	if strings.HasPrefix(id, "seti_") {
		si, err := named[*setupIntent](c, id, "setupintent", "intent")
		switch {
		case err != nil:
			return nil, err
		case si.Status != statusRequiresAction || si.VerifyBy != 0:
			return nil, si.unexpected("This SetupIntent has a status of " + si.Status + ", there is no challenge to answer.")
		case si.Session != "":
			if err := c.authenticateInSession(si.Session, passed); err != nil {
				return nil, err
			}
			return result(named[*setupIntent](c, id, "setupintent", "intent"))
		}
		return result(c.authenticateSetup(si, passed))
	}
	pi, err := named[*paymentIntent](c, id, "payment_intent", "intent")
	switch {
	case err != nil:
		return nil, err
	case pi.Status != statusRequiresAction || pi.debit().VerifyBy != 0:
		return nil, pi.unexpected("This PaymentIntent has a status of " + pi.Status + ", there is no challenge to answer.")
	case pi.Terms.Session != "":
		if err := c.authenticateInSession(pi.Terms.Session, passed); err != nil {
			return nil, err
		}
		return result(named[*paymentIntent](c, id, "payment_intent", "intent"))
	}
	return result(c.authenticatePayment(pi, passed))
}

// authenticateInSession ends a challenge of a Checkout Session, and with it the session:
// left open, it could be paid a second time.
func (c *call) authenticateInSession(id string, passed bool) *apiError {
	cs, err := named[*checkoutSession](c, id, "checkout.session", "session")
	if err != nil {
		return err
	}
	in := Payment{Authenticate: AuthenticationFailed}
	if passed {
		in.Authenticate = AuthenticationPassed
	}
	_, err = c.pay(cs, in)
	return err
}

// handleAutomaticUpdate is the card network replacing an expired or lost card: the saved
// payment method goes on as the test card of the token given, pm_card_visa if none is,
// with the expiry given, three years more if none is.
func (s *Sandbox) handleAutomaticUpdate(w http.ResponseWriter, r *http.Request) {
	in := struct {
		Token    string `json:"token"`
		ExpMonth int64  `json:"exp_month"`
		ExpYear  int64  `json:"exp_year"`
	}{Token: "pm_card_visa"}
	if !readJSON(w, r, &in) {
		return
	}
	s.respond(w, func(c *call) (object, *apiError) {
		old, err := named[*paymentMethod](c, r.PathValue("id"), "PaymentMethod", "payment_method")
		if err != nil {
			return nil, err
		}
		m, ok := testMethodByToken(in.Token)
		switch {
		case !ok || m.kind != "card" || old.Type != "card":
			return nil, invalidParam("token", "Invalid token: only a card can be updated, and only to another test card.")
		case in.ExpMonth < 0 || in.ExpMonth > 12:
			return nil, invalidParam("exp_month", "Invalid exp_month: must be between 1 and 12")
		case in.ExpYear != 0 && (in.ExpYear < int64(c.now.Year()) || in.ExpYear > int64(c.now.Year())+50):
			return nil, invalidParam("exp_year", "Invalid exp_year: must be this year or at most 50 later")
		}
		pm := update(c, old, func(pm *paymentMethod) {
			pm.Token, pm.Fingerprint, pm.DeclinesSoFar = m.token, fingerprintOf(m), 0
			pm.ExpMonth, pm.ExpYear = cmp.Or(in.ExpMonth, pm.ExpMonth), cmp.Or(in.ExpYear, pm.ExpYear+3)
		})
		c.emitChange("payment_method.automatically_updated", pm, map[string]string{
			"card": `{"exp_month":` + strconv.FormatInt(old.ExpMonth, 10) + `,"exp_year":` + strconv.FormatInt(old.ExpYear, 10) +
				`,"last4":"` + old.test().last4() + `"}`,
		})
		return pm, nil
	})
}

// handlePay is the buyer, for tests: it finishes a Checkout Session or answers with the
// error that the page would show.
func (s *Sandbox) handlePay(w http.ResponseWriter, r *http.Request) {
	var in Payment
	if !readJSON(w, r, &in) {
		return
	}
	s.respond(w, func(c *call) (object, *apiError) { return result(c.payByID(r.PathValue("id"), in)) })
}

func (c *call) payByID(id string, in Payment) (*checkoutSession, *apiError) {
	cs, err := named[*checkoutSession](c, id, "checkout.session", "session")
	if err != nil {
		return nil, err
	}
	return c.pay(cs, in)
}
