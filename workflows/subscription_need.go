package workflows

import (
	"cmp"
	"time"

	"github.com/offsession/offsession/activities"
)

// needOf says what a subscription waits for.
func needOf(r activities.SubscriptionReading) SubscriptionNeed {
	if r.SendInvoice || r.Missing || r.Status.Ended() {
		return ""
	}
	// An incomplete subscription waits for the customer to make its first payment.
	if r.Invoice != "" && (r.InvoiceAttempted || r.Status == activities.SubscriptionIncomplete) {
		switch r.InvoicePayment {
		case activities.PaymentIntentProcessing, activities.PaymentIntentSucceeded, activities.PaymentIntentRequiresCapture:
			return NeedBank
		case "", activities.PaymentIntentRequiresPaymentMethod, activities.PaymentIntentRequiresConfirmation,
			activities.PaymentIntentRequiresAction, activities.PaymentIntentCanceled:
		}
		return NeedInvoicePaid
	}
	// What ends with its period is not charged again, but for what was used.
	if canceling(r) && !r.Metered {
		return ""
	}
	return setupNeed(r)
}

// canceling reports whether the subscription ends with its period.
func canceling(r activities.SubscriptionReading) bool {
	return !r.CancelsAt.IsZero() && !r.CancelsAt.After(r.PeriodEnd)
}

// setupNeed says what keeps Stripe from charging the next invoice.
func setupNeed(r activities.SubscriptionReading) SubscriptionNeed {
	switch r.SetupStatus {
	case activities.SetupIntentRequiresAction:
		if r.NextAction == nextActionMicrodeposits {
			return NeedBank
		}
		return NeedConfirmation
	case activities.SetupIntentRequiresConfirmation:
		return NeedConfirmation
	case activities.SetupIntentRequiresPaymentMethod:
		return NeedPaymentMethod
	case activities.SetupIntentProcessing:
		return NeedBank
	case "", activities.SetupIntentSucceeded, activities.SetupIntentCanceled:
	}
	if !r.SetUp() || r.PaymentMethod == "" && !r.Free {
		return NeedPaymentMethod
	}
	return ""
}

// asksCustomer reports whether the customer can do something about it.
func (n SubscriptionNeed) asksCustomer() bool {
	switch n {
	case NeedConfirmation, NeedPaymentMethod, NeedInvoicePaid:
		return true
	case "", NeedBank:
		return false
	}
	return false
}

// setupOpen reports whether a SetupIntent can still be confirmed or canceled.
func setupOpen(status activities.SetupIntentStatus) bool {
	switch status {
	case activities.SetupIntentRequiresPaymentMethod, activities.SetupIntentRequiresConfirmation, activities.SetupIntentRequiresAction:
		return true
	case "", activities.SetupIntentProcessing, activities.SetupIntentSucceeded, activities.SetupIntentCanceled:
		return false
	}
	return false
}

const (
	// guardBefore and guardAfter are around the moment at which Stripe collects an invoice by itself: nobody is sent to pay it
	// then, lest it is paid twice over in the customer's eyes.
	guardBefore = 10 * time.Minute
	guardAfter  = time.Hour
)

// guarded is the end of the guard window that t falls into; zero when it falls into none. The window also ends as soon as
// Stripe has tried: its next attempt is another one then.
func guarded(t, attempt time.Time) time.Time {
	if attempt.IsZero() || t.Before(attempt.Add(-guardBefore)) || !t.Before(attempt.Add(guardAfter)) {
		return time.Time{}
	}
	return attempt.Add(guardAfter)
}

// trialEnd is when the trial ends; zero when there is none, or it is over: Stripe leaves trial_end as it was.
func trialEnd(r activities.SubscriptionReading) time.Time {
	if r.Status != activities.SubscriptionTrialing {
		return time.Time{}
	}
	return r.TrialEnd
}

// trialEnding reports whether the trial ends within the policy's days, or has ended since it was found to.
func (d *deferredSubscription) trialEnding(now time.Time) bool {
	if d.st.Need == "" {
		return false
	}
	end := trialEnd(d.st.Reading)
	if end.IsZero() || d.st.Reading.OnTestClock && d.st.TrialAtRisk { // a test clock's end moves with every reading
		return d.st.TrialAtRisk
	}
	return !now.Before(d.in.Policy.RiskAt(end, d.zone))
}

// stateOf says where the subscription stands, and why when it is at risk.
func (d *deferredSubscription) stateOf(now time.Time) (SubscriptionState, string) {
	r := d.st.Reading
	switch {
	case d.st.Fault != "" && (d.st.Fault != ReasonStripeFaults || d.st.ReadAt.IsZero() || d.st.EndAs != ""):
		return SubscriptionAtRisk, d.st.Fault
	case d.sessionRefused():
		return SubscriptionAtRisk, d.st.NoSession
	case r.Missing && d.st.EndAs == "":
		return SubscriptionAtRisk, SubscriptionReasonMissing
	case r.Status == activities.SubscriptionPaused:
		return SubscriptionAtRisk, SubscriptionReasonPaused
	case d.st.Need == NeedInvoicePaid && r.Status != activities.SubscriptionIncomplete:
		return SubscriptionAtRisk, SubscriptionReasonInvoiceUnpaid
	case d.trialEnding(now):
		return SubscriptionAtRisk, SubscriptionReasonTrialEnding
	}
	switch d.st.Need {
	case NeedConfirmation:
		return SubscriptionRequiresAction, ""
	case NeedInvoicePaid:
		return SubscriptionRequiresAction, string(r.Status)
	case NeedPaymentMethod:
		return SubscriptionRequiresPaymentMethod, cmp.Or(d.st.Unusable, r.Reason())
	case NeedBank:
		return SubscriptionProcessing, ""
	}
	switch {
	case r.Status == activities.SubscriptionPastDue || r.Status == activities.SubscriptionUnpaid:
		return SubscriptionAtRisk, SubscriptionReasonInvoiceUnpaid // the app or Stripe has given the invoice up
	case canceling(r):
		return SubscriptionNoActionNeeded, SubscriptionReasonCanceling
	case d.st.Asked && r.Ready():
		return SubscriptionReady, ""
	}
	return SubscriptionNoActionNeeded, ""
}

// sessionRefused reports that the customer needs a Checkout Session, and that Stripe opens none: a person must mend it.
func (d *deferredSubscription) sessionRefused() bool {
	return d.st.Need == NeedPaymentMethod && d.st.NoSession != "" && d.st.NoSession != ReasonStripeFaults
}
