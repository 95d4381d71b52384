package dunning

import (
	"fmt"
	"hash/fnv"
	"time"
)

// Action is what happens next.
type Action string

const (
	// ActionRetry makes another automatic attempt at Decision.At.
	ActionRetry Action = "retry"
	// ActionAskCustomer asks the customer now; the customer's window opens.
	ActionAskCustomer Action = "ask_customer"
	// ActionLookUp looks for a payment that was already taken. When there is none, decide again with History.LookedUp.
	ActionLookUp Action = "look_up"
	// ActionGiveUp carries out the policy's FinalAction. Only Expired returns it.
	ActionGiveUp Action = "give_up"
)

// History is what came before a decision.
type History struct {
	// Attempts is how many automatic attempts reached the bank, the failed one included.
	Attempts int `json:"attempts"`
	// Retries is how many retries were scheduled since the payment method last changed.
	Retries int `json:"retries"`
	// LookedUp says that the payment was looked for and not found: ClassInspect is then treated as ClassIssuer.
	LookedUp bool `json:"looked_up,omitempty"`
}

// Decision is what happens next, and why.
type Decision struct {
	Action Action `json:"action"`
	// At is when to retry, UTC. It is set for ActionRetry only.
	At time.Time `json:"at,omitzero"`
	// Class is the class of the failure.
	Class Class `json:"class"`
	// Rule names the rule that fired; it is stable. ClassOf's rule, followed for a retry by its number
	// ("class.soft.2") and for the last failure of a schedule by "exhausted"; or "ceiling.attempts", or "window.over".
	Rule string `json:"rule"`
	// Sentence is for people, in English, without personal data; generic for ClassFraud.
	Sentence string `json:"sentence"`
	// TellCustomer says whether the customer hears of it.
	TellCustomer bool `json:"tell_customer,omitempty"`
}

// Decide says what happens after an attempt at now that did not succeed. The
// zone is the customer's, nil means UTC; the reference is the payment's, its hash spreads retries that fall
// on the same hour. Every path ends in a retry, a look-up or the customer: nothing is given up silently.
func Decide(p Policy, h History, f Failure, now time.Time, zone *time.Location, reference string) Decision {
	if zone == nil {
		zone = time.UTC
	}
	why := reasonOf(f)
	switch why.class {
	case ClassSoft:
		return p.Soft.decide(p, h, why, now, zone, reference)
	case ClassIssuer:
		return p.Issuer.decide(p, h, why, now, zone, reference)
	case ClassInspect:
		if h.LookedUp {
			return p.Issuer.decide(p, h, why, now, zone, reference)
		}
		return Decision{Action: ActionLookUp, Class: why.class, Rule: why.rule, Sentence: why.text + ". The earlier payment is looked for before anything else is sent."}
	case ClassAuth:
		return ask(why, why.rule, "The customer is asked to do so.")
	case ClassHard, ClassFraud, ClassNotApplicable, ClassConfiguration:
	}
	return ask(why, why.rule, "The customer is asked for another way to pay.")
}

// Expired is the decision when the customer's window closes without a payment.
func Expired(p Policy) Decision {
	return Decision{
		Action:   ActionGiveUp,
		Rule:     "window.over",
		Sentence: fmt.Sprintf("The customer did not act within %s. The payment ends as %s.", p.CustomerWindow, p.FinalAction),
	}
}

func ask(why reason, rule, then string) Decision {
	return Decision{Action: ActionAskCustomer, Class: why.class, Rule: rule, Sentence: why.text + ". " + then, TellCustomer: true}
}

func (r Retries) decide(p Policy, h History, why reason, now time.Time, zone *time.Location, reference string) Decision {
	if limit := min(p.MaxAttempts, MaxAttempts); h.Attempts >= limit {
		return ask(why, "ceiling.attempts", fmt.Sprintf("After %d automatic attempts there are no more. The customer is asked for another way to pay.", h.Attempts))
	}
	if h.Retries >= len(r.After) {
		return ask(why, why.rule+".exhausted", fmt.Sprintf("All %d planned retries are used up. The customer is asked for another way to pay.", len(r.After)))
	}
	at := r.next(r.After[h.Retries], now, why.notBefore, zone, reference)
	number := h.Retries + 1
	sentence := fmt.Sprintf("%s. Retry %d of %d is made on %s.", why.text, number, len(r.After), at.In(zone).Format("2006-01-02 at 15:04:05 MST"))
	tell := why.class != ClassSoft
	if tell {
		sentence += " The customer is told."
	}
	return Decision{Action: ActionRetry, At: at, Class: why.class, Rule: fmt.Sprintf("%s.%d", why.rule, number), Sentence: sentence, TellCustomer: tell}
}

// next returns when to retry after a failure at now. A wait in hours and below is exact. A wait
// in days leads to the policy's local hour of that date, spread over half an hour; it moves on by whole days while it is
// too early for notBefore, then forward to a payday.
func (r Retries) next(wait Duration, now time.Time, notBefore time.Duration, zone *time.Location, reference string) time.Time {
	earliest := now.Add(notBefore)
	if !wait.IsDays() {
		at := wait.After(now, zone)
		if at.Before(earliest) {
			at = earliest
		}
		return at.UTC()
	}
	clock, _ := time.Parse(timeOfDay, r.At) // checked by Validate; otherwise midnight
	year, month, day := now.In(zone).Date()
	date := time.Date(year, month, day+wait.days, clock.Hour(), clock.Minute(), 0, 0, time.UTC)
	for instant(date, zone).Before(earliest) {
		date = date.AddDate(0, 0, 1)
	}
	return instant(r.onPayday(date), zone).Add(jitter(reference)).UTC()
}

// onPayday returns the next payday from date on, or date itself when none is near.
func (r Retries) onPayday(date time.Time) time.Time {
	for days := 0; days <= paydayDistance; days++ {
		candidate := date.AddDate(0, 0, days)
		lastOfMonth := candidate.AddDate(0, 0, 1).Day() == 1
		for _, payday := range r.Paydays {
			if candidate.Day() == payday || lastOfMonth && payday > candidate.Day() {
				return candidate
			}
		}
	}
	return date
}

// maxJitter is over how long the retries of one hour are spread, so that
// a thousand payments due at 09:00 are not sent in the same second.
const maxJitter = 30 * time.Minute

func jitter(reference string) time.Duration {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(reference)) // never fails
	return time.Duration(hash.Sum32()%uint32(maxJitter/time.Second)) * time.Second
}
