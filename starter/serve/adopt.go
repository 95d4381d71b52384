package serve

import (
	"fmt"

	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/starter/web"
)

// Adopt is what events adopt subscriptions with, webhooks and replayed ones; nil unless OFFSESSION_ADOPT_SUBSCRIPTIONS is
// true.
func Adopt(c config.Config, temporal sdk.Client, stripe client.Stripe) (web.Adopt, error) {
	if !c.AdoptSubscriptions {
		return nil, nil //nolint:nilnil // nobody adopts
	}
	adopter, err := client.New(temporal, client.Options{TaskQueue: c.TaskQueue, TimeZone: c.TimeZone, CheckoutUI: c.CheckoutUI, Stripe: stripe})
	if err != nil {
		return nil, fmt.Errorf("adopt subscriptions: %w", err)
	}
	return adopter.AdoptSubscription, nil
}
