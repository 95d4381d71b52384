package serve

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/mocks"

	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/config"
)

// Webhooks start nothing unless they were asked to.
func TestAdopt(t *testing.T) {
	t.Parallel()
	gateway, err := stripegateway.New(stripegateway.Config{APIKey: "sk_test_1"})
	require.NoError(t, err)
	adopt, err := Adopt(config.Config{}, mocks.NewClient(t), gateway)
	require.NoError(t, err)
	require.Nil(t, adopt)

	adopt, err = Adopt(config.Config{AdoptSubscriptions: true, TaskQueue: "offsession"}, mocks.NewClient(t), gateway)
	require.NoError(t, err)
	_, err = adopt(t.Context(), "cus_1")
	require.ErrorContains(t, err, `subscription: "cus_1"; must be the id of a Stripe subscription`)

	_, err = Adopt(config.Config{AdoptSubscriptions: true, TimeZone: "Mars"}, mocks.NewClient(t), gateway)
	require.ErrorContains(t, err, "time_zone")
}
