package activities

import (
	"errors"
	"strconv"

	"go.temporal.io/sdk/temporal"
)

// The types of the application errors that activities return. The first two are retried by Temporal; the others are
// final: a person, or the workflow, must change something first.
const (
	// ErrorStripeUnavailable: no usable answer; the request may have been executed. Retried with the same key.
	ErrorStripeUnavailable = "offsession.StripeUnavailable"
	// ErrorStripeRateLimited: Stripe did not execute the request. Retried with the same key.
	ErrorStripeRateLimited = "offsession.StripeRateLimited"
	// ErrorStripeUnauthorized: the API key is wrong, rolled or lacks a permission.
	ErrorStripeUnauthorized = "offsession.StripeUnauthorized"
	// ErrorStripeInvalid: Stripe calls the request invalid; a bug, or a capability the account lacks.
	ErrorStripeInvalid = "offsession.StripeInvalid"
	// ErrorStripeFaultStored: Stripe keeps answering this key with a stored fault; only a new key can help.
	ErrorStripeFaultStored = "offsession.StripeFaultStored"
	// ErrorCustomerMissing: the customer does not exist, or was deleted.
	ErrorCustomerMissing = "offsession.CustomerMissing"
	// ErrorUndeliverable: a notification cannot be delivered, whatever is tried.
	ErrorUndeliverable = "offsession.Undeliverable"
	// ErrorUndelivered: a channel did not take a notification; retried.
	ErrorUndelivered = "offsession.Undelivered"
	// ErrorAmountUnavailable: the app did not say what to charge; retried.
	ErrorAmountUnavailable = "offsession.AmountUnavailable"
	// ErrorAmountInvalid: the app's answer is unusable, or it says that it does not know the reference; final.
	ErrorAmountInvalid = "offsession.AmountInvalid"
	// ErrorWorkflowUnavailable: Temporal, or the worker of the other workflow, did not answer; retried.
	ErrorWorkflowUnavailable = "offsession.WorkflowUnavailable"
	// ErrorRunFiles: a file of a billing run could not be read or written; retried.
	ErrorRunFiles = "offsession.RunFiles"
	// ErrorRunConflict: the reference of a scheduled run stands for another run already; final.
	ErrorRunConflict = "offsession.RunConflict"
	// ErrorPageInterrupted: a page of a billing run ran out of time before all its rows were done; retried, and goes on there.
	ErrorPageInterrupted = "offsession.PageInterrupted"
)

// applicationError turns a port's error into the one Temporal sees: type and codes, never Stripe's words.
func applicationError(err error) error {
	var se *StripeError
	if !errors.As(err, &se) {
		// Not from Stripe: a bug in an adapter. Final, and loud.
		return temporal.NewNonRetryableApplicationError("unexpected error from a port", ErrorStripeInvalid, nil)
	}
	switch se.Kind {
	case StripeUnknown, StripeKeyInUse:
		return temporal.NewApplicationErrorWithOptions(se.Error(), ErrorStripeUnavailable, temporal.ApplicationErrorOptions{})
	case StripeRateLimited:
		return temporal.NewApplicationErrorWithOptions(se.Error(), ErrorStripeRateLimited, temporal.ApplicationErrorOptions{
			Category: temporal.ApplicationErrorCategoryBenign,
		})
	case StripeUnauthorized:
		return temporal.NewNonRetryableApplicationError(se.Error(), ErrorStripeUnauthorized, nil)
	case StripeStoredFault, StripeKeyReused:
		return temporal.NewNonRetryableApplicationError(se.Error(), ErrorStripeFaultStored, nil)
	case StripeMissing:
		if se.Param == "customer" {
			return customerMissing()
		}
		return temporal.NewNonRetryableApplicationError(se.Error(), ErrorStripeInvalid, nil)
	case StripeDeclined, StripeRefused, StripeWrongState, StripeInvalid:
		return temporal.NewNonRetryableApplicationError(se.Error(), ErrorStripeInvalid, nil)
	}
	return temporal.NewNonRetryableApplicationError(se.Error(), ErrorStripeInvalid, nil)
}

func customerMissing() error {
	return temporal.NewNonRetryableApplicationError("the customer does not exist or was deleted", ErrorCustomerMissing, nil)
}

func undeliverable(reason string) error {
	return temporal.NewNonRetryableApplicationError("undeliverable: "+reason, ErrorUndeliverable, nil)
}

func undelivered(channels string) error {
	return temporal.NewApplicationError("not delivered by "+channels, ErrorUndelivered)
}

func amountInvalid(reason string) error {
	return temporal.NewNonRetryableApplicationError(reason, ErrorAmountInvalid, nil)
}

func amountUnavailable(reason string) error {
	return temporal.NewApplicationError(reason, ErrorAmountUnavailable)
}

func runFilesUnavailable() error {
	return temporal.NewApplicationError("a file of the run cannot be read or written; the worker's log says more", ErrorRunFiles)
}

func workflowsUnavailable() error {
	return temporal.NewApplicationError("Temporal did not say which runs there are", ErrorWorkflowUnavailable)
}

func pageInterrupted(left int) error {
	return temporal.NewApplicationError(strconv.Itoa(left)+" rows of the page are left", ErrorPageInterrupted)
}
