package stripesandbox

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// names returns group: number of methods, and checks that the sandbox takes each value.
func names(t *testing.T, groups []methodGroup) map[string]int {
	t.Helper()
	found := make(map[string]int)
	seen := make(map[string]bool)
	for _, group := range groups {
		for _, m := range group.Methods {
			require.False(t, seen[m.Value], "twice: %s", m.Value)
			seen[m.Value] = true
			require.NotEmpty(t, m.Label, m.Value)
			if luhn(m.Value) {
				_, err := testMethodByNumber(m.Value)
				require.Nil(t, err, m.Value)
				require.Equal(t, m.Value, strings.ReplaceAll(m.Number, " ", ""))
			} else {
				_, known := testMethodByToken(m.Value)
				require.True(t, known, m.Value)
			}
		}
		found[group.Name] = len(group.Methods)
	}
	return found
}

func TestMethodsOfThePage(t *testing.T) {
	t.Parallel()
	all := names(t, methodGroups(nil, ""))
	for _, name := range groupNames {
		require.Positive(t, all[name], name)
	}
	cards := 0
	for _, name := range groupNames[:len(groupNames)-2] {
		cards += all[name]
	}
	require.Equal(t, len(testCards())+len(ownMethods), cards, "every card is there")

	for _, tt := range []struct {
		allowed   []string
		currency  string
		sepa, ach bool
		cards     bool
	}{
		{nil, "eur", true, false, true},
		{nil, "usd", false, true, true},
		{nil, "jpy", false, false, true},
		{[]string{"card"}, "eur", false, false, true},
		{[]string{"card"}, "", false, false, true},
		{[]string{"sepa_debit"}, "eur", true, false, false},
		{[]string{"us_bank_account", "card"}, "", false, true, true},
	} {
		found := names(t, methodGroups(tt.allowed, tt.currency))
		require.Equal(t, tt.sepa, found[groupSEPA] > 0, "SEPA for %v in %s", tt.allowed, tt.currency)
		require.Equal(t, tt.ach, found[groupACH] > 0, "ACH for %v in %s", tt.allowed, tt.currency)
		require.Equal(t, tt.cards, found[groupSucceeds] > 0, "cards for %v in %s", tt.allowed, tt.currency)
	}
}

func TestGroupsOfMethods(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{
		"pm_card_visa":                               groupSucceeds,
		"pm_card_visa_chargeDeclined":                groupDeclined,
		"pm_card_chargeCustomerFail":                 groupLater,
		"pm_card_authenticationRequired":             groupSecure,
		"pm_card_threeDSecureRequiredChargeDeclined": groupSecure,
		"pm_card_radarBlock":                         groupRisk,
		"pm_card_riskLevelElevated":                  groupRisk,
		"pm_card_createDispute":                      groupAfter,
		"pm_card_pendingRefund":                      groupAfter,
		"pm_sepaDebit_failed":                        groupSEPA,
		"pm_usBankAccount_success":                   groupACH,
	} {
		m, ok := testMethodByToken(token)
		require.True(t, ok, token)
		require.Equal(t, want, groupOf(m), token)
	}
}

func TestAmountsOfThePage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		minor    int64
		currency string
		want     string
	}{
		{1099, "usd", "10.99 USD"},
		{5, "usd", "0.05 USD"},
		{0, "eur", "0.00 EUR"},
		{123456789, "gbp", "1,234,567.89 GBP"},
		{100000, "chf", "1,000.00 CHF"},
		{99999, "chf", "999.99 CHF"},
		{1099, "jpy", "1,099 JPY"},
		{0, "krw", "0 KRW"},
		{1099, "kwd", "1.099 KWD"},
		{7, "bhd", "0.007 BHD"},
		{500, "isk", "5.00 ISK"},
		{-1099, "usd", "-10.99 USD"},
	} {
		require.Equal(t, tt.want, amountText(tt.minor, tt.currency))
	}
	for currency := range exponents {
		require.Contains(t, currencies, currency)
	}
}

func TestCardNumbersAsOnACard(t *testing.T) {
	t.Parallel()
	require.Equal(t, "4242 4242 4242 4242", spaced("4242424242424242"))
	require.Equal(t, "3782 822463 10005", spaced("378282246310005"))
}
