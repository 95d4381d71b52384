package activities_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/offsession/offsession/activities"
)

func TestChecksOfIDs(t *testing.T) {
	t.Parallel()
	reference := regexp.MustCompile(`^[A-Za-z0-9._-]{1,120}$`)
	customer, method := regexp.MustCompile(activities.CustomerPattern), regexp.MustCompile(activities.PaymentMethodPattern)
	other := regexp.MustCompile(`^(pm|card|src|ba|pi|seti|cs|sub|in|ch|tok|acct|prod|price)_`)
	ids := rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`(cus|pm|card|src|ba|pi|seti|cs|sub|in|ch|tok|acct|prod|price|x)?_?[A-Za-z0-9._~@-]{0,4}`),
		rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"", "pm_", "cus_"}).Draw(t, "kind") + strings.Repeat("a", rapid.IntRange(118, 257).Draw(t, "length"))
		}),
	)
	rapid.Check(t, func(t *rapid.T) {
		id := ids.Draw(t, "id")
		require.Equal(t, reference.MatchString(id), activities.CheckReference(id) == nil)
		require.Equal(t, customer.MatchString(id) && !other.MatchString(id), activities.CheckCustomer(id) == nil)
		require.Equal(t, method.MatchString(id), activities.CheckPaymentMethod(id) == nil)
	})
}
