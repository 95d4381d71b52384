package stripesandbox

import "time"

// call is one execution inside the critical section: an API request, a step of the
// buyer, or something that became due. The latter two have no request id and no key.
type call struct {
	sandbox   *Sandbox
	now       time.Time
	requestID string
	key       string
	path      string
	ids       []string // the wildcards of the route
	params    *params
	held      *heldEvents
	changed   bool     // something, in the store
	undo      []func() // takes back what price_data has stored
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// random returns n characters as in Stripe's ids.
func (c *call) random(n int) string { return randomText(c.sandbox.random.Uint64, n) }

func randomText(next func() uint64, n int) string {
	b := make([]byte, n)
	for i := 0; i < n; {
		for word, k := next(), 0; k < 10 && i < n; k, i = k+1, i+1 {
			b[i] = alphabet[(word&63)%62]
			word >>= 6
		}
	}
	return string(b)
}

// idLength is the length of Stripe's ids after their prefix.
const idLength = 24

func (c *call) newHeader(prefix string, metadata pairs) header {
	return header{ID: prefix + c.random(idLength), Created: c.now.Unix(), Metadata: metadata}
}

// derived returns n characters that follow from text.
func derived(text string, n int) string {
	sum := uint64(14695981039346656037) // FNV-1a
	for i := range len(text) {
		sum = (sum ^ uint64(text[i])) * 1099511628211
	}
	return randomText(func() uint64 { sum = sum*6364136223846793005 + 1442695040888963407; return sum >> 3 }, n)
}

// clientSecret follows from the id, so that it need not be kept: it protects nothing here.
func (h *header) clientSecret() string { return h.ID + "_secret_" + derived(h.ID, 25) }

// resourceAt returns the resource that the route's i-th wildcard names.
func resourceAt[T resource](c *call, i int, name, param string) (T, *apiError) {
	return named[T](c, c.ids[i], name, param)
}

func named[T resource](c *call, id, name, param string) (T, *apiError) {
	r, ok := lookup[T](c.sandbox.store, id)
	if !ok {
		return r, noSuch(name, id, param)
	}
	return r, nil
}
