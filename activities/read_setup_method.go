package activities

import "context"

// ReadSetupMethod reads the payment method that a SetupIntent has set up, by itself: it may have been detached since. It is zero
// when there is none, or Stripe does not know it.
func (s *DeferredSubscriptions) ReadSetupMethod(ctx context.Context, setupIntent string) (PaymentMethod, error) {
	si, err := readSetupIntent(ctx, s.ports.SetupIntents, setupIntent)
	if err != nil || si.Status != SetupIntentSucceeded || si.PaymentMethod == "" {
		return PaymentMethod{}, err
	}
	m, err := s.ports.PaymentMethods.PaymentMethod(ctx, si.PaymentMethod)
	if IsStripeError(err, StripeMissing) {
		return PaymentMethod{}, nil
	}
	if err != nil {
		return PaymentMethod{}, applicationError(err)
	}
	return m, nil
}
