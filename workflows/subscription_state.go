package workflows

import (
	"time"

	"github.com/offsession/offsession/activities"
)

// subscriptionStateVersion is raised when the meaning of a field of subscriptionState changes.
const subscriptionStateVersion = 1

const (
	// subscriptionSteps and subscriptionSetups bound what is carried over.
	subscriptionSteps  = 20
	subscriptionSetups = 20
	refusedMethods     = 10
)

// subscriptionState is everything a DeferredSubscription knows, and all that continue-as-new carries over.
type subscriptionState struct {
	entityState
	Version int               `json:"version"`
	State   SubscriptionState `json:"state"`
	Reason  string            `json:"why,omitempty"`
	Need    SubscriptionNeed  `json:"need,omitempty"`
	// StartedAt is part of the keys of writes: a subscription may be watched again within the life of a key.
	StartedAt time.Time `json:"started_at"`
	// LookDue asks to read the subscription without waiting.
	LookDue bool `json:"look_due,omitempty"`
	// Fault is why Stripe could not be asked, or written to, at last; a code. NoSession is why no Checkout Session could be
	// opened at last, while one is needed.
	Fault     string `json:"fault,omitempty"`
	NoSession string `json:"no_session,omitempty"`

	// Reading is the subscription as read at ReadAt; zero when it never was.
	Reading activities.SubscriptionReading `json:"reading,omitzero"`
	ReadAt  time.Time                      `json:"read_at,omitzero"`
	// MissingSince is since when Stripe does not know the subscription, of which it has told before.
	MissingSince time.Time `json:"missing_since,omitzero"`
	// PaidBefore is the newest invoice that was paid already at the start, when something was needed all the same.
	PaidBefore string `json:"paid_before,omitempty"`
	// Setups are the pending SetupIntents seen. Tried is the last one that we have confirmed, and the method: the same is not
	// tried again.
	Setups []SubscriptionSetup `json:"setups,omitempty"`
	Tried  string              `json:"tried,omitempty"`
	// Refused are the methods that the pending SetupIntent was refused with, and DefaultThen what was the default when it was
	// first seen. Follow is one that was just found to have succeeded.
	Refused     []string `json:"refused,omitempty"`
	DefaultThen string   `json:"default_then,omitempty"`
	Follow      string   `json:"follow,omitempty"`

	// Session is the Checkout Session that something can still come of; Checkouts counts those opened, Writes the other writes.
	Session   string    `json:"session,omitempty"`
	OpenedAt  time.Time `json:"opened_at,omitzero"`
	Checkouts int       `json:"checkouts,omitempty"`
	Writes    int       `json:"writes,omitempty"`
	// VerifyingSince is since when a bank confirms what the customer saved in Session.
	VerifyingSince time.Time `json:"verifying_since,omitzero"`
	// Saved was saved in our Checkout and is not in place yet. SavedOver is what was the default then.
	Saved          string `json:"saved,omitempty"`
	SavedOver      string `json:"saved_over,omitempty"`
	ConsentVersion string `json:"consent_version,omitempty"`
	// Unusable is why what was saved last could not be put in place, a code, until it is not needed any more.
	Unusable string `json:"unusable,omitempty"`

	// Asked says that the customer, or the bank, was needed once. AskedAt is when Need came up, for NeedID: the invoice or the
	// SetupIntent. AskedFor is the need that the customer was told of at ToldAt last, for AskedID; Messages counts the messages
	// about it.
	Asked    bool             `json:"asked,omitempty"`
	NeedID   string           `json:"need_id,omitempty"`
	AskedAt  time.Time        `json:"asked_at,omitzero"`
	AskedFor SubscriptionNeed `json:"asked_for,omitempty"`
	AskedID  string           `json:"asked_id,omitempty"`
	// ToldOf is the need of the last message, also when it was met meanwhile: asking for the same again keeps its distance.
	ToldOf   SubscriptionNeed `json:"told_of,omitempty"`
	ToldAt   time.Time        `json:"told_at,omitzero"`
	Messages int              `json:"messages,omitempty"`
	// HoldUntil is before when nobody is told: the customer is at it, or Stripe could not be asked.
	HoldUntil time.Time `json:"hold_until,omitzero"`
	// TrialWillEnd says that Stripe has told that the trial will end.
	TrialWillEnd bool `json:"trial_will_end,omitempty"`
	// ReadyTold and RiskTold say what the app was told last; Told counts all messages, for their ids.
	ReadyTold bool   `json:"ready_told,omitempty"`
	RiskTold  string `json:"risk_told,omitempty"`
	Told      int    `json:"told,omitempty"`

	// TrialAtRisk says that the trial was found to end soon, while something was needed.
	TrialAtRisk bool `json:"trial_at_risk,omitempty"`
	// RiskLooked and PeriodLooked are the ends of the trial and the period that have been looked at, the latter at PeriodLookAt.
	RiskLooked   time.Time `json:"risk_looked,omitzero"`
	PeriodLooked time.Time `json:"period_looked,omitzero"`
	PeriodLookAt time.Time `json:"period_look_at,omitzero"`
	// EndAs is the end that waits, since EndingSince, for what is open to be closed, and EndReason its reason.
	EndAs       SubscriptionState `json:"end_as,omitempty"`
	EndReason   string            `json:"end_reason,omitempty"`
	EndingSince time.Time         `json:"ending_since,omitzero"`
	// Steps are the last changes of state.
	Steps []SubscriptionStep `json:"steps,omitempty"`
}
