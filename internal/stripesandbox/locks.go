package stripesandbox

import "net/http"

// locks are the customers with a write under way that has not been carried out yet.
// Stripe lets one writer at a time at an object and refuses the others after a while;
// here only a slow_before fault keeps a write under way long enough to be noticed, and
// the others are refused at once. The caller holds Sandbox.mu.
// https://docs.stripe.com/rate-limits#object-lock-timeouts
type locks map[string]int

func (l locks) take(customer string) {
	if customer != "" {
		l[customer]++
	}
}

func (l locks) release(customer string) {
	if l[customer]--; l[customer] <= 0 {
		delete(l, customer)
	}
}

// written is the customer whose objects a call is about to change, if it says so.
func (c *call) written(method string) string {
	if method == http.MethodGet {
		return ""
	}
	st := c.sandbox.store
	if len(c.ids) > 0 {
		if owner := st.ownerOf(c.ids[0]); owner != "" {
			return owner
		}
	}
	for _, name := range []string{"customer", "payment_intent", "charge"} {
		if owner := st.ownerOf(c.params.str(name)); owner != "" {
			return owner
		}
	}
	return ""
}

// ownerOf is the customer that the resource with this id belongs to.
func (st *store) ownerOf(id string) string {
	switch r := st.objects[id].(type) {
	case *customer:
		return r.ID
	case *paymentMethod:
		return r.Customer
	case *setupIntent:
		return r.Customer
	case *subscription:
		return r.Customer
	case *invoice:
		return r.Customer
	case *paymentIntent:
		return r.Customer
	case *checkoutSession:
		return r.Customer
	case *charge:
		return r.Customer
	case *refund:
		return st.ownerOf(r.Charge)
	case *dispute:
		return st.ownerOf(r.Charge)
	}
	return ""
}

func lockTimeout() *apiError {
	return &apiError{
		Status: http.StatusTooManyRequests, Type: typeInvalidRequest, Code: "lock_timeout",
		Message: "This object cannot be accessed right now because another API request or Stripe process is currently accessing it.",
	}
}
