package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func TestCardName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ brand, last4, want string }{
		{"visa", "4242", "Visa card ending in 4242"},
		{"mastercard", "4444", "Mastercard ending in 4444"},
		{"amex", "8431", "American Express card ending in 8431"},
		{"diners", "", "Diners Club card"},
		{"discover", "1117", "Discover card ending in 1117"},
		{"jcb", "0505", "JCB card ending in 0505"},
		{"unionpay", "0005", "UnionPay card ending in 0005"},
		{"unknown", "1234", "card ending in 1234"},
		{"", "3000", "saved payment method ending in 3000"},
		{"", "", "saved payment method"},
	} {
		require.Equal(t, tt.want, activities.CardName(tt.brand, tt.last4))
	}
}
