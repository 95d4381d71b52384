package money

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		amount   int64
		currency string
		message  string // empty: fine
	}{
		{1, "usd", ""},
		{1099, "USD", ""},
		{999_999_999_999, "usd", ""},
		{999_999_999_999, "idr", ""},
		{500, "jpy", ""},
		{1050, "kwd", ""},
		{500, "isk", ""},
		{500, "ugx", ""},
		{1045, "huf", ""}, // two decimals for charges, whole forints for payouts only
		{80045, "twd", ""},
		{0, "usd", "amount: 0 USD must be positive"},
		{-1, "usd", "amount: -1 USD must be positive"},
		{math.MinInt64, "jpy", "amount: -9223372036854775808 JPY must be positive"},
		{1_000_000_000_000, "usd", "amount: 1000000000000 USD is too large, Stripe takes at most 12 digits (999999999999)"},
		{math.MaxInt64, "kwd", "amount: 9223372036854775807 KWD is too large, Stripe takes at most 12 digits (999999999999)"},
		{1055, "KWD", "amount: 1055 KWD must be a multiple of 10 (three-decimal currency, Stripe wants the last digit 0)"},
		{150, "isk", "amount: 150 ISK must be a multiple of 100 (Stripe counts ISK in hundredths but takes no fractions of it)"},
		{1, "ugx", "amount: 1 UGX must be a multiple of 100 (Stripe counts UGX in hundredths but takes no fractions of it)"},
		{1099, "xyz", `currency: "xyz" is not a currency that Stripe charges in (https://docs.stripe.com/currencies)`},
		{0, "dollars", "amount: 0 must be positive\n" + `currency: "dollars" is not a three-letter currency code such as usd`},
	} {
		err := Check(tt.amount, tt.currency)
		if tt.message == "" {
			require.NoError(t, err, "%d %s", tt.amount, tt.currency)
			continue
		}
		require.EqualError(t, err, tt.message)
	}
}

func TestParseAmount(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int64{"1099": 1099, "0": 0, "007": 7, "9223372036854775807": math.MaxInt64} {
		got, err := ParseAmount(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got)
	}
	const hint = "; amount is in minor units: 1099 for 10.99 USD, 1099 for 1099 JPY"
	for _, tt := range []struct{ in, message string }{
		{"", "amount: empty" + hint},
		{"10.99", `amount: "10.99" is not a whole number of digits` + hint},
		{"10,99", `amount: "10,99" is not a whole number of digits` + hint},
		{"1e3", `amount: "1e3" is not a whole number of digits` + hint},
		{"0x10", `amount: "0x10" is not a whole number of digits` + hint},
		{"1_000", `amount: "1_000" is not a whole number of digits` + hint},
		{"-5", `amount: "-5" is not a whole number of digits` + hint},
		{"+5", `amount: "+5" is not a whole number of digits` + hint},
		{" 5", `amount: " 5" is not a whole number of digits` + hint},
		{"١٢", `amount: "١٢" is not a whole number of digits` + hint},
		{"9223372036854775808", `amount: "9223372036854775808" is too large` + hint},
		{strings.Repeat("9", 99), `amount: "` + strings.Repeat("9", 40) + `…" is too large` + hint},
	} {
		_, err := ParseAmount(tt.in)
		require.EqualError(t, err, tt.message)
	}
}

func TestParseAmountReadsWhatIsWrittenAndNothingElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Min(0).Draw(t, "n")
		got, err := ParseAmount(strconv.FormatInt(n, 10))
		require.NoError(t, err)
		require.Equal(t, n, got)

		s := rapid.String().Draw(t, "s")
		if _, err := ParseAmount(s); err == nil {
			require.Regexp(t, `^[0-9]{1,19}$`, s)
		}
	})
}

func TestCheckAcceptsExactlyWhatTheTableAllows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(allCurrencies()).Draw(t, "currency")
		amount := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-10, 2_000_000_000_000), rapid.Int64Range(0, 2000)).Draw(t, "amount")
		allowed := amount > 0 && len(strconv.FormatInt(amount, 10)) <= c.Digits && amount%c.MultipleOf == 0
		err := Check(amount, c.Code)
		require.Equal(t, allowed, err == nil, "%v", err)
		if err != nil {
			require.Contains(t, err.Error(), strconv.FormatInt(amount, 10))
			require.Contains(t, err.Error(), strings.ToUpper(c.Code))
		}
	})
}
