package stripesandbox

import (
	"cmp"
	_ "embed"
	"net/http"
	"strings"
)

//go:embed stripe.js
var stripeJS []byte

func serveStripeJS(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(stripeJS) // a browser that went away has nothing left to be told
}

// elementsRequest is what the stand-in for Stripe.js sends. The client secret and the
// publishable key are its authority, as with Stripe's own.
type elementsRequest struct {
	Key          string         `json:"key"`
	ClientSecret string         `json:"client_secret"`
	Number       string         `json:"number"`
	Method       string         `json:"payment_method"`
	Email        string         `json:"email"`
	Authenticate Authentication `json:"authenticate"`
}

// elementsRoutes are called from pages of other origins, hence CORS.
func (s *Sandbox) elementsRoutes(mux *http.ServeMux) {
	post := func(path string, handle func(*call, elementsRequest) (object, *apiError)) {
		mux.HandleFunc("OPTIONS "+path, func(w http.ResponseWriter, _ *http.Request) {
			allowOrigin(w)
			w.Header().Set("Access-Control-Allow-Methods", "POST")
			w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
			w.WriteHeader(http.StatusNoContent)
		})
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			allowOrigin(w)
			var in elementsRequest
			if !readJSON(w, r, &in) {
				return
			}
			if in.Key != PublishableKey {
				err := invalidRequest("Invalid API Key provided: " + mask(in.Key))
				err.Status = http.StatusUnauthorized
				writeError(w, err)
				return
			}
			s.respond(w, func(c *call) (object, *apiError) { return handle(c, in) })
		})
	}
	post("/_sandbox/elements/session", func(c *call, in elementsRequest) (object, *apiError) {
		cs, err := c.sessionBySecret(in.ClientSecret)
		if err != nil {
			return nil, err
		}
		return c.pageSession(cs), nil
	})
	post("/_sandbox/elements/confirm", func(c *call, in elementsRequest) (object, *apiError) {
		cs, err := c.sessionBySecret(in.ClientSecret)
		if err != nil {
			return nil, err
		}
		cs, err = c.pay(cs, Payment{PaymentMethod: in.Method, Number: in.Number, Email: in.Email, Authenticate: in.Authenticate})
		if err != nil {
			return nil, err
		}
		return c.pageSession(cs), nil
	})
	post("/_sandbox/elements/confirm_setup", func(c *call, in elementsRequest) (object, *apiError) {
		return result(c.confirmCardSetup(in))
	})
}

func allowOrigin(w http.ResponseWriter) { w.Header().Set("Access-Control-Allow-Origin", "*") }

func badSecret() *apiError {
	e := invalidCode("resource_missing", "client_secret", "The client_secret provided does not match any associated object.")
	e.Status = http.StatusNotFound
	return e
}

func (c *call) sessionBySecret(secret string) (*checkoutSession, *apiError) {
	id, _, _ := strings.Cut(secret, "_secret_")
	cs, ok := lookup[*checkoutSession](c.sandbox.store, id)
	if !ok || cs.ClientSecret == "" || cs.ClientSecret != secret {
		return nil, badSecret()
	}
	return cs, nil
}

// confirmCardSetup is what Stripe.js's function of that name does, challenge included.
func (c *call) confirmCardSetup(in elementsRequest) (*setupIntent, *apiError) {
	id, _, _ := strings.Cut(in.ClientSecret, "_secret_")
	si, ok := lookup[*setupIntent](c.sandbox.store, id)
	if !ok || si.clientSecret() != in.ClientSecret {
		return nil, badSecret()
	}
	if err := si.confirmable(); err != nil {
		return nil, err
	}
	if si.Session != "" {
		return nil, ownedBySession("setup_intent_unexpected_state", "SetupIntent", "confirm")
	}
	if si.Status != statusRequiresAction || in.Method != "" || in.Number != "" {
		pm, err := c.methodForSetup(si, in)
		if err != nil {
			return nil, err
		}
		if si, err = c.confirmSetup(si, pm); err != nil || si.Status != statusRequiresAction {
			return si, err
		}
	}
	if in.Authenticate == AuthenticationAbandoned {
		return nil, challengeOpen()
	}
	return c.authenticateSetup(si, in.Authenticate != AuthenticationFailed)
}

func (c *call) methodForSetup(si *setupIntent, in elementsRequest) (*paymentMethod, *apiError) {
	if in.Number != "" {
		m, err := testMethodByNumber(in.Number)
		if err != nil {
			return nil, err
		}
		return c.newPaymentMethod(m), nil
	}
	id := in.Method
	if id == "" {
		id = si.PaymentMethod
	}
	if id == "" {
		return nil, missingMethod("setup_intent_unexpected_state", "SetupIntent")
	}
	return c.usablePaymentMethod(id, si.Customer)
}

// pageSession is a session as the browser sees it, in the fields that the stand-in for
// Stripe.js works from, together with the cards to choose from.
type pageSession struct {
	*checkoutSession
	email string
}

func (c *call) pageSession(cs *checkoutSession) pageSession {
	email := cmp.Or(cs.BuyerEmail, cs.CustomerEmail)
	if cus, ok := lookup[*customer](c.sandbox.store, cs.Customer); ok && email == "" {
		email = cus.Email
	}
	return pageSession{cs, email}
}

func (p pageSession) render(w *writer) {
	cs := p.checkoutSession
	w.open("")
	w.str("id", cs.ID)
	w.str("mode", cs.Mode)
	w.str("status", cs.Status)
	w.str("payment_status", cs.PaymentStatus)
	w.opt("currency", cs.Currency)
	w.integer("amount_total", cs.AmountTotal)
	w.opt("email", p.email)
	w.opt("return_url", cs.redirect())
	w.key("line_items")
	w.buf = append(w.buf, '[')
	for _, li := range cs.LineItems {
		w.open("")
		w.str("id", li.ID)
		w.str("name", li.Description)
		w.integer("quantity", li.Quantity)
		w.integer("unit_amount", li.UnitAmount)
		w.close()
	}
	w.buf = append(w.buf, ']')
	w.key("test_cards")
	w.buf = append(w.buf, '[')
	for _, card := range pageCards() {
		w.open("")
		w.str("number", card.number)
		w.str("label", card.label)
		w.close()
	}
	w.buf = append(w.buf, ']')
	w.close()
}
