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

// encode returns what a data file keeps of a resource: its fields, and of an event the
// object as well, as it was.
func (p *packer) encode(r resource) (data, frozen []byte, err error) {
	if data, err = marshal(r); err != nil {
		return nil, nil, err
	}
	if e, ok := r.(*event); ok {
		frozen = p.pack(e.Object)
	}
	return data, frozen, nil
}

// decode is encode the other way round.
func (p *packer) decode(kind string, data, frozen []byte) (resource, error) {
	construct, ok := storedKinds[kind]
	if !ok {
		return nil, fmt.Errorf("unknown kind %q", kind)
	}
	r := construct()
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("decode %s: %w", kind, err)
	}
	if e, ok := r.(*event); ok {
		e.Object = &packed{p, frozen}
	}
	return r, nil
}
