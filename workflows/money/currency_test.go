package money

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTableIsCompleteAndSourced(t *testing.T) {
	t.Parallel()
	rows, err := csv.NewReader(strings.NewReader(currenciesCSV)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"currency", "exponent", "rule", "digits", "source", "date"}, rows[0])
	rows = rows[1:]
	require.Greater(t, len(rows), 135, "Stripe says: more than 135 currencies")
	require.Len(t, currencies, len(rows), "no currency twice")
	require.True(t, slices.IsSortedFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) }))
	for _, row := range rows {
		require.Regexp(t, `^[a-z]{3}$`, row[0])
		require.Regexp(t, `^https://docs\.stripe\.com/currencies#[a-z-]+$`, row[4], row[0])
		_, err := time.Parse(time.DateOnly, row[5])
		require.NoError(t, err, row[0])
	}
}

func TestExponentsAreStripes(t *testing.T) {
	t.Parallel()
	zero := strings.Fields("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
	three := strings.Fields("bhd jod kwd omr tnd")
	hundreds := strings.Fields("isk ugx")
	for _, code := range slices.Concat(zero, three, hundreds) {
		require.Contains(t, currencies, code)
	}
	for code, c := range currencies {
		exponent, multiple := 2, int64(1)
		switch {
		case slices.Contains(zero, code):
			exponent = 0
		case slices.Contains(three, code):
			exponent, multiple = 3, 10
		case slices.Contains(hundreds, code):
			multiple = 100
		}
		require.Equal(t, Currency{Code: code, Exponent: exponent, MultipleOf: multiple, Digits: 12}, c)
	}
}

func TestParseCurrency(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"usd", "USD", "Usd"} {
		c, err := ParseCurrency(s)
		require.NoError(t, err)
		require.Equal(t, "usd", c.Code)
		require.Equal(t, int64(999_999_999_999), c.MaxAmount())
		code, err := NormalizeCurrency(s)
		require.NoError(t, err)
		require.Equal(t, "usd", code)
	}
	for _, tt := range []struct{ in, message string }{
		{"", `currency: "" is not a three-letter currency code such as usd`},
		{"us", `currency: "us" is not a three-letter currency code such as usd`},
		{" usd", `currency: " usd" is not a three-letter currency code such as usd`},
		{"u5d", `currency: "u5d" is not a three-letter currency code such as usd`},
		{"u\x00d", `currency: "u\x00d" is not a three-letter currency code such as usd`},
		{"€", `currency: "€" is not a three-letter currency code such as usd`},
		{"xyz", `currency: "xyz" is not a currency that Stripe charges in (https://docs.stripe.com/currencies)`},
		{"BTC", `currency: "BTC" is not a currency that Stripe charges in (https://docs.stripe.com/currencies)`},
	} {
		_, err := ParseCurrency(tt.in)
		require.EqualError(t, err, tt.message)
		code, err := NormalizeCurrency(tt.in)
		require.EqualError(t, err, tt.message)
		require.Empty(t, code)
	}
	_, err := ParseCurrency(strings.Repeat("usd", 1000))
	require.Less(t, len(err.Error()), 120, "a long value is clipped")
}

func TestTableMistakesStopTheProgramAtStart(t *testing.T) {
	t.Parallel()
	const header = "currency,exponent,rule,digits,source,date\n"
	for _, row := range []string{"usd,two,,12,s,d", "usd,2,sometimes,12,s,d", "usd,2,,many,s,d", "usd,2"} {
		require.Panics(t, func() { mustReadCurrencies(header + row) }, row)
	}
}
