package stripesandbox

import (
	"slices"
	"strings"
)

// pageMethod is a test payment method as the buyer's page and the Payment Element show it.
type pageMethod struct {
	Value  string // a card's number, or a token
	Number string // grouped as on a card; the token of what has no number
	Label  string
}

// methodGroup are test payment methods that behave alike.
type methodGroup struct {
	Name    string
	Methods []pageMethod
}

// Names of the groups, in the order of the page.
const (
	groupSucceeds = "Succeeds"
	groupSecure   = "Asks for 3D Secure"
	groupDeclined = "Declined"
	groupLater    = "Saved, then declined off session"
	groupRisk     = "Fraud and risk"
	groupAfter    = "Succeeds, with a sequel"
	groupSEPA     = "SEPA debit"
	groupACH      = "US bank account"
)

var groupNames = []string{groupSucceeds, groupSecure, groupDeclined, groupLater, groupRisk, groupAfter, groupSEPA, groupACH}

// ownMethods are tokens of the sandbox alone that are of use by hand.
var ownMethods = []pageMethod{
	{"pm_sandbox_decline_insufficient_funds_times_1", "", "Saved, then declined once for insufficient funds"},
	{"pm_sandbox_decline_insufficient_funds", "", "Saved, then declined for insufficient funds for ever"},
	{"pm_sandbox_decline_do_not_honor_advice_do_not_try_again", "", "Saved, then declined with the advice not to try again"},
	{"pm_sandbox_authenticate_times_1", "", "3D Secure when saved, then once off session"},
}

// methodGroups are the test payment methods that may be used where these types are
// allowed (none: all) in this currency (none: any).
func methodGroups(allowed []string, currency string) []methodGroup {
	methods := make(map[string][]pageMethod)
	for _, m := range slices.Concat(testCards(), testBankAccounts()) {
		// Microdeposits are for accounts that are typed in, which these are not.
		if usable(allowed, m.kind, currency) && !m.depositsFail {
			name := groupOf(m)
			methods[name] = append(methods[name], m.onPage())
		}
	}
	if usable(allowed, "card", currency) {
		for _, m := range ownMethods {
			known, _ := testMethodByToken(m.Value)
			m.Number = m.Value
			methods[groupOf(known)] = append(methods[groupOf(known)], m)
		}
	}
	var groups []methodGroup
	for _, name := range groupNames {
		if len(methods[name]) > 0 {
			groups = append(groups, methodGroup{name, methods[name]})
		}
	}
	return groups
}

// savedGroup is what the session's customer has saved; a setup is for something new.
func (c *call) savedGroup(cs *checkoutSession) []methodGroup {
	if cs.Customer == "" || cs.Mode != modePayment {
		return nil
	}
	var saved []pageMethod
	for _, id := range c.sandbox.store.indexes[indexKey{"payment_method", cs.Customer}] {
		pm, ok := lookup[*paymentMethod](c.sandbox.store, id)
		if !ok || !usable(cs.PaymentMethodTypes, pm.Type, cs.Currency) {
			continue
		}
		label := "Card ending in " + pm.test().last4()
		if pm.isDebit() {
			label = "Bank account ending in " + pm.accountLast4()
		}
		saved = append(saved, pageMethod{id, id, label})
	}
	if saved == nil {
		return nil
	}
	return []methodGroup{{"Saved by the customer", saved}}
}

func usable(allowed []string, kind, currency string) bool {
	if currency == "" {
		return len(allowed) == 0 || slices.Contains(allowed, kind)
	}
	return checkMethodType(allowed, kind, currency) == nil
}

func groupOf(m *testMethod) string {
	switch {
	case m.kind == "sepa_debit":
		return groupSEPA
	case m.kind == "us_bank_account":
		return groupACH
	case m.attach != nil:
		return groupDeclined
	case m.setupAuth || m.onSession != authNever:
		return groupSecure
	case m.risk != "":
		return groupRisk
	case m.charge != nil:
		return groupLater
	case m.disputed || m.refund != refundSucceeds:
		return groupAfter
	}
	return groupSucceeds
}

func (m *testMethod) onPage() pageMethod {
	if m.kind == "card" {
		if m.number == "" {
			return pageMethod{m.token, m.token, m.label}
		}
		return pageMethod{m.number, spaced(m.number), m.label}
	}
	token := m.token
	if m.kind == "sepa_debit" {
		token += "_de"
	}
	return pageMethod{token, token, m.settles.label(m.disputed)}
}

// label tells the course of a bank debit.
func (s settlement) label(disputed bool) string {
	var text string
	switch {
	case s.never:
		return "Stays processing"
	case s.failure != "":
		text = "Processing, then fails: " + strings.ReplaceAll(s.failure, "_", " ")
	case disputed:
		text = "Processing, then succeeds and is disputed"
	default:
		text = "Processing, then succeeds"
	}
	if s.late {
		text += " (after three minutes)"
	}
	return text
}

// spaced writes a card number as it is on the card.
func spaced(number string) string {
	var b strings.Builder
	for i, digit := range number {
		// American Express has 4, 6 and 5 digits.
		if (len(number) == 15 && (i == 4 || i == 10)) || (len(number) != 15 && i > 0 && i%4 == 0) {
			b.WriteByte(' ')
		}
		b.WriteRune(digit)
	}
	return b.String()
}
