package stripesandbox

import (
	"slices"
	"strings"
)

// authRule says when a card wants 3D Secure.
type authRule int

const (
	authNever authRule = iota
	authUntilSetUp
	authAlways
	authFirst // declinesFirst times
)

// testMethod is how one of Stripe's test payment methods behaves.
// https://docs.stripe.com/testing
type testMethod struct {
	token         string
	number        string
	account       string // of a bank account: its number or IBAN
	label         string // for the buyer's page
	kind          string // card, us_bank_account or sepa_debit
	brand         string
	country       string
	funding       string
	attach        *decline // attaching it and setting it up
	charge        *decline // every charge, after authentication if it wants one
	setupAuth     bool
	offSession    authRule
	onSession     authRule
	preSetUp      bool   // counts as set up for off-session use from the start
	risk          string // risk level of its charges, normal when empty
	disputed      bool
	refund        refundCourse
	settles       settlement
	setupLater    bool // setting it up is processing first
	depositsFail  bool // microdeposits cannot be sent
	declinesFirst int  // of off-session charges only; negative: all of them
	private       bool // not one of Stripe's
}

// refundCourse is what becomes of a refund.
type refundCourse int

const (
	refundSucceeds refundCourse = iota
	refundFailsLater
	refundPendingFirst
)

// settlement is what becomes of a bank debit.
type settlement struct {
	failure string // failure code, empty when it succeeds
	never   bool   // it stays processing
	late    bool   // after at least three minutes, as with Stripe's …Delayed methods
}

// Test payment methods by token, and cards by number as well.
var testMethods, testNumbers = knownMethods()

func knownMethods() (byToken, byNumber map[string]*testMethod) {
	byToken, byNumber = make(map[string]*testMethod), make(map[string]*testMethod)
	for _, m := range slices.Concat(testCards(), testBankAccounts()) {
		byToken[m.token] = m
		if m.number != "" {
			byNumber[m.number] = m
		}
	}
	// Names that Stripe's CLI uses.
	byToken["pm_card_chargeDeclined"] = byToken["pm_card_visa_chargeDeclined"]
	byToken["pm_card_chargeDeclinedInsufficientFunds"] = byToken["pm_card_visa_chargeDeclinedInsufficientFunds"]
	return byToken, byNumber
}

// testMethodByToken returns the method of a pm_card_…, pm_usBankAccount_…,
// pm_sepaDebit_…, tok_… or pm_sandbox_… token.
func testMethodByToken(token string) (*testMethod, bool) {
	if m, ok := testMethods[token]; ok {
		return m, true
	}
	if rest, ok := strings.CutPrefix(token, "tok_"); ok {
		m, ok := testMethods["pm_card_"+rest]
		return m, ok
	}
	if m, ok := sepaMethod(token); ok {
		return m, true
	}
	return privateMethod(token)
}

// sepaMethod understands pm_sepaDebit_<course>_<country>.
func sepaMethod(token string) (*testMethod, bool) {
	rest, ok := strings.CutPrefix(token, "pm_sepaDebit_")
	if !ok {
		return nil, false
	}
	course, country, ok := strings.Cut(rest, "_")
	if !ok || !isCountry(country) {
		return nil, false
	}
	m, ok := testMethods["pm_sepaDebit_"+course]
	if !ok {
		return nil, false
	}
	local := *m
	local.token, local.country = token, strings.ToUpper(country)
	return &local, true
}

func isCountry(code string) bool {
	return len(code) == 2 && strings.Trim(strings.ToLower(code), "abcdefghijklmnopqrstuvwxyz") == ""
}

// luhn reports whether a card number has the right check digit.
func luhn(number string) bool {
	sum := 0
	for i := range len(number) {
		digit := int(number[len(number)-1-i] - '0')
		if digit < 0 || digit > 9 {
			return false
		}
		if i%2 == 1 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
	}
	return len(number) >= 12 && len(number) <= 19 && sum%10 == 0
}
