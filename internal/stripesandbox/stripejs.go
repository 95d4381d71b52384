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
	for name, handle := range map[string]func(*call, elementsRequest) (object, *apiError){
		"session":         showToBuyer,
		"email":           noteBuyersEmail,
		"confirm":         confirmAsBuyer,
		"setup_intent":    retrieveSetupIntent,
		"confirm_setup":   confirmCardSetup,
		"payment_intent":  retrievePaymentIntent,
		"confirm_payment": confirmCardPayment,
	} {
		path := "/_sandbox/elements/" + name
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
			var o object
			var err *apiError
			if unwritten := s.locked(func(c *call) { o, err = handle(c, in) }); unwritten != nil {
				err = notStored(unwritten)
			}
			if err != nil {
				writeObject(w, err.Status, publicError{err})
				return
			}
			writeObject(w, http.StatusOK, o)
		})
	}
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

func showToBuyer(c *call, in elementsRequest) (object, *apiError) {
	cs, err := c.sessionBySecret(in.ClientSecret)
	if err != nil {
		return nil, err
	}
	return c.pageSession(cs), nil
}

func noteBuyersEmail(c *call, in elementsRequest) (object, *apiError) {
	cs, err := c.sessionBySecret(in.ClientSecret)
	if err != nil {
		return nil, err
	}
	if cs.Status != sessionOpen {
		return nil, notOpen(cs)
	}
	if cs, err = c.noteEmail(cs, in.Email); err != nil {
		return nil, err
	}
	return c.pageSession(cs), nil
}

func confirmAsBuyer(c *call, in elementsRequest) (object, *apiError) {
	cs, err := c.sessionBySecret(in.ClientSecret)
	if err != nil {
		return nil, err
	}
	sent := Payment{PaymentMethod: in.Method, Number: in.Number, Email: in.Email, Authenticate: in.Authenticate}
	if luhn(in.Method) {
		sent.PaymentMethod, sent.Number = "", in.Method
	}
	if cs, err = c.pay(cs, sent); err != nil {
		return nil, err
	}
	return c.pageSession(cs), nil
}

// pageSession is a session as the browser sees it, in the fields that the stand-in for
// Stripe.js works from, together with the payment methods to choose from.
type pageSession struct {
	*checkoutSession
	email     string
	lastError *apiError
}

func (c *call) pageSession(cs *checkoutSession) pageSession {
	p := pageSession{checkoutSession: cs, email: cmp.Or(cs.BuyerEmail, cs.CustomerEmail)}
	if cus, ok := lookup[*customer](c.sandbox.store, cs.Customer); ok && p.email == "" {
		p.email = cus.Email
	}
	if pi, ok := lookup[*paymentIntent](c.sandbox.store, cs.PaymentIntent); ok {
		p.lastError = pi.LastError
	}
	if si, ok := lookup[*setupIntent](c.sandbox.store, cs.SetupIntent); ok {
		p.lastError = si.LastError
	}
	return p
}

func (p pageSession) render(w *writer) {
	cs := p.checkoutSession
	currency := cmp.Or(cs.Currency, "usd")
	w.open("")
	w.str("id", cs.ID)
	w.str("mode", cs.Mode)
	w.str("status", cs.Status)
	w.str("payment_status", cs.PaymentStatus)
	w.str("currency", currency)
	w.raw("divisor", "1"+strings.Repeat("0", exponent(currency)))
	w.integer("amount_total", cs.AmountTotal)
	w.opt("email", p.email)
	w.opt("return_url", cs.redirect())
	if p.lastError != nil {
		w.str("last_error", p.lastError.Message)
	} else {
		w.null("last_error")
	}
	w.key("line_items")
	w.buf = append(w.buf, '[')
	for _, li := range cs.LineItems {
		w.open("")
		w.str("id", li.ID)
		w.str("name", li.Description)
		w.integer("quantity", li.Quantity)
		w.integer("unit_amount", li.Price.UnitAmount)
		w.close()
	}
	w.buf = append(w.buf, ']')
	w.key("methods")
	w.buf = append(w.buf, '[')
	for _, group := range methodGroups(cs.PaymentMethodTypes, cs.Currency) {
		group.render(w)
	}
	w.buf = append(w.buf, ']')
	w.close()
}

func (g methodGroup) render(w *writer) {
	w.open("")
	w.str("name", g.Name)
	w.key("methods")
	w.buf = append(w.buf, '[')
	for _, m := range g.Methods {
		w.open("")
		w.str("value", m.Value)
		w.str("label", m.Label)
		w.str("number", m.Number)
		w.close()
	}
	w.buf = append(w.buf, ']')
	w.close()
}
