package web

import (
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// ofSubscription goes by what the subscription needs: while it is at risk, that is what its customer can do about it.
func ofSubscription(status workflows.SubscriptionStatus) situation {
	sit := situation{
		subscription: true, state: string(status.State), ended: status.State.Ended(), session: status.Session, description: status.Description,
	}
	sit.mode, sit.view = needOf(status)
	sit.canceling = status.Reason == workflows.SubscriptionReasonCanceling
	switch {
	case status.State == workflows.SubscriptionReadyAndPaid:
		sit.view = viewDone
	case sit.ended:
		sit.view = viewClosed
	}
	switch {
	case sit.mode == modeInvoice:
		sit.amount, sit.currency = status.Amount, status.Currency
	case status.Status == activities.SubscriptionTrialing && status.TrialEnd.After(time.Now()) && !sit.canceling:
		sit.trialEnd = activities.LocalTime(status.TrialEnd, status.TimeZone)
	}
	return sit
}

func needOf(status workflows.SubscriptionStatus) (mode, view) {
	switch status.Need {
	case workflows.NeedConfirmation:
		return modeConfirm, viewAct
	case workflows.NeedPaymentMethod:
		if faulty(status) && status.Session == "" {
			return modeSetup, viewAttention // there is no form to open
		}
		return modeSetup, viewAct
	case workflows.NeedInvoicePaid:
		return modeInvoice, viewAct
	case workflows.NeedBank:
		switch status.SetupIntentStatus {
		case "", activities.SetupIntentSucceeded, activities.SetupIntentCanceled:
			if status.Invoice != "" {
				return modeInvoice, viewProcessing
			}
		case activities.SetupIntentProcessing, activities.SetupIntentRequiresAction, activities.SetupIntentRequiresConfirmation,
			activities.SetupIntentRequiresPaymentMethod:
		}
		return modeSetup, viewProcessing
	case "":
		return modeSetup, withoutNeed(status)
	}
	return modeSetup, viewAttention
}

// faulty reports whether it is Stripe's answers that put the subscription at risk.
func faulty(status workflows.SubscriptionStatus) bool {
	if status.State != workflows.SubscriptionAtRisk {
		return false
	}
	switch status.Reason {
	case workflows.SubscriptionReasonTrialEnding, workflows.SubscriptionReasonInvoiceUnpaid, workflows.SubscriptionReasonPaused:
		return false
	}
	return true
}

func withoutNeed(status workflows.SubscriptionStatus) view {
	switch {
	case status.State == workflows.SubscriptionAtRisk && status.Reason == workflows.SubscriptionReasonPaused:
		return viewDone // the app resumes it
	case status.State == workflows.SubscriptionAtRisk:
		return viewAttention // nothing that the customer can do
	case status.ReadAt.IsZero():
		return viewBusy // it has just started, and asks Stripe
	case status.State == workflows.SubscriptionReady, status.State == workflows.SubscriptionNoActionNeeded:
		return viewDone
	case status.State == workflows.SubscriptionProcessing:
		return viewProcessing
	}
	return viewAttention
}

func subscriptionWords(sit situation) words {
	switch sit.view {
	case viewAct:
		return subscriptionAsk(sit)
	case viewBusy:
		return words{heading: "One moment", text: "We are checking where your subscription stands."}
	case viewProcessing:
		if sit.mode == modeInvoice {
			return words{heading: "Payment under way", text: "Your bank is working on the payment for your subscription. It can take some days; there is nothing you need to do."}
		}
		return words{heading: "Your bank is checking", text: "Your bank is still confirming the payment method of your subscription. There is nothing you need to do on this page."}
	case viewDone:
		if sit.canceling {
			return words{heading: "Nothing to do", text: "Your subscription is going to end, and nothing is needed for it any more."}
		}
		if sit.ended {
			return words{heading: "Paid", text: "Thank you, your subscription is paid. There is nothing more to do."}
		}
		return words{heading: "All set", text: "Thank you. Your subscription has a payment method that can be charged; there is nothing more to do."}
	case viewClosed:
		return words{heading: "This request has ended", text: "Nothing is needed here for your subscription any more. Please contact us if you think this is a mistake."}
	case viewAttention:
		return attention
	}
	return attention
}

// subscriptionAsk has both buttons' words in every mode that can lead to the form.
func subscriptionAsk(sit situation) words {
	const save = "Save payment method"
	switch sit.mode {
	case modeConfirm:
		return words{
			heading: "Confirm with your bank",
			text:    "Your bank wants you to confirm the payment method of your subscription. It takes about a minute, and confirming it charges nothing.",
			start:   "Confirm with your bank",
			confirm: save,
		}
	case modeInvoice:
		return words{
			heading: "Invoice due",
			text:    "This invoice for your subscription is not paid yet. You pay it on the page of our payment service, Stripe.",
			start:   "Pay the invoice",
			confirm: save,
		}
	case modeSetup, modePayment:
		return words{
			heading: "Add a payment method",
			text:    "Your subscription needs a payment method that can be charged when a payment is due. Adding it charges nothing.",
			start:   "Enter payment details",
			confirm: save,
			consent: setupConsent,
		}
	}
	return attention
}
