package dunning

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Policy says how often and when a payment that failed is tried again, and how long the customer
// has to act. It is part of a workflow's input and never changes after the start.
type Policy struct {
	// Name is for people, at most 60 characters.
	Name string `json:"name,omitempty" yaml:"name,omitempty"`
	// Soft is for declines that may pass later with the same payment method.
	Soft Retries `json:"soft" yaml:"soft"`
	// Issuer is for a bank's no without a usable reason: fewer and wider.
	Issuer Retries `json:"issuer" yaml:"issuer"`
	// CustomerWindow is how long the customer has to act once asked.
	CustomerWindow Duration `json:"customer_window" yaml:"customer_window"`
	// Reminders go to the customer this long after the ask, in rising order.
	Reminders []Duration `json:"reminders,omitempty" yaml:"reminders"`
	// MaxAttempts is how many automatic attempts are made at most, the first included: 1 to 8.
	MaxAttempts int `json:"max_attempts,omitempty" yaml:"max_attempts"`
	// FinalAction is what becomes of a payment whose CustomerWindow has passed.
	FinalAction FinalAction `json:"final_action,omitempty" yaml:"final_action"`
}

// FinalAction is what becomes of a payment that could not be collected, and of the agreement that it came from.
type FinalAction string

// The final actions. All of them end the payment as uncollectible; all but the first are for agreements only.
const (
	// FinalUncollectible: the agreement goes on.
	FinalUncollectible FinalAction = "uncollectible"
	// FinalPause pauses the agreement until an operator resumes it.
	FinalPause FinalAction = "pause"
	// FinalCancel ends the agreement.
	FinalCancel FinalAction = "cancel"
	// FinalNeedsAttention stops the agreement until a person has looked at it.
	FinalNeedsAttention FinalAction = "needs_attention"
)

// FinalActions are all of them.
func FinalActions() []FinalAction {
	return []FinalAction{FinalUncollectible, FinalPause, FinalCancel, FinalNeedsAttention}
}

// Retries is a schedule of automatic attempts.
type Retries struct {
	// After has a wait per retry, each counted from the attempt before. None means no retry.
	After []Duration `json:"after" yaml:"after"`
	// At is the local hour of retries counted in days, "15:04". Waits in hours and below do not look at it.
	At string `json:"at,omitempty" yaml:"at,omitempty"`
	// Paydays are days of the month (31 is the last day of shorter months too). A retry counted in days moves forward
	// to the next of them that is at most 7 days away.
	Paydays []int `json:"paydays,omitempty" yaml:"paydays,omitempty"`
}

const (
	// MaxAttempts is the most automatic attempts that any policy can ask for.
	// Stripe advises no more than 8 (https://docs.stripe.com/declines/card).
	MaxAttempts = 8
	// maxWait keeps a payment from being forgotten by a typing error.
	maxWait        = 60
	maxWindow      = 90
	maxReminders   = 10
	maxNameLength  = 60
	timeOfDay      = "15:04"
	paydayDistance = 7
)

// DefaultPolicy tries soft declines four times within 14 days and a bank's
// unexplained no twice, at 09:00 of the customer's day, then gives the customer 14 days with three reminders.
func DefaultPolicy() Policy {
	return Policy{
		Name:           "default",
		Soft:           Retries{After: []Duration{Days(2), Days(3), Days(4), Days(5)}, At: "09:00"},
		Issuer:         Retries{After: []Duration{Days(3), Days(7)}, At: "09:00"},
		CustomerWindow: Days(14),
		Reminders:      []Duration{Days(3), Days(7), Days(12)},
		MaxAttempts:    MaxAttempts,
		FinalAction:    FinalUncollectible,
	}
}

// Validate returns every mistake at once, each naming the field, its value and what is allowed; nil when there is none.
func (p Policy) Validate() error {
	var mistakes []error
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }

	if len([]rune(p.Name)) > maxNameLength {
		wrong("name: %d characters; at most %d", len([]rune(p.Name)), maxNameLength)
	}
	for _, r := range []struct {
		field   string
		retries Retries
	}{{"soft", p.Soft}, {"issuer", p.Issuer}} {
		mistakes = append(mistakes, r.retries.mistakes(r.field)...)
	}
	if p.CustomerWindow.nominal() <= 0 || p.CustomerWindow.nominal() > Days(maxWindow).nominal() {
		wrong("customer_window: %s; must be more than 0 and at most %dd", p.CustomerWindow, maxWindow)
	}
	if len(p.Reminders) > maxReminders {
		wrong("reminders: %d entries; at most %d", len(p.Reminders), maxReminders)
	}
	for i, r := range p.Reminders {
		switch {
		case r.nominal() <= 0:
			wrong("reminders[%d]: %s; must be more than 0", i, r)
		case r.nominal() >= p.CustomerWindow.nominal():
			wrong("reminders[%d]: %s; must be less than customer_window (%s)", i, r, p.CustomerWindow)
		case i > 0 && r.nominal() <= p.Reminders[i-1].nominal():
			wrong("reminders[%d]: %s; must be more than the one before (%s)", i, r, p.Reminders[i-1])
		}
	}
	if p.MaxAttempts < 1 || p.MaxAttempts > MaxAttempts {
		wrong("max_attempts: %d; must be 1 to %d", p.MaxAttempts, MaxAttempts)
	}
	if !slices.Contains(FinalActions(), p.FinalAction) {
		wrong("final_action: %q; must be one of %q", p.FinalAction, FinalActions())
	}
	return errors.Join(mistakes...)
}

func (r Retries) mistakes(field string) []error {
	var mistakes []error
	wrong := func(format string, args ...any) {
		mistakes = append(mistakes, fmt.Errorf(field+"."+format, args...))
	}
	if len(r.After) > MaxAttempts-1 {
		wrong("after: %d retries; at most %d, since the first attempt counts too", len(r.After), MaxAttempts-1)
	}
	inDays := false
	for i, wait := range r.After {
		if wait.nominal() <= 0 || wait.nominal() > Days(maxWait).nominal() {
			wrong("after[%d]: %s; must be more than 0 and at most %dd", i, wait, maxWait)
		}
		inDays = inDays || wait.IsDays()
	}
	if _, err := time.Parse(timeOfDay, r.At); (err != nil || len(r.At) != len(timeOfDay)) && (r.At != "" || inDays) {
		wrong("at: %q; must be a local time such as 09:00", r.At)
	}
	for i, day := range r.Paydays {
		if day < 1 || day > 31 {
			wrong("paydays[%d]: %d; must be 1 to 31", i, day)
		}
	}
	return mistakes
}

// Deadline is when the customer's window closes that opened at asked.
func (p Policy) Deadline(asked time.Time, zone *time.Location) time.Time {
	return p.CustomerWindow.After(asked, zone)
}

// ReminderTimes returns when the customer is reminded of an ask, in rising order.
func (p Policy) ReminderTimes(asked time.Time, zone *time.Location) []time.Time {
	times := make([]time.Time, len(p.Reminders))
	for i, r := range p.Reminders {
		times[i] = r.After(asked, zone)
	}
	return times
}
