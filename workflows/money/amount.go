package money

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Check says whether Stripe can be asked to charge this amount, in minor units: the currency
// must be known, the amount positive, within the digit limit, and divisible by
// what the currency demands. The error names the value and what is allowed; when
// both are wrong it names both.
//
// Minimum amounts are not checked: they depend on the account's settlement
// currency, and Stripe refuses them itself (amount_too_small).
func Check(amount int64, currency string) error {
	c, err := ParseCurrency(currency)
	if err != nil {
		if amount <= 0 {
			return errors.Join(fmt.Errorf("amount: %d must be positive", amount), err)
		}
		return err
	}
	code := strings.ToUpper(c.Code)
	switch {
	case amount <= 0:
		return fmt.Errorf("amount: %d %s must be positive", amount, code)
	case amount > c.MaxAmount():
		return fmt.Errorf("amount: %d %s is too large, Stripe takes at most %d digits (%d)", amount, code, c.Digits, c.MaxAmount())
	case amount%c.MultipleOf != 0 && c.Exponent == 3:
		return fmt.Errorf("amount: %d %s must be a multiple of %d (three-decimal currency, Stripe wants the last digit 0)", amount, code, c.MultipleOf)
	case amount%c.MultipleOf != 0:
		return fmt.Errorf("amount: %d %s must be a multiple of %d (Stripe counts %s in hundredths but takes no fractions of it)", amount, code, c.MultipleOf, code)
	}
	return nil
}

// ParseAmount reads an amount in minor units as typed by a person: decimal digits
// only, without sign, point, exponent or grouping. It checks the form alone; Check knows the limits.
func ParseAmount(s string) (int64, error) {
	if s == "" {
		return 0, errors.New("amount: empty; " + minorUnitsHint)
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, fmt.Errorf("amount: %q is not a whole number of digits; %s", clip(s), minorUnitsHint)
		}
	}
	amount, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("amount: %q is too large; %s", clip(s), minorUnitsHint)
	}
	return amount, nil
}

const minorUnitsHint = "amount is in minor units: 1099 for 10.99 USD, 1099 for 1099 JPY"

// clip keeps an error message readable when the value is very long.
func clip(s string) string {
	const longest = 40
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}
