package workflows

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/offsession/offsession/activities"
)

// Workflow types, as registered and as seen in the Temporal UI.
const (
	TypeSavePaymentMethod    = "SavePaymentMethod"
	TypeCollectPayment       = "CollectPayment"
	TypeBillingAgreement     = "BillingAgreement"
	TypeDeferredSubscription = "DeferredSubscription"
	TypeBillingRun           = "BillingRun"
	TypeScheduledRun         = "ScheduledRun"
)

const (
	savePaymentMethodPrefix = "save-payment-method:"
	paymentPrefix           = "payment:"
	agreementPrefix         = "agreement:"
	subscriptionPrefix      = "subscription:"
	runPrefix               = "billing-run:"
	schedulePrefix          = "schedule:"
)

// SavePaymentMethodID is the workflow id of the SavePaymentMethod with this reference.
func SavePaymentMethodID(reference string) string { return savePaymentMethodPrefix + reference }

// PaymentID is the workflow id of the CollectPayment with this reference. It also stands in the metadata of the
// payment's Stripe objects, whether or not that workflow runs.
func PaymentID(reference string) string { return paymentPrefix + reference }

// AgreementID is the workflow id of the BillingAgreement with this reference, and the owner of its payments.
func AgreementID(reference string) string { return agreementPrefix + reference }

// SubscriptionID is the workflow id of the DeferredSubscription that watches this Stripe subscription. Alone of all ids it may
// be used again, when an earlier watch has ended.
func SubscriptionID(subscription string) string { return subscriptionPrefix + subscription }

// BillingRunID is the workflow id of the BillingRun with this reference, and the owner of its payments.
func BillingRunID(reference string) string { return runPrefix + reference }

// ScheduleID is the id of the Temporal Schedule with this reference. The ScheduledRun workflows that it starts have this id and
// the nominal time, which Temporal appends.
func ScheduleID(reference string) string { return schedulePrefix + reference }

// ReferenceOf is the reference in a workflow id; "" when the id is not one of ours.
func ReferenceOf(workflowID string) string {
	for _, p := range []string{savePaymentMethodPrefix, paymentPrefix, agreementPrefix, subscriptionPrefix, runPrefix} {
		if ref, ok := strings.CutPrefix(workflowID, p); ok {
			return ref
		}
	}
	return ""
}

// StripeWritesQueue is the rate-limited task queue of automatic charge attempts, beside the main queue.
func StripeWritesQueue(main string) string { return main + "-stripe-writes" }

var workflowReference = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,160}$`)

// CheckReference accepts the references that callers may choose for a new save-payment-method or payment:
// 1 to 120 of A-Z a-z 0-9 . _ - and no others.
func CheckReference(reference string) error {
	if rule := activities.CheckReference(reference); rule != nil {
		return fmt.Errorf("reference: %s is not allowed; %w", quoteShort(reference), rule)
	}
	return nil
}

// agreementReferenceMost leaves room for the dates in the references of an agreement's payments.
const agreementReferenceMost = 100

// CheckAgreementReference accepts the references that callers may choose for a new agreement: 1 to 100 of
// A-Z a-z 0-9 . _ - and no others.
func CheckAgreementReference(reference string) error {
	if activities.CheckReference(reference) == nil && len(reference) <= agreementReferenceMost {
		return nil
	}
	return fmt.Errorf("reference: %s is not allowed; use 1 to %d characters of A-Z a-z 0-9 . _ -", quoteShort(reference), agreementReferenceMost)
}

// CheckRunReference accepts the references that callers may choose for a new billing run: 1 to 120 of A-Z a-z 0-9 . _ - that do
// not begin with a dot, since files are named after it.
func CheckRunReference(reference string) error {
	if activities.CheckReference(reference) == nil && !strings.HasPrefix(reference, ".") {
		return nil
	}
	return fmt.Errorf("reference: %s is not allowed; use 1 to 120 characters of A-Z a-z 0-9 . _ - and no dot at the beginning", quoteShort(reference))
}

// scheduleReferenceMost leaves room for the time in the references of a schedule's runs.
const scheduleReferenceMost = 100

// CheckScheduleReference accepts the references that callers may choose for a new schedule: as for a run, and at most 100
// characters.
func CheckScheduleReference(reference string) error {
	if CheckRunReference(reference) == nil && len(reference) <= scheduleReferenceMost {
		return nil
	}
	return fmt.Errorf("reference: %s is not allowed; use 1 to %d characters of A-Z a-z 0-9 . _ - and no dot at the beginning", quoteShort(reference), scheduleReferenceMost)
}

// checkWorkflowReference accepts in addition the references that offsession makes itself, which contain a tilde.
func checkWorkflowReference(reference string) error {
	if workflowReference.MatchString(reference) {
		return nil
	}
	return fmt.Errorf("reference: %s is not allowed", quoteShort(reference))
}

// quoteShort quotes a caller's value for an error message without repeating a megabyte of it.
func quoteShort(s string) string {
	const most = 140
	if len(s) > most {
		return fmt.Sprintf("%q… (%d characters)", s[:40], len(s))
	}
	return fmt.Sprintf("%q", s)
}
