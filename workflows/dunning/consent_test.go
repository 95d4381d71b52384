package dunning

import (
	"encoding/csv"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestConsentRevoked: which failures are the customer's word against all charges, and not against one.
func TestConsentRevoked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		f    Failure
		want bool
	}{
		"nothing known":                     {Failure{}, false},
		"a code that nobody knows":          {Failure{Code: "card_declined", DeclineCode: "new_in_2030"}, false},
		"no money":                          {Failure{Code: "card_declined", DeclineCode: "insufficient_funds", NetworkDeclineCode: "51"}, false},
		"stolen":                            {Failure{Code: "card_declined", DeclineCode: "stolen_card", NetworkDeclineCode: "43"}, false},
		"expired":                           {Failure{Code: "expired_card"}, false},
		"one payment stopped":               {Failure{Code: "card_declined", DeclineCode: "stop_payment_order"}, true},
		"revoked":                           {Failure{Code: "card_declined", DeclineCode: "revocation_of_authorization"}, true},
		"all revoked":                       {Failure{Code: "card_declined", DeclineCode: "revocation_of_all_authorizations"}, true},
		"revoked, with advice":              {Failure{Code: "card_declined", DeclineCode: "revocation_of_authorization", AdviceCode: "do_not_try_again"}, true},
		"a debit called unauthorized":       {Failure{Code: "debit_not_authorized", PaymentMethodType: "us_bank_account"}, true},
		"the same, its type unknown":        {Failure{Code: "debit_not_authorized"}, true},
		"an authorization that ended":       {Failure{DeclineCode: "invalid_authorization", PaymentMethodType: "paypal"}, true},
		"a mandate that ended":              {Failure{Code: "payment_method_unusable", DeclineCode: "payment_intent_mandate_invalid"}, true},
		"a mandate cancelled in India":      {Failure{DeclineCode: "india_recurring_payment_mandate_canceled"}, true},
		"Visa, this payment":                {Failure{DeclineCode: "generic_decline", NetworkDeclineCode: "R0"}, true},
		"Visa, this merchant":               {Failure{DeclineCode: "generic_decline", NetworkDeclineCode: "R1"}, true},
		"Visa, all":                         {Failure{DeclineCode: "expired_card", NetworkDeclineCode: "R3"}, true},
		"ACH, revoked":                      {Failure{NetworkDeclineCode: "R07", PaymentMethodType: "us_bank_account"}, true},
		"ACH, no money":                     {Failure{DeclineCode: "insufficient_funds", NetworkDeclineCode: "R01", PaymentMethodType: "us_bank_account"}, false},
		"Mastercard, cancelled":             {Failure{DeclineCode: "do_not_honor", NetworkAdviceCode: "21"}, true},
		"Mastercard, never again":           {Failure{DeclineCode: "do_not_honor", NetworkAdviceCode: "03"}, false},
		"Stripe advises not to try it once": {Failure{DeclineCode: "generic_decline", AdviceCode: "do_not_try_again"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, ConsentRevoked(c.f))
			if c.want {
				class, _ := ClassOf(c.f)
				require.False(t, class.Retryable(), "nothing is charged again after it")
			}
		})
	}
}

// TestRawRevocationIsFinal: a raw code that withdraws the permission ends what a vague decline code would repeat, and
// makes no wording less careful.
func TestRawRevocationIsFinal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		f     Failure
		class Class
		rule  string
	}{
		"vague":   {Failure{Outcome: OutcomeDeclined, DeclineCode: "generic_decline", NetworkDeclineCode: "R1"}, ClassHard, "class.hard.consent_withdrawn"},
		"unknown": {Failure{Outcome: OutcomeDeclined, NetworkDeclineCode: "R1"}, ClassHard, "class.hard.consent_withdrawn"},
		"stolen":  {Failure{Outcome: OutcomeDeclined, DeclineCode: "stolen_card", NetworkDeclineCode: "R1"}, ClassFraud, "class.fraud"},
		"expired": {Failure{Outcome: OutcomeDeclined, DeclineCode: "expired_card", NetworkDeclineCode: "R1"}, ClassHard, "class.hard"},
		"advised": {
			Failure{Outcome: OutcomeDeclined, DeclineCode: "generic_decline", NetworkDeclineCode: "R1", AdviceCode: "do_not_try_again"},
			ClassHard, "advice.do_not_try_again",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			class, rule := ClassOf(c.f)
			require.Equal(t, c.class, class)
			require.Equal(t, c.rule, rule)
		})
	}
}

// TestConsentCodes is the data once more, so that a slip in it is seen.
func TestConsentCodes(t *testing.T) {
	t.Parallel()
	var byCode []string
	for key, m := range codes {
		if m.rule == consentWithdrawn {
			byCode = append(byCode, key.code)
		}
	}
	require.ElementsMatch(t, consentCodes, byCode)
	raw := slices.Collect(maps.Keys(revocations))
	require.ElementsMatch(t, []codeKey{{code: "R0"}, {code: "R1"}, {code: "R3"}, {code: "R07"}, {code: "R08"}, {code: "R10"}, {code: "R29"}}, raw)

	rows, err := csv.NewReader(strings.NewReader(networkCodesCSV)).ReadAll()
	require.NoError(t, err)
	for _, row := range rows[1:] {
		require.Contains(t, []string{"visa", "ach"}, row[0], row)
		require.Equal(t, []string{"hard", "", consentWithdrawn}, row[2:5], row)
		source, err := url.Parse(row[6])
		require.NoError(t, err, row)
		require.Equal(t, "https", source.Scheme, row)
		_, err = time.Parse(time.DateOnly, row[7])
		require.NoError(t, err, row)
	}
}
