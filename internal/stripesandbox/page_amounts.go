package stripesandbox

import (
	"strconv"
	"strings"
)

// exponents are the decimals of the minor unit where they are not two. ISK and UGX have
// no decimals either, but Stripe counts them in hundredths.
// https://docs.stripe.com/currencies#zero-decimal
var exponents = map[string]int{"clp": 0, "jpy": 0, "krw": 0, "vnd": 0, "bhd": 3, "jod": 3, "kwd": 3, "omr": 3, "tnd": 3}

func exponent(currency string) int {
	if n, ok := exponents[currency]; ok {
		return n
	}
	return 2
}

// amountText is an amount as people read it: 1,234.56 USD.
func amountText(minor int64, currency string) string {
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	digits, decimals := strconv.FormatInt(minor, 10), exponent(currency)
	if missing := decimals + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	whole, rest := digits[:len(digits)-decimals], digits[len(digits)-decimals:]
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return sign + whole + " " + strings.ToUpper(currency)
}
