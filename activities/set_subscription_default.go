package activities

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"go.temporal.io/sdk/temporal"
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
	// Refused is a code when the method cannot become the default, since it was detached or is another customer's.
	Refused string `json:"refused,omitempty"`
}

// SetSubscriptionDefault writes the defaults asked for and reads them back: an error, which is retried, when they are not
// there then. Writing twice changes nothing.
func (s *DeferredSubscriptions) SetSubscriptionDefault(ctx context.Context, in SetSubscriptionDefaultInput) (SetSubscriptionDefaultResult, error) {
	// A stored fault and a reused key do not say whether the write was carried out: that is read.
	var spent error
	for _, write := range s.defaultWrites(in) {
		err := write(ctx)
		switch {
		case methodRefused(err):
			return SetSubscriptionDefaultResult{Refused: refusal(err)}, nil
		case keySpent(err):
			spent = err
		case err != nil:
			return SetSubscriptionDefaultResult{}, applicationError(err)
		}
	}
	sub, err := s.ports.Subscriptions.Subscription(ctx, in.Subscription)
	if err != nil {
		return SetSubscriptionDefaultResult{}, applicationError(err)
	}
	if (!in.OnSubscription || sub.DefaultPaymentMethod == in.PaymentMethod) && (!in.OnCustomer || sub.CustomerDefault == in.PaymentMethod) {
		return SetSubscriptionDefaultResult{}, nil
	}
	// A method that was detached since then is no default any more.
	m, err := s.ports.PaymentMethods.PaymentMethod(ctx, in.PaymentMethod)
	switch {
	case IsStripeError(err, StripeMissing), err == nil && m.Customer != in.Customer:
		return SetSubscriptionDefaultResult{Refused: CodePaymentMethodUnusable}, nil
	case err != nil:
		return SetSubscriptionDefaultResult{}, applicationError(err)
	case spent != nil:
		return SetSubscriptionDefaultResult{}, applicationError(spent)
	}
	return SetSubscriptionDefaultResult{}, temporal.NewApplicationError("the default payment method reads otherwise than written", ErrorStripeUnavailable)
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
