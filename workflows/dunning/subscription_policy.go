package dunning

import (
	"errors"
	"fmt"
	"time"
)

// SubscriptionPolicy says when the customer of a subscription that cannot be charged yet is reminded, and when the app is
// told that the subscription may be lost. It is part of a workflow's input and never changes after the start.
type SubscriptionPolicy struct {
	// Name is for people, at most 60 characters.
	Name string `json:"name,omitempty" yaml:"name,omitempty"`
	// Reminders go to the customer this long after the ask, in rising order.
	Reminders []Duration `json:"reminders,omitempty" yaml:"reminders"`
	// BeforeTrialEnd are further reminders, this long before the trial ends, in falling order.
	BeforeTrialEnd []Duration `json:"before_trial_end,omitempty" yaml:"before_trial_end"`
	// AtRisk is how long before the end of the trial a subscription that cannot be charged is at risk.
	AtRisk Duration `json:"at_risk" yaml:"at_risk"`
}

// DefaultSubscriptionPolicy reminds one, three and seven days after the ask, and seven, three and one days before the
// trial ends; three days before its end the subscription is at risk.
func DefaultSubscriptionPolicy() SubscriptionPolicy {
	return SubscriptionPolicy{
		Name:           "default",
		Reminders:      []Duration{Days(1), Days(3), Days(7)},
		BeforeTrialEnd: []Duration{Days(7), Days(3), Days(1)},
		AtRisk:         Days(3),
	}
}

// remindersApart keeps reminders that come from both lists from falling on one day.
const remindersApart = 20 * time.Hour

// Validate returns every mistake at once, each naming the field, its value and what is allowed; nil when there is none.
func (p SubscriptionPolicy) Validate() error {
	var mistakes []error
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }
	if len([]rune(p.Name)) > maxNameLength {
		wrong("name: %d characters; at most %d", len([]rune(p.Name)), maxNameLength)
	}
	for _, list := range []struct {
		field   string
		waits   []Duration
		falling bool
	}{{"reminders", p.Reminders, false}, {"before_trial_end", p.BeforeTrialEnd, true}} {
		if len(list.waits) > maxReminders {
			wrong("%s: %d entries; at most %d", list.field, len(list.waits), maxReminders)
		}
		for i, wait := range list.waits {
			switch {
			case wait.nominal() <= 0 || wait.nominal() > Days(maxWindow).nominal():
				wrong("%s[%d]: %s; must be more than 0 and at most %dd", list.field, i, wait, maxWindow)
			case i > 0 && !list.falling && wait.nominal() <= list.waits[i-1].nominal():
				wrong("%s[%d]: %s; must be more than the one before (%s)", list.field, i, wait, list.waits[i-1])
			case i > 0 && list.falling && wait.nominal() >= list.waits[i-1].nominal():
				wrong("%s[%d]: %s; must be less than the one before (%s)", list.field, i, wait, list.waits[i-1])
			}
		}
	}
	if p.AtRisk.nominal() <= 0 || p.AtRisk.nominal() > Days(maxWindow).nominal() {
		wrong("at_risk: %s; must be more than 0 and at most %dd", p.AtRisk, maxWindow)
	}
	return errors.Join(mistakes...)
}

// NextReminder is when the customer, asked at asked and told last at told, is reminded next; zero when never. trialEnd is
// zero when there is no trial any more. At most one message is sent in 20 hours: a reminder due earlier than that after the
// last message is left out.
func (p SubscriptionPolicy) NextReminder(asked, told, trialEnd time.Time, zone *time.Location) time.Time {
	var next time.Time
	consider := func(at time.Time) {
		if !at.Before(told.Add(remindersApart)) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	for _, wait := range p.Reminders {
		consider(wait.After(asked, zone))
	}
	if !trialEnd.IsZero() {
		for _, wait := range p.BeforeTrialEnd {
			consider(wait.Before(trialEnd, zone))
		}
	}
	return next
}

// RiskAt is when a subscription whose trial ends at trialEnd is at risk.
func (p SubscriptionPolicy) RiskAt(trialEnd time.Time, zone *time.Location) time.Time {
	return p.AtRisk.Before(trialEnd, zone)
}
