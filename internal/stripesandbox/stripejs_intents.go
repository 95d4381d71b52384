package stripesandbox

import (
	"cmp"
	"strings"
)

// What a browser may see of an intent: the fields that Stripe answers a publishable key
// with. Customer, metadata and charges are not among them.

func (c *call) setupBySecret(secret string) (*setupIntent, *apiError) {
	id, _, _ := strings.Cut(secret, "_secret_")
	si, ok := lookup[*setupIntent](c.sandbox.store, id)
	if !ok || si.clientSecret() != secret {
		return nil, badSecret()
	}
	return si, nil
}

func (c *call) paymentBySecret(secret string) (*paymentIntent, *apiError) {
	id, _, _ := strings.Cut(secret, "_secret_")
	pi, ok := lookup[*paymentIntent](c.sandbox.store, id)
	if !ok || pi.clientSecret() != secret {
		return nil, badSecret()
	}
	return pi, nil
}

// challenged reports whether the bank asks for 3D Secure.
func (si *setupIntent) challenged() bool {
	return si.Status == statusRequiresAction && si.VerifyBy == 0
}

func (pi *paymentIntent) challenged() bool {
	return pi.Status == statusRequiresAction && pi.debit().VerifyBy == 0
}

func retrieveSetupIntent(c *call, in elementsRequest) (object, *apiError) {
	si, err := c.setupBySecret(in.ClientSecret)
	return result(publicSetupIntent{si}, err)
}

func retrievePaymentIntent(c *call, in elementsRequest) (object, *apiError) {
	pi, err := c.paymentBySecret(in.ClientSecret)
	return result(publicPaymentIntent{pi}, err)
}

// confirmCardSetup is what Stripe.js's function of that name does, challenge included.
func confirmCardSetup(c *call, in elementsRequest) (object, *apiError) {
	si, err := c.setupBySecret(in.ClientSecret)
	if err != nil {
		return nil, err
	}
	if err := si.confirmable(); err != nil {
		return nil, err
	}
	if si.Session != "" {
		return nil, ownedBySession("setup_intent_unexpected_state", "SetupIntent", "confirm")
	}
	if !si.challenged() || in.names() {
		id, err := in.method(si.PaymentMethod, missingMethod("setup_intent_unexpected_state", "SetupIntent"))
		if err != nil {
			return nil, err
		}
		pm, err := c.usablePaymentMethod(id, si.Customer)
		if err != nil {
			return nil, err
		}
		if err := checkMethodType(si.PaymentMethodTypes, pm.Type, ""); err != nil {
			return nil, err
		}
		if si, err = c.confirmSetup(si, pm); err != nil || !si.challenged() {
			return result(publicSetupIntent{si}, err)
		}
	}
	if in.Authenticate == AuthenticationAbandoned {
		return nil, challengeOpen()
	}
	si, err = c.authenticateSetup(si, in.Authenticate != AuthenticationFailed)
	return result(publicSetupIntent{si}, err)
}

// confirmCardPayment is the same for a PaymentIntent, with the customer present.
func confirmCardPayment(c *call, in elementsRequest) (object, *apiError) {
	pi, err := c.paymentBySecret(in.ClientSecret)
	if err != nil {
		return nil, err
	}
	if err := pi.confirmable(); err != nil {
		return nil, err
	}
	if pi.Terms.Session != "" {
		return nil, ownedBySession("payment_intent_unexpected_state", "PaymentIntent", "confirm")
	}
	if !pi.challenged() || in.names() {
		id, err := in.method(pi.PaymentMethod, missingMethod("payment_intent_unexpected_state", "PaymentIntent"))
		if err != nil {
			return nil, err
		}
		pm, err := c.payableMethod(pi, id)
		if err != nil {
			return nil, err
		}
		if err := c.checkConfirmation(pi, pm, false); err != nil {
			err.PaymentIntent = pi
			return nil, err
		}
		if pi, err = c.confirmPayment(pi, pm, false, false); err != nil || !pi.challenged() {
			return result(publicPaymentIntent{pi}, err)
		}
	}
	if in.Authenticate == AuthenticationAbandoned {
		return nil, challengeOpen()
	}
	pi, err = c.authenticatePayment(pi, in.Authenticate != AuthenticationFailed)
	return result(publicPaymentIntent{pi}, err)
}

// names reports whether the browser named a payment method.
func (in elementsRequest) names() bool { return in.Method != "" || in.Number != "" }

// method returns the token or id of the payment method to confirm with: the one named, or
// the intent's own; missing when there is neither.
func (in elementsRequest) method(own string, missing *apiError) (string, *apiError) {
	if in.Number != "" {
		m, err := testMethodByNumber(in.Number)
		if err != nil {
			return "", err
		}
		return m.token, nil
	}
	id := cmp.Or(in.Method, own)
	if id == "" {
		return "", missing
	}
	return id, nil
}

type publicSetupIntent struct{ *setupIntent }

func (p publicSetupIntent) render(w *writer) {
	si := p.setupIntent
	w.open("")
	w.str("id", si.ID)
	w.str("object", "setup_intent")
	w.opt("cancellation_reason", si.CancellationReason)
	w.str("client_secret", si.clientSecret())
	w.integer("created", si.Created)
	w.opt("description", si.Description)
	renderPublicLastError(w, "last_setup_error", si.LastError)
	w.boolean("livemode", false)
	renderNextAction(w, si.ID, si.Status, si.VerifyBy)
	w.opt("payment_method", si.PaymentMethod)
	renderMethodTypes(w, si.PaymentMethodTypes)
	w.str("status", si.Status)
	w.str("usage", si.Usage)
	w.close()
}

type publicPaymentIntent struct{ *paymentIntent }

func (p publicPaymentIntent) render(w *writer) {
	pi := p.paymentIntent
	w.open("")
	w.str("id", pi.ID)
	w.str("object", "payment_intent")
	w.integer("amount", pi.Amount)
	w.optInteger("canceled_at", pi.Terms.CanceledAt)
	w.opt("cancellation_reason", pi.Terms.CancellationReason)
	w.str("capture_method", cmp.Or(pi.Terms.CaptureMethod, "automatic_async"))
	w.str("client_secret", pi.clientSecret())
	w.str("confirmation_method", "automatic")
	w.integer("created", pi.Created)
	w.str("currency", pi.Currency)
	w.opt("description", pi.Terms.Description)
	renderPublicLastError(w, "last_payment_error", pi.LastError)
	w.boolean("livemode", false)
	renderNextAction(w, pi.ID, pi.Status, pi.debit().VerifyBy)
	w.opt("payment_method", pi.PaymentMethod)
	renderMethodTypes(w, pi.Terms.PaymentMethodTypes)
	w.null("processing")
	w.opt("receipt_email", pi.Terms.ReceiptEmail)
	w.opt("setup_future_usage", pi.Terms.SetupFutureUsage)
	w.null("shipping")
	w.str("status", pi.Status)
	w.close()
}

// publicError is an error as Stripe.js hands it on, without what a browser may not see.
type publicError struct{ *apiError }

func (e publicError) render(w *writer) {
	w.open("")
	w.open("error")
	e.renderFields(w)
	if e.PaymentIntent != nil {
		w.embed("payment_intent", publicPaymentIntent{e.PaymentIntent})
	}
	if e.SetupIntent != nil {
		w.embed("setup_intent", publicSetupIntent{e.SetupIntent})
	}
	w.close()
	w.close()
}

func (e publicError) renderFields(w *writer) {
	w.present("advice_code", e.AdviceCode)
	w.present("charge", e.Charge)
	w.present("code", e.Code)
	w.present("decline_code", e.DeclineCode)
	w.str("message", e.Message)
	w.present("param", e.Param)
	if e.PaymentMethod != nil {
		w.embed("payment_method", publicPaymentMethod{e.PaymentMethod})
	}
	w.str("type", e.Type)
}

func renderPublicLastError(w *writer, name string, last *apiError) {
	if last == nil {
		w.null(name)
		return
	}
	w.open(name)
	publicError{last}.renderFields(w)
	w.close()
}

type publicPaymentMethod struct{ *paymentMethod }

func (p publicPaymentMethod) render(w *writer) {
	seen := *p.paymentMethod
	seen.Customer, seen.Metadata = "", nil
	seen.render(w)
}
