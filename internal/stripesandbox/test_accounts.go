package stripesandbox

import "strings"

// testMethodByAccount is the test bank account with these numbers. One that was linked
// through Financial Connections has none to show.
func testMethodByAccount(p *params, path string) (*testMethod, *apiError) {
	if p.has("financial_connections_account") {
		return mustTestMethod("pm_usBankAccount_success"), nil
	}
	for _, name := range []string{"account_number", "routing_number"} {
		if !p.has(name) {
			return nil, missingParam(paramPath(path, name))
		}
	}
	if p.str("routing_number") != "110000000" {
		return nil, invalidCode("routing_number_invalid", paramPath(path, "routing_number"), "You must use a test bank account number in test mode.")
	}
	for _, m := range testMethods {
		if m.kind == "us_bank_account" && m.account == p.str("account_number") {
			return m, nil
		}
	}
	return nil, invalidCode("account_number_invalid", paramPath(path, "account_number"), "You must use a test bank account number in test mode.")
}

// testMethodByIBAN is the test bank account with this IBAN; one that Stripe does not list
// succeeds.
func testMethodByIBAN(iban, path string) (*testMethod, *apiError) {
	iban = strings.ToUpper(strings.ReplaceAll(iban, " ", ""))
	if len(iban) < 15 || !isCountry(iban[:2]) {
		return nil, invalidCode("invalid_bank_account_iban", paramPath(path, "iban"), "The IBAN you provided is invalid.")
	}
	for token, m := range testMethods {
		if m.kind == "sepa_debit" && m.account == iban {
			return mustTestMethod(token + "_de"), nil
		}
	}
	return mustTestMethod("pm_sepaDebit_success_" + strings.ToLower(iban[:2])), nil
}
