package stripesandbox

// Statuses of SetupIntents and PaymentIntents.
const (
	statusRequiresPaymentMethod = "requires_payment_method"
	statusRequiresConfirmation  = "requires_confirmation"
	statusRequiresAction        = "requires_action"
	statusProcessing            = "processing"
	statusSucceeded             = "succeeded"
	statusCanceled              = "canceled"
)

func renderMethodTypes(w *writer, types []string) {
	if len(types) > 0 {
		w.null("automatic_payment_methods")
		w.strings("payment_method_types", types)
		return
	}
	w.raw("automatic_payment_methods", `{"allow_redirects":"always","enabled":true}`)
	w.raw("payment_method_types", `["card","sepa_debit","us_bank_account"]`)
}

func renderLastError(w *writer, name string, last *apiError) {
	if last == nil {
		w.null(name)
		return
	}
	w.embed(name, errorBody{last})
}

// renderNextAction writes what the front end has to do: hand over to Stripe.js, or ask
// for the microdeposits.
func renderNextAction(w *writer, intent, status string, verifyBy int64) {
	switch {
	case status != statusRequiresAction:
		w.null("next_action")
		return
	case verifyBy != 0:
		renderVerification(w, intent, verifyBy)
		return
	}
	w.raw("next_action", `{"type":"use_stripe_sdk","use_stripe_sdk":{"type":"three_d_secure_redirect"}}`)
}
