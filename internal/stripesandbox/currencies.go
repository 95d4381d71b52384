package stripesandbox

import (
	"strings"
	"unique"
)

// currencies are those that can be charged here, with the smallest amount in minor
// units that Stripe takes; 0 where it names none.
// https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
var currencies = map[string]int64{
	"usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30,
	"hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300,
	"sgd": 50, "thb": 1000,
	"bhd": 0, "clp": 0, "cop": 0, "idr": 0, "ils": 0, "isk": 0, "jod": 0, "krw": 0, "kwd": 0, "omr": 0, "pen": 0, "php": 0, "rsd": 0,
	"tnd": 0, "try": 0, "twd": 0, "uah": 0, "ugx": 0, "vnd": 0, "zar": 0,
}

// maxAmount is eight digits, Stripe's limit for most currencies.
const maxAmount = 99_999_999

// checkAmount refuses unknown currencies and amounts that Stripe would not try.
func checkAmount(amount int64, currency string) *apiError {
	least, known := currencies[currency]
	switch {
	case !known:
		return invalidParam("currency", "Invalid currency: "+currency+". Stripe currently supports these currencies: usd, eur, gbp, ...")
	case amount < 1:
		return invalidCode("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case amount < least:
		return invalidCode("amount_too_small", "amount", "The amount is below the minimum charge amount for "+currency+".")
	case amount > maxAmount:
		return invalidCode("amount_too_large", "amount", "The amount must be no more than 99999999 in "+currency+".")
	}
	return nil
}

func currencyOf(p *params) string { return unique.Make(strings.ToLower(p.str("currency"))).Value() }
