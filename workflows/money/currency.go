package money

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
)

// Currency is what Stripe's documentation says of one currency.
type Currency struct {
	// Code is the three-letter ISO 4217 code in lower case, as Stripe's API wants it.
	Code string
	// Exponent is the number of decimals in Stripe's minor unit: 0 for JPY, 2 for USD, 3 for KWD.
	// It is Stripe's exponent, not ISO's or CLDR's: UGX and ISK have 2.
	Exponent int
	// MultipleOf is what an amount must be divisible by: 10 for the three-decimal
	// currencies, 100 for ISK and UGX, otherwise 1.
	MultipleOf int64
	// Digits is how many digits an amount may have at most, for the payment method that allows most.
	Digits int
}

// MaxAmount is the highest amount in minor units that any payment method takes.
// Stripe itself refuses what is too much for a particular one (amount_too_large):
// American Express takes 9 digits, most methods other than cards take 8.
func (c Currency) MaxAmount() int64 {
	limit := int64(1)
	for range c.Digits {
		limit *= 10
	}
	return limit - 1
}

// currencies.csv has one row per presentment currency of docs.stripe.com/currencies,
// each with the section that states its exponent and the day it was read.
// "digits" is from "Maximum charge amounts" of the same page.
//
//go:embed currencies.csv
var currenciesCSV string

// currencies is read only after start.
var currencies = mustReadCurrencies(currenciesCSV)

var multiples = map[string]int64{"": 1, "multiple_of_10": 10, "multiple_of_100": 100}

// ParseCurrency returns what is known of a currency given by its three-letter code in either case.
// It is an error when s is not such a code, or not a currency that Stripe charges in.
func ParseCurrency(s string) (Currency, error) {
	if !isCode(s) {
		return Currency{}, fmt.Errorf("currency: %q is not a three-letter currency code such as usd", clip(s))
	}
	c, ok := currencies[strings.ToLower(s)]
	if !ok {
		return Currency{}, fmt.Errorf("currency: %q is not a currency that Stripe charges in (https://docs.stripe.com/currencies)", s)
	}
	return c, nil
}

// NormalizeCurrency returns the code in lower case, as Stripe's API wants it, or ParseCurrency's error.
func NormalizeCurrency(s string) (string, error) {
	c, err := ParseCurrency(s)
	return c.Code, err
}

func isCode(s string) bool {
	if len(s) != 3 {
		return false
	}
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

func mustReadCurrencies(data string) map[string]Currency {
	rows, err := csv.NewReader(strings.NewReader(data)).ReadAll()
	if err != nil {
		panic("currencies.csv: " + err.Error())
	}
	table := make(map[string]Currency, len(rows))
	for _, row := range rows[1:] {
		exponent, err1 := strconv.Atoi(row[1])
		multiple, known := multiples[row[2]]
		digits, err2 := strconv.Atoi(row[3])
		if err1 != nil || err2 != nil || !known {
			panic("currencies.csv: bad row for " + row[0])
		}
		table[row[0]] = Currency{Code: row[0], Exponent: exponent, MultipleOf: multiple, Digits: digits}
	}
	return table
}
