package web

import (
	"fmt"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/money"
)

// ConsentVersion names the wording of setupConsent. It changes whenever the wording does, and is kept with every
// payment method saved on our page.
const ConsentVersion = "2026-11-22"

const (
	setupConsent = "By saving a payment method you allow us to charge it later, also when you are not present, for " +
		"amounts you have agreed to. You can withdraw this permission at any time by contacting us."
	paymentConsent = "The payment method you use is saved, and may be charged later for payments you have agreed to."
)

// locale is that of the pages' text.
const locale = "en"

// words is what a page says.
type words struct {
	heading, text string
	// start and confirm label the two buttons of viewAct.
	start, confirm, consent string
}

func wordsOf(sit situation) words {
	switch {
	case sit.subscription:
		return subscriptionWords(sit)
	case sit.mode == modeSetup:
		return setupWords(sit)
	}
	return paymentWords(sit)
}

func setupWords(sit situation) words {
	switch sit.view {
	case viewAct:
		w := words{
			heading: "Save a payment method",
			text:    "It is kept for later payments. Nothing is charged now.",
			start:   "Enter payment details",
			confirm: "Save payment method",
			consent: setupConsent,
		}
		if sit.agreed {
			// The first of them may be due today.
			w.text = "It will be charged automatically for the payments you have agreed to, whenever one is due."
		}
		return w
	case viewBusy, viewProcessing:
		return words{heading: "Your bank is checking", text: "Your bank is still confirming this payment method. There is nothing you need to do on this page."}
	case viewDone:
		return words{heading: "Payment method saved", text: savedText(sit)}
	case viewClosed:
		return words{heading: "This request has ended", text: "No payment method was saved here, and none is needed any more. Please contact us if you think this is a mistake."}
	case viewAttention:
		return attention
	}
	return attention
}

func paymentWords(sit situation) words {
	switch sit.view {
	case viewAct:
		return words{
			heading: "Payment due",
			text:    "Pay now with a payment method of your choice.",
			start:   "Choose how to pay",
			confirm: "Pay " + money.Format(sit.amount, sit.currency, locale),
			consent: paymentConsent,
		}
	case viewBusy:
		return words{heading: "One moment", text: "We are just trying your saved payment method. This takes a few seconds."}
	case viewProcessing:
		return words{heading: "Payment under way", text: "Your bank is working on this payment. It can take some days; there is nothing you need to do."}
	case viewDone:
		return words{heading: "Paid", text: "Thank you, this payment has arrived. There is nothing more to do."}
	case viewClosed:
		return words{heading: "This payment is closed", text: "It can no longer be paid here. Please contact us if you think this is a mistake."}
	case viewAttention:
		return attention
	}
	return attention
}

var attention = words{
	heading: "We are looking into this",
	text:    "Something about this request needs a person's attention on our side. You do not need to do anything; we will contact you if we need you.",
}

func savedText(sit situation) string {
	if sit.brand == "" || sit.last4 == "" {
		return "Thank you. There is nothing more to do."
	}
	return fmt.Sprintf("Thank you. Your %s is saved; there is nothing more to do.", activities.CardName(sit.brand, sit.last4))
}
