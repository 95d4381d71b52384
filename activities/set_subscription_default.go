package activities

import (
	"cmp"
	"context"
	"errors"
	"strings"
)

// SetSubscriptionDefaultInput asks to make a method the default of a subscription, of its customer, or of both.
type SetSubscriptionDefaultInput struct {
	Subscription   string `json:"subscription"`
	Customer       string `json:"customer"`
	PaymentMethod  string `json:"payment_method"`
	OnSubscription bool   `json:"on_subscription,omitempty"`
	OnCustomer     bool   `json:"on_customer,omitempty"`
	// IdempotencyKey is the beginning of the two writes' keys.
	IdempotencyKey string `json:"idempotency_key"`
}

// SetSubscriptionDefaultResult says whether the method is the default now.
type SetSubscriptionDefaultResult struct {
	// Refused is a code when the method cannot become the default, since it was detached or is another customer's; or the
	// subscription's status, when it has ended.
	Refused string `json:"refused,omitempty"`
	// Overtaken says that somebody has chosen another default since ours was written.
	Overtaken bool `json:"overtaken,omitempty"`
}

// SetSubscriptionDefault writes the defaults asked for and reads them back. Writing twice changes nothing.
func (s *DeferredSubscriptions) SetSubscriptionDefault(ctx context.Context, in SetSubscriptionDefaultInput) (SetSubscriptionDefaultResult, error) {
	none := SetSubscriptionDefaultResult{}
	// Whether a write was carried out that was answered by a stored fault can only be read, and why another was refused as well.
	var answer error
	for _, write := range s.defaultWrites(in) {
		err := write(ctx)
		switch {
		case err == nil:
			continue
		case methodRefused(err):
			return SetSubscriptionDefaultResult{Refused: refusal(err)}, nil
		case closeRetryable(kindOf(err)):
			return none, applicationError(err)
		}
		if answer = err; !keySpent(err) {
			break
		}
	}
	sub, err := s.ports.Subscriptions.Subscription(ctx, in.Subscription)
	switch {
	case err != nil:
		return none, applicationError(err)
	case sub.Status.Ended():
		return SetSubscriptionDefaultResult{Refused: string(sub.Status)}, nil
	case (!in.OnSubscription || sub.DefaultPaymentMethod == in.PaymentMethod) && (!in.OnCustomer || sub.CustomerDefault == in.PaymentMethod):
		return none, nil
	}
	// A method that was detached since then is no default any more.
	m, err := s.ports.PaymentMethods.PaymentMethod(ctx, in.PaymentMethod)
	switch {
	case IsStripeError(err, StripeMissing), err == nil && m.Customer != in.Customer:
		return SetSubscriptionDefaultResult{Refused: CodePaymentMethodUnusable}, nil
	case err != nil:
		return none, applicationError(err)
	case answer != nil:
		return none, applicationError(answer)
	}
	return SetSubscriptionDefaultResult{Overtaken: true}, nil
}

// defaultWrites are the writes asked for. The subscription's comes first: Stripe looks there first.
func (s *DeferredSubscriptions) defaultWrites(in SetSubscriptionDefaultInput) []func(context.Context) error {
	var writes []func(context.Context) error
	if in.OnSubscription {
		writes = append(writes, func(ctx context.Context) error {
			return s.ports.Subscriptions.SetSubscriptionDefaultPaymentMethod(ctx, in.Subscription, in.PaymentMethod, in.IdempotencyKey+":subscription")
		})
	}
	if in.OnCustomer {
		writes = append(writes, func(ctx context.Context) error {
			return s.ports.Customers.SetDefaultPaymentMethod(ctx, in.Customer, in.PaymentMethod, in.IdempotencyKey+":customer")
		})
	}
	return writes
}

// methodRefused reports that another try with the same method cannot help. What is missing otherwise is not its fault.
func methodRefused(err error) bool {
	se, ok := errors.AsType[*StripeError](err)
	if !ok {
		return false
	}
	switch se.Kind {
	case StripeDeclined:
		return true
	case StripeMissing, StripeInvalid:
		return strings.Contains(se.Param, "payment_method") // Stripe names it as the parameter of the write.
	case StripeUnknown, StripeStoredFault, StripeKeyInUse, StripeKeyReused, StripeRateLimited, StripeRefused, StripeWrongState, StripeUnauthorized:
		return false
	}
	return false
}

// refusal is the code that says most about a refused method.
func refusal(err error) string {
	se, _ := errors.AsType[*StripeError](err)
	return cmp.Or(se.Codes.Reason(), CodePaymentMethodUnusable)
}

// keySpent reports that the key never answers anything else: what the request did can only be read.
func keySpent(err error) bool {
	return IsStripeError(err, StripeStoredFault) || IsStripeError(err, StripeKeyReused)
}
