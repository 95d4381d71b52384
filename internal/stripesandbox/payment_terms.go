package stripesandbox

import (
	"reflect"
	"strings"
	"time"
	"unique"
)

// paymentTerms is what most payments leave unsaid. It is never changed once made: the
// versions of a PaymentIntent and its charges share it, and all that say nothing share
// noTerms.
type paymentTerms struct {
	Description         string   `json:"description,omitzero"`
	ReceiptEmail        string   `json:"receipt_email,omitzero"`
	StatementDescriptor string   `json:"statement_descriptor,omitzero"`
	StatementSuffix     string   `json:"statement_suffix,omitzero"`
	SetupFutureUsage    string   `json:"setup_future_usage,omitzero"`
	CaptureMethod       string   `json:"capture_method,omitzero"`
	PaymentMethodTypes  []string `json:"payment_method_types,omitzero"` // empty: automatic
	Session             string   `json:"session,omitzero"`              // the Checkout Session that it belongs to
	Invoice             string   `json:"invoice,omitzero"`              // that it pays
	CanceledAt          int64    `json:"canceled_at,omitzero"`
	CancellationReason  string   `json:"cancellation_reason,omitzero"`
}

var noTerms = &paymentTerms{}

func newTerms(t paymentTerms) *paymentTerms {
	if reflect.ValueOf(t).IsZero() {
		return noTerms
	}
	return &t
}

// with returns the terms after a change.
func (t *paymentTerms) with(change func(t *paymentTerms)) *paymentTerms {
	next := *t
	change(&next)
	return newTerms(next)
}

// canceled returns the terms of a payment that was cancelled.
func (t *paymentTerms) canceled(at time.Time, reason string) *paymentTerms {
	return t.with(func(t *paymentTerms) { t.CanceledAt, t.CancellationReason = at.Unix(), reason })
}

// given returns the terms changed by what the parameters say of them.
func (t *paymentTerms) given(p *params) *paymentTerms {
	return t.with(func(t *paymentTerms) {
		for name, at := range map[string]*string{
			"description": &t.Description, "receipt_email": &t.ReceiptEmail,
			"statement_descriptor": &t.StatementDescriptor, "statement_descriptor_suffix": &t.StatementSuffix,
		} {
			if p.sent(name) {
				*at = strings.Clone(p.str(name)) // cut loose from the request's body
			}
		}
		if p.sent("setup_future_usage") {
			t.SetupFutureUsage = unique.Make(p.str("setup_future_usage")).Value()
		}
		if p.has("capture_method") {
			t.CaptureMethod = unique.Make(p.str("capture_method")).Value()
		}
		if types := p.strings("payment_method_types"); types != nil {
			t.PaymentMethodTypes = types
		}
	})
}
