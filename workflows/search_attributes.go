package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/workflows/calendar"
)

// The search attributes of every offsession workflow. They are set at start and upserted once per change of state.
var (
	SearchState        = temporal.NewSearchAttributeKeyKeyword("OffsessionState")
	SearchReference    = temporal.NewSearchAttributeKeyKeyword("OffsessionReference")
	SearchCustomer     = temporal.NewSearchAttributeKeyKeyword("OffsessionCustomer")
	SearchDeclineCode  = temporal.NewSearchAttributeKeyKeyword("OffsessionDeclineCode")
	SearchRun          = temporal.NewSearchAttributeKeyKeyword("OffsessionRun")
	SearchCurrency     = temporal.NewSearchAttributeKeyKeyword("OffsessionCurrency")
	SearchNextActionAt = temporal.NewSearchAttributeKeyTime("OffsessionNextActionAt")
	SearchAmount       = temporal.NewSearchAttributeKeyInt64("OffsessionAmount")
)

// SearchAttributeKeys lists all of them, for the worker that creates them.
func SearchAttributeKeys() []temporal.SearchAttributeKey {
	return []temporal.SearchAttributeKey{
		SearchState, SearchReference, SearchCustomer, SearchDeclineCode, SearchRun, SearchCurrency, SearchNextActionAt, SearchAmount,
	}
}

// StartSearchAttributes are those a CollectPayment is started with: its first state is part of them, so that a payment
// that succeeds at once needs a single upsert.
func (in CollectPaymentInput) StartSearchAttributes(now time.Time) temporal.SearchAttributes {
	set := []temporal.SearchAttributeUpdate{
		SearchState.ValueSet(string(PaymentCharging)),
		SearchReference.ValueSet(in.Reference),
		SearchCustomer.ValueSet(in.Customer),
		SearchCurrency.ValueSet(in.Currency),
		SearchAmount.ValueSet(in.Amount),
	}
	if in.Due.After(now) {
		set = append(set, SearchState.ValueSet(string(PaymentScheduled)), SearchNextActionAt.ValueSet(in.Due.UTC()))
	}
	return temporal.NewSearchAttributes(set...)
}

// StartSearchAttributes are those a BillingAgreement is started with: its first state and first date are part of them.
func (in BillingAgreementInput) StartSearchAttributes(now time.Time) temporal.SearchAttributes {
	set := []temporal.SearchAttributeUpdate{
		SearchState.ValueSet(string(AgreementActive)),
		SearchReference.ValueSet(in.Reference),
		SearchCustomer.ValueSet(in.Customer),
		SearchCurrency.ValueSet(in.Currency),
		SearchAmount.ValueSet(in.Amount),
	}
	full := in.full()
	switch {
	case in.SaveCard:
		set = append(set, SearchState.ValueSet(string(AgreementSavingCard)))
	case full.FirstCharge == FirstChargeScheduled:
		if first, ok := full.firstDate(now); ok {
			set = append(set, SearchNextActionAt.ValueSet(first))
		}
	}
	return temporal.NewSearchAttributes(set...)
}

// StartSearchAttributes are those a BillingRun is started with. SearchRun leads to its payments too.
func (in BillingRunInput) StartSearchAttributes() temporal.SearchAttributes {
	return temporal.NewSearchAttributes(
		SearchState.ValueSet(string(RunValidating)),
		SearchReference.ValueSet(in.Reference),
		SearchRun.ValueSet(in.Reference),
	)
}

// firstDate is the first date of an agreement that starts now; false when there is none, or the input is not allowed.
func (in BillingAgreementInput) firstDate(now time.Time) (time.Time, bool) {
	zone, err := loadZone(in.TimeZone)
	if err != nil {
		return time.Time{}, false
	}
	dates, err := calendar.New(in.Schedule, zone, now)
	if err != nil {
		return time.Time{}, false
	}
	first, ok := dates.Next(now)
	return first.At, ok
}

// StartSearchAttributes are those a SavePaymentMethod is started with.
func (in SavePaymentMethodInput) StartSearchAttributes() temporal.SearchAttributes {
	set := []temporal.SearchAttributeUpdate{
		SearchState.ValueSet(string(SetupOpen)),
		SearchReference.ValueSet(in.Reference),
	}
	if c := in.knownCustomer(); c != "" {
		set = append(set, SearchCustomer.ValueSet(c))
	}
	return temporal.NewSearchAttributes(set...)
}

// StartSearchAttributes are those a DeferredSubscription is started with.
func (in DeferredSubscriptionInput) StartSearchAttributes() temporal.SearchAttributes {
	return temporal.NewSearchAttributes(
		SearchState.ValueSet(string(SubscriptionNoActionNeeded)),
		SearchReference.ValueSet(in.Reference),
		SearchCustomer.ValueSet(in.Customer),
	)
}

// MemoInput is the memo key that holds the normalised first input, by which a repeated start is compared.
const MemoInput = "offsession_input"

// MemoRate is the memo key that holds the charges per second that a billing run may make, once it is not the one that it was
// started with.
const MemoRate = "offsession_rate"
