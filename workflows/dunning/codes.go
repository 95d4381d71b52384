package dunning

import (
	_ "embed"
	"encoding/csv"
	"strings"
	"time"
)

// codes.csv has a row per decline code. The class is this product's policy, derived from the
// meaning and next steps on the page named in the row. "bank" rows are for all methods that are not cards.
//
//go:embed codes.csv
var codesCSV string

// advice.csv has a row per advice code of Stripe ("stripe") and of Mastercard
// ("network", the merchant advice code). 22 has no row: its meaning is not documented
// well enough to act on, so the decline code decides.
//
//go:embed advice.csv
var adviceCSV string

// network_codes.csv has a row per raw code of a card network or of ACH that says that the customer withdrew the
// permission to charge. Stripe has decline codes of its own for all of them; these count where only the raw code says it.
//
//go:embed network_codes.csv
var networkCodesCSV string

// consentWithdrawn is the rule of all rows that say that the customer withdrew the permission to charge.
const consentWithdrawn = "consent_withdrawn"

// meaning is what a row says about one code.
type meaning struct {
	class     Class
	notBefore time.Duration // the next attempt must not come earlier than this after the failed one
	rule      string        // makes the rule id more precise than the class alone
	text      string        // for people, without a full stop
}

type codeKey struct{ kind, code string }

// The tables are read only after start.
var (
	codes  = mustReadTable(codesCSV, func(row []string) (codeKey, []string) { return codeKey{row[1], row[0]}, row[2:] })
	advice = mustReadTable(adviceCSV, func(row []string) (codeKey, []string) { return codeKey{row[0], row[1]}, row[2:] })
	// revocations do not ask for the scheme: no code means one thing in one scheme and another in the other.
	revocations = mustReadTable(networkCodesCSV, func(row []string) (codeKey, []string) { return codeKey{code: row[1]}, row[2:] })
)

const (
	kindCard    = "card"
	kindBank    = "bank"
	fromStripe  = "stripe"
	fromNetwork = "network"
)

// reason is why an attempt failed, and which rule says what follows.
type reason struct {
	meaning
	rule string
}

func reasonOf(f Failure) reason {
	code, known := lookUpCode(f)
	if !known {
		code = defaultMeaning(f.Outcome)
	}
	for _, a := range []struct{ from, code, prefix string }{
		{fromStripe, f.AdviceCode, "advice."},
		{fromNetwork, f.NetworkAdviceCode, "network_advice."},
	} {
		m, ok := advice[codeKey{a.from, a.code}]
		if !ok {
			continue
		}
		// Advice never makes a fraud code's wording less careful.
		if code.class == ClassFraud && !m.class.Retryable() {
			m.class = ClassFraud
		}
		m.text = code.text + "; " + m.text
		if code.class == ClassFraud {
			m.text = genericDecline
		}
		// A wait that the decline code demands holds whatever the advice says.
		m.notBefore = max(m.notBefore, code.notBefore)
		return reason{m, withDetail(a.prefix+a.code, m.rule)}
	}
	if !known {
		return reason{code, "default." + string(outcomeOrDeclined(f.Outcome))}
	}
	r := reason{code, withDetail("class."+string(code.class), code.rule)}
	if code.class == ClassFraud {
		r.text = genericDecline
	}
	return r
}

// genericDecline is all that is ever said about a decline of class fraud.
const genericDecline = "The bank declined the payment"

// lookUpCode finds the row of what the bank said. A raw code that withdraws the permission to charge counts for more
// than a decline code after which the charge would be repeated.
func lookUpCode(f Failure) (meaning, bool) {
	m, known := lookUpDeclineCode(f)
	if revoked, ok := revocations[codeKey{code: f.NetworkDeclineCode}]; ok && (!known || m.class.Retryable()) {
		return revoked, true
	}
	return m, known
}

// ConsentRevoked reports whether the failure says that the customer withdrew the permission to charge: at the bank, by
// ending a mandate, or by calling the payment unauthorized. Everything else is a reason against one payment or one
// payment method; this is one against charging the customer again, whatever the method.
func ConsentRevoked(f Failure) bool {
	if m, known := lookUpDeclineCode(f); known && m.rule == consentWithdrawn {
		return true
	}
	if _, revoked := revocations[codeKey{code: f.NetworkDeclineCode}]; revoked {
		return true
	}
	return advice[codeKey{fromNetwork, f.NetworkAdviceCode}].rule == consentWithdrawn
}

// lookUpDeclineCode finds the row of the decline code, or of the error code when there is
// none: expired_card and some others arrive as code alone.
func lookUpDeclineCode(f Failure) (meaning, bool) {
	kinds := [2]string{kindCard, kindBank}
	if f.PaymentMethodType != "" && f.PaymentMethodType != "card" {
		kinds = [2]string{kindBank, kindCard}
	}
	for _, code := range []string{f.DeclineCode, f.Code} {
		for _, kind := range kinds {
			if m, ok := codes[codeKey{kind, code}]; ok {
				return m, true
			}
		}
	}
	return meaning{}, false
}

// defaultMeaning is for codes that no table knows; Stripe adds new ones without notice.
func defaultMeaning(o Outcome) meaning {
	switch o {
	case OutcomeNeedsCustomer:
		return meaning{class: ClassAuth, text: "The bank wants the customer to approve this payment"}
	case OutcomeUnknown:
		return meaning{class: ClassSoft, text: "How the attempt ended is not known, but no money was taken"}
	case OutcomeDeclined:
	}
	return meaning{class: ClassIssuer, text: "The payment was declined without a reason"}
}

func outcomeOrDeclined(o Outcome) Outcome {
	switch o {
	case OutcomeNeedsCustomer, OutcomeUnknown:
		return o
	case OutcomeDeclined:
	}
	return OutcomeDeclined
}

func withDetail(rule, detail string) string {
	if detail == "" {
		return rule
	}
	return rule + "." + detail
}

func mustReadTable(data string, key func(row []string) (codeKey, []string)) map[codeKey]meaning {
	rows, err := csv.NewReader(strings.NewReader(data)).ReadAll()
	if err != nil {
		panic("dunning: embedded table: " + err.Error())
	}
	table := make(map[codeKey]meaning, len(rows))
	for _, row := range rows[1:] {
		k, values := key(row)
		m := meaning{class: Class(values[0]), rule: values[2], text: values[3]}
		if values[1] != "" {
			if m.notBefore, err = time.ParseDuration(values[1]); err != nil {
				panic("dunning: embedded table: " + err.Error())
			}
		}
		if _, twice := table[k]; twice {
			panic("dunning: embedded table: two rows for " + k.code)
		}
		table[k] = m
	}
	return table
}
