package stripesandbox

// Statuses that only setup attempts have.
const (
	attemptFailed    = "failed"
	attemptAbandoned = "abandoned"
)

// setupAttempt is one confirmation of a SetupIntent.
// https://docs.stripe.com/api/setup_attempts/object
type setupAttempt struct {
	header
	SetupIntent  string
	Customer     string
	Usage        string
	Status       string
	Method       *paymentMethod // as it was
	Error        *apiError
	ThreeDSecure string // the challenge's result, empty when there was none
}

func (a *setupAttempt) render(w *writer) {
	w.open("")
	w.str("id", a.ID)
	w.str("object", "setup_attempt")
	w.null("application")
	w.integer("created", a.Created)
	w.ref("customer", a.Customer)
	w.null("flow_directions")
	w.boolean("livemode", false)
	w.null("on_behalf_of")
	w.ref("payment_method", a.Method.ID)
	w.open("payment_method_details")
	if a.Method.isDebit() {
		w.raw(a.Method.Type, "{}")
	} else {
		a.renderCard(w)
	}
	w.str("type", a.Method.Type)
	w.close()
	renderLastError(w, "setup_error", a.Error)
	w.ref("setup_intent", a.SetupIntent)
	w.str("status", a.Status)
	w.str("usage", a.Usage)
	w.close()
}

func (a *setupAttempt) renderCard(w *writer) {
	pm, m := a.Method, a.Method.test()
	w.open("card")
	w.str("brand", m.brand)
	w.raw("checks", `{"address_line1_check":null,"address_postal_code_check":null,"cvc_check":"pass"}`)
	w.str("country", m.country)
	w.integer("exp_month", pm.ExpMonth)
	w.integer("exp_year", pm.ExpYear)
	w.str("fingerprint", pm.Fingerprint)
	w.str("funding", m.funding)
	w.str("last4", m.last4())
	w.str("network", m.brand)
	if a.ThreeDSecure == "" {
		w.null("three_d_secure")
	} else {
		w.open("three_d_secure")
		w.str("authentication_flow", "challenge")
		w.null("electronic_commerce_indicator")
		w.str("result", a.ThreeDSecure)
		w.null("result_reason", "transaction_id")
		w.str("version", "2.2.0")
		w.close()
	}
	w.null("wallet")
	w.close()
}

var setupAttemptRoutes = []route{
	{method: "GET", pattern: "/v1/setup_attempts", kind: "setup_attempt", list: true, handle: func(c *call) (object, *apiError) {
		si, err := named[*setupIntent](c, c.params.str("setup_intent"), "setupintent", "setup_intent")
		if err != nil {
			return nil, err
		}
		return result(page[*setupAttempt](c, "setup_attempt", c.sandbox.store.indexes[indexKey{"setup_attempt", si.ID}], nil))
	}, fields: listFields.with(fields{"setup_intent": required(text)})},
}

// beginAttempt notes that pm is being set up; an attempt that was left open is abandoned.
func (c *call) beginAttempt(si *setupIntent, pm *paymentMethod) *setupIntent {
	c.abandonAttempt(si)
	a := &setupAttempt{
		header: c.newHeader("setatt_", nil), SetupIntent: si.ID, Customer: si.Customer, Usage: si.Usage, Status: statusProcessing, Method: pm,
	}
	c.sandbox.store.add("setup_attempt", a, si.ID)
	return update(c, si, func(si *setupIntent) { si.LatestAttempt = a.ID })
}

// attemptBecomes notes how far the latest attempt has come.
func (c *call) attemptBecomes(si *setupIntent, status string, failure *apiError) {
	a, ok := lookup[*setupAttempt](c.sandbox.store, si.LatestAttempt)
	if !ok {
		return
	}
	update(c, a, func(a *setupAttempt) {
		challenged := a.Status == statusRequiresAction && si.VerifyBy == 0
		switch {
		case challenged && status == statusSucceeded:
			a.ThreeDSecure = "authenticated"
		case challenged && status == attemptFailed:
			a.ThreeDSecure = "failed"
		}
		a.Status, a.Error = status, failure
	})
}

// abandonAttempt ends an attempt that nobody will finish.
func (c *call) abandonAttempt(si *setupIntent) {
	if a, ok := lookup[*setupAttempt](c.sandbox.store, si.LatestAttempt); ok && a.Status == statusRequiresAction {
		update(c, a, func(a *setupAttempt) { a.Status = attemptAbandoned })
	}
}
