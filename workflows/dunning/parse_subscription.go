package dunning

import (
	"fmt"

	"github.com/offsession/offsession/workflows/definition"
)

// ParseSubscriptionPolicy reads a policy file for subscriptions, YAML or JSON. A key that is missing takes its value from
// DefaultSubscriptionPolicy; an empty list means no reminder of that kind. A key that does not exist is an error that names
// it and its line; so is a second document. The result has passed Validate.
func ParseSubscriptionPolicy(data []byte) (SubscriptionPolicy, error) {
	p := DefaultSubscriptionPolicy()
	if err := definition.Read(data, &p); err != nil {
		return SubscriptionPolicy{}, fmt.Errorf("policy: %w", err)
	}
	if err := p.Validate(); err != nil {
		return SubscriptionPolicy{}, fmt.Errorf("policy: %w", err)
	}
	return p, nil
}
