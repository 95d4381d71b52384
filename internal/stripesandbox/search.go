package stripesandbox

import (
	"encoding/base64"
	"regexp"
	"strings"
)

// searchTerm is one condition of the search language, as far as it is understood here:
// status:'x', customer:'x' and metadata['k']:'v', joined by AND. Unlike Stripe's, this
// search sees a change at once.
// https://docs.stripe.com/search#search-query-language
var searchTerm = regexp.MustCompile(`^(status|customer|metadata\[(?:'([^']*)'|"([^"]*)")\])\s*:\s*(?:'([^']*)'|"([^"]*)")$`)

func parseSearch(query string) ([]func(*paymentIntent) bool, *apiError) {
	var conditions []func(*paymentIntent) bool
	for term := range strings.SplitSeq(query, " AND ") {
		m := searchTerm.FindStringSubmatch(strings.TrimSpace(term))
		if m == nil {
			return nil, invalidParam("query", "We were unable to parse your search query: "+query)
		}
		key, value := m[2]+m[3], m[4]+m[5]
		switch m[1] {
		case "status":
			conditions = append(conditions, func(pi *paymentIntent) bool { return pi.Status == value })
		case "customer":
			conditions = append(conditions, func(pi *paymentIntent) bool { return pi.Customer == value })
		default:
			conditions = append(conditions, func(pi *paymentIntent) bool {
				return value != "" && pi.Metadata.get(key) == value
			})
		}
	}
	return conditions, nil
}

func searchPaymentIntents(c *call) (object, *apiError) {
	conditions, err := parseSearch(c.params.str("query"))
	if err != nil {
		return nil, err
	}
	after, decodeErr := base64.RawURLEncoding.DecodeString(c.params.str("page"))
	if _, known := lookup[*paymentIntent](c.sandbox.store, string(after)); decodeErr != nil || len(after) > 0 && !known {
		return nil, invalidParam("page", "Invalid page: "+c.params.str("page"))
	}
	found, err := pageAt(c, "payment_intent", c.sandbox.store.indexes[indexKey{kind: "payment_intent"}], string(after), "", func(pi *paymentIntent) bool {
		for _, holds := range conditions {
			if !holds(pi) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	found.search = true
	return found, nil
}
