package stripesandbox

import (
	"strings"
	"sync"
	"sync/atomic"
)

// expansion is a tree of the relations that the caller wants in full.
type expansion struct{ children map[string]*expansion }

func (e *expansion) child(name string) *expansion {
	if e == nil {
		return nil
	}
	return e.children[name]
}

// maxExpandDepth is Stripe's: four levels, counted with the "data" of a list.
// https://docs.stripe.com/expand
const maxExpandDepth = 4

// What is kept in expansions: so many trees, of paths that are together no longer than this.
const (
	maxExpansions     = 1000
	maxKnownExpansion = 100
)

// expandable lists, for each kind of object, the relations that can be expanded and what
// they lead to. An empty kind is a relation that is always null here.
var expandable = map[string]map[string]string{
	"customer": {"default_source": "", "invoice_settings.default_payment_method": "payment_method", "test_clock": "test_helpers.test_clock", "subscriptions": "subscription"},
	"payment_method": {
		"customer": "customer",
	},
	"payment_intent": {
		"customer": "customer", "payment_method": "payment_method", "latest_charge": "charge",
		"application": "", "on_behalf_of": "", "review": "",
	},
	"setup_intent": {
		"customer": "customer", "payment_method": "payment_method",
		"latest_attempt": "setup_attempt", "mandate": "mandate", "application": "", "on_behalf_of": "", "single_use_mandate": "",
	},
	"checkout.session": {
		"customer": "customer", "payment_intent": "payment_intent", "setup_intent": "setup_intent",
		"line_items": "item", "invoice": "", "payment_link": "", "subscription": "",
	},
	"charge": {
		"customer": "customer", "payment_intent": "payment_intent", "refunds": "refund",
		"balance_transaction": "balance_transaction", "application": "", "application_fee": "", "failure_balance_transaction": "",
		"on_behalf_of": "", "review": "", "source_transfer": "",
	},
	"refund": {
		"charge": "charge", "payment_intent": "payment_intent",
		"balance_transaction": "balance_transaction", "failure_balance_transaction": "balance_transaction", "source_transfer_reversal": "", "transfer_reversal": "",
	},
	"balance_transaction": {"source": "charge"},
	"mandate":             {"payment_method": "payment_method"},
	"setup_attempt": {
		"customer": "customer", "payment_method": "payment_method", "setup_intent": "setup_intent", "application": "", "on_behalf_of": "",
	},
	"dispute":                      {"charge": "charge", "payment_intent": "payment_intent"},
	"event":                        {},
	"webhook_endpoint":             {},
	"item":                         {"price.product": "product"},
	"product":                      {"default_price": "price"},
	"price":                        {"product": "product"},
	"coupon":                       {},
	"billing.meter":                {},
	"billing.meter_event":          {},
	"billing.meter_event_summary":  {},
	"customer_balance_transaction": {"customer": "customer", "invoice": "invoice", "checkout_session": "", "credit_note": ""},
	"discount":                     {"coupon": "coupon", "customer": "customer", "promotion_code": ""},
	"subscription": {
		"customer": "customer", "default_payment_method": "payment_method", "discounts": "discount", "items": "subscription_item",
		"latest_invoice": "invoice", "pending_setup_intent": "setup_intent", "test_clock": "test_helpers.test_clock",
		"application": "", "default_source": "", "on_behalf_of": "", "schedule": "",
	},
	"subscription_item": {"price": "price", "discounts": "discount"},
	"invoice": {
		"customer": "customer", "default_payment_method": "payment_method", "discounts": "discount", "lines": "line_item",
		"confirmation_secret": "", "payments": "invoice_payment", "parent.subscription_details": "subscription_details",
		"total_discount_amounts": "discount_amount", "test_clock": "test_helpers.test_clock",
		"application": "", "default_source": "", "from_invoice.invoice": "", "latest_revision": "", "on_behalf_of": "",
	},
	"subscription_details":    {"subscription": "subscription"},
	"line_item":               {"discounts": "discount", "discount_amounts": "discount_amount"},
	"discount_amount":         {"discount": "discount"},
	"invoice_payment":         {"invoice": "invoice", "payment.payment_intent": "payment_intent"},
	"test_helpers.test_clock": {},
}

// lists are the relations that lead to a list rather than to one object.
var lists = map[string]bool{
	"refunds": true, "line_items": true, "items": true, "lines": true, "payments": true, "subscriptions": true,
}

// expansions keeps the trees that were asked for before: they are few, and the answers
// stored under idempotency keys refer to them.
var (
	expansions     sync.Map // of expansionKey to *expansion
	expansionsKept atomic.Int64
)

type expansionKey struct {
	kind  string
	list  bool
	paths string
}

// pathSeparator joins paths in an expansionKey. No path that can be expanded has one.
const pathSeparator = "\n"

// parseExpand turns expand[] into a tree, or says which path cannot be expanded on kind.
func parseExpand(paths []string, kind string, list bool) (*expansion, *apiError) {
	if len(paths) == 0 {
		return nil, nil
	}
	key := expansionKey{kind, list, strings.Join(paths, pathSeparator)}
	if known, ok := expansions.Load(key); ok && strings.Count(key.paths, pathSeparator) == len(paths)-1 {
		tree, _ := known.(*expansion)
		return tree, nil
	}
	root := &expansion{}
	for _, path := range paths {
		if err := root.add(path, kind, list); err != nil {
			return nil, err
		}
	}
	if len(key.paths) <= maxKnownExpansion && expansionsKept.Add(1) <= maxExpansions {
		expansions.Store(key, root)
	}
	return root, nil
}

func (e *expansion) add(path, kind string, list bool) *apiError {
	segments := strings.Split(path, ".")
	if len(segments) > maxExpandDepth {
		return invalidParam("expand", "You cannot expand more than 4 levels of a property. Property: "+path)
	}
	at := e
	inList := list
	for i := 0; i < len(segments); i++ {
		segment := segments[i]
		switch {
		case inList && segment == "data":
			inList = false
		case inList:
			return invalidParam("expand", "This property cannot be expanded ("+path+"). You may want to try expanding 'data."+path+"' instead.")
		default:
			next, ok := expandable[kind][segment]
			if !ok && i+1 < len(segments) {
				// A relation inside a plain sub-object is named with its parent.
				next, ok = expandable[kind][segment+"."+segments[i+1]]
				if ok {
					at = at.grow(segment)
					i++
					segment = segments[i]
				}
			}
			if !ok {
				return invalidParam("expand", "This property cannot be expanded ("+path+").")
			}
			kind = next
			inList = lists[segment]
		}
		at = at.grow(segment)
	}
	return nil
}

func (e *expansion) grow(name string) *expansion {
	if e.children == nil {
		e.children = make(map[string]*expansion)
	}
	if e.children[name] == nil {
		e.children[name] = &expansion{}
	}
	return e.children[name]
}
