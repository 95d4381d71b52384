package stripesandbox

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// storedKinds are the types of resources that the store holds, by the kind under which
// store.add lists them. A data file names them by it.
var storedKinds = map[string]func() resource{
	"billing.meter":                func() resource { return new(meter) },
	"billing.meter_event":          func() resource { return new(meterEvent) },
	"charge":                       func() resource { return new(charge) },
	"checkout.session":             func() resource { return new(checkoutSession) },
	"coupon":                       func() resource { return new(coupon) },
	"customer":                     func() resource { return new(customer) },
	"customer_balance_transaction": func() resource { return new(customerBalanceTransaction) },
	"discount":                     func() resource { return new(discount) },
	"dispute":                      func() resource { return new(dispute) },
	"event":                        func() resource { return new(event) },
	"invoice":                      func() resource { return new(invoice) },
	"invoice_payment":              func() resource { return new(invoicePayment) },
	"mandate":                      func() resource { return new(mandate) },
	"payment_intent":               func() resource { return new(paymentIntent) },
	"payment_method":               func() resource { return new(paymentMethod) },
	"price":                        func() resource { return new(price) },
	"product":                      func() resource { return new(product) },
	"refund":                       func() resource { return new(refund) },
	"setup_attempt":                func() resource { return new(setupAttempt) },
	"setup_intent":                 func() resource { return new(setupIntent) },
	"subscription":                 func() resource { return new(subscription) },
	"test_helpers.test_clock":      func() resource { return new(testClock) },
	"webhook_endpoint":             func() resource { return new(webhookEndpoint) },
}

// kindNames is storedKinds the other way round.
var kindNames = func() map[reflect.Type]string {
	names := make(map[reflect.Type]string, len(storedKinds))
	for name, construct := range storedKinds {
		names[reflect.TypeOf(construct())] = name
	}
	return names
}()

func kindOf(r resource) (string, error) {
	name, ok := kindNames[reflect.TypeOf(r)]
	if !ok {
		return "", fmt.Errorf("%T is missing from storedKinds", r)
	}
	return name, nil
}

// renderedJSON is an object of which only its JSON is left: an answer or the object of an
// event that was read back from a data file.
type renderedJSON []byte

func (r renderedJSON) render(w *writer) {
	w.comma()
	w.buf = append(w.buf, r...)
}

// storedEvent is an event in a data file. Its object is kept as it was rendered: its
// resource has moved on, and events are only ever shown.
type storedEvent struct {
	header
	Type      string
	Object    json.RawMessage
	Previous  map[string]string
	RequestID string
	Key       string
	Pending   []string
}

// MarshalJSON implements json.Marshaler.
func (e *event) MarshalJSON() ([]byte, error) {
	var w writer
	e.Object.render(&w)
	return marshal(storedEvent{
		header: e.header, Type: e.Type, Object: w.buf, Previous: e.Previous, RequestID: e.RequestID, Key: e.Key, Pending: e.Pending,
	})
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *event) UnmarshalJSON(data []byte) error {
	var stored storedEvent
	if err := json.Unmarshal(data, &stored); err != nil { //nolint:musttag // as all resources: by the names of the fields
		return fmt.Errorf("decode event: %w", err)
	}
	e.header, e.Type, e.Object, e.Previous = stored.header, stored.Type, renderedJSON(stored.Object), stored.Previous
	e.RequestID, e.Key, e.Pending = stored.RequestID, stored.Key, stored.Pending
	return nil
}
