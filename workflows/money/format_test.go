package money

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		amount           int64
		currency, locale string
		want             string
	}{
		{1099, "usd", "en", "$10.99"},
		{1099, "USD", "en-US", "$10.99"},
		{1099, "usd", "en-CA", "US$10.99"},
		{5, "usd", "en", "$0.05"},
		{0, "usd", "en", "$0.00"},
		{-1099, "usd", "en", "-$10.99"},
		{math.MinInt64, "usd", "en", "-$92,233,720,368,547,758.08"},
		{123456789, "eur", "de", "€1.234.567,89"},
		{123456789, "eur", "fr", "€1\u00a0234\u00a0567,89"},
		{12345678900, "inr", "hi", "₹12,34,56,789.00"},
		{500, "jpy", "en", "¥500"},
		{1099, "chf", "en", "CHF\u00a010.99"},
		{1050, "kwd", "en", "KWD\u00a01.050"},
		// CLDR knows no decimals for these; Stripe's minor unit has two.
		{123450, "rsd", "en", "RSD\u00a01,234.50"},
		{123450, "cop", "en", "COP\u00a01,234.50"},
		{123450, "idr", "en", "IDR\u00a01,234.50"},
		{50000, "ugx", "en", "UGX\u00a0500.00"},
		{50000, "isk", "en", "ISK\u00a0500.00"},
		// x/text does not know the newest codes.
		{123450, "sle", "en", "SLE\u00a01,234.50"},
		{123450, "xcg", "de", "XCG\u00a01.234,50"},
		// no locale, or none that exists
		{1099, "usd", "", "$10.99"},
		{1099, "usd", "und", "$10.99"},
		{1099, "usd", "not a locale", "$10.99"},
		// no currency of Stripe's: as it is
		{1099, "zzz", "en", "1,099\u00a0ZZZ"},
	} {
		require.Equal(t, tt.want, Format(tt.amount, tt.currency, tt.locale), "%+v", tt)
	}
}

// A formatted amount has exactly the digits of the amount, with as many decimals as Stripe counts.
func TestFormatKeepsEveryDigit(t *testing.T) {
	t.Parallel()
	locales := []string{"en", "de", "de-CH", "fr", "ja", "hi", "ar-EG", "fa", "bn", "mr", "my", "pt-BR", "sv", "en-IN", ""}
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(allCurrencies()).Draw(t, "currency")
		locale := rapid.SampledFrom(locales).Draw(t, "locale")
		amount := rapid.OneOf(rapid.Int64Min(0), rapid.Int64Range(0, 1_000_000)).Draw(t, "amount")

		got := Format(amount, c.Code, locale)
		digits := digitsOf(t, got)
		require.Equal(t, strconv.FormatInt(amount, 10), strings.TrimLeft(digits[:len(digits)-1], "0")+digits[len(digits)-1:], got)
		require.Len(t, digits, max(len(strconv.FormatInt(amount, 10)), c.Exponent+1), got)
		if c.Exponent > 0 {
			runes := []rune(got)
			require.False(t, unicode.IsDigit(runes[len(runes)-c.Exponent-1]), "a separator stands before the decimals: %s", got)
		}
		if amount > 0 {
			require.Equal(t, "-"+got, Format(-amount, c.Code, locale), "the sign comes first")
		}
	})
}

func digitsOf(t *rapid.T, s string) string {
	zeros := []rune{'0', '٠', '۰', '০', '०', '၀'}
	var digits strings.Builder
	for _, r := range s {
		if !unicode.IsDigit(r) {
			continue
		}
		i := slices.IndexFunc(zeros, func(zero rune) bool { return zero <= r && r <= zero+9 })
		require.GreaterOrEqual(t, i, 0, "digit %q", r)
		digits.WriteRune('0' + r - zeros[i])
	}
	return digits.String()
}

func allCurrencies() []Currency {
	all := make([]Currency, 0, len(currencies))
	for _, c := range currencies {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Currency) int { return strings.Compare(a.Code, b.Code) })
	return all
}
