package stripesandbox

import "cmp"

// testCards is the table of Stripe's test cards. https://docs.stripe.com/testing
// A card that declines when it is attached declines every charge as well.
func testCards() []*testMethod {
	cards := []*testMethod{
		{token: "pm_card_visa", number: "4242424242424242", brand: "visa", label: "Succeeds (Visa)"},
		{token: "pm_card_visa_debit", number: "4000056655665556", brand: "visa", funding: "debit", label: "Succeeds (Visa debit)"},
		{token: "pm_card_mastercard", number: "5555555555554444", brand: "mastercard", label: "Succeeds (Mastercard)"},
		{token: "pm_card_mastercard_debit", number: "5200828282828210", brand: "mastercard", funding: "debit", label: "Succeeds (Mastercard debit)"},
		{token: "pm_card_mastercard_prepaid", number: "5105105105105100", brand: "mastercard", funding: "prepaid", label: "Succeeds (Mastercard prepaid)"},
		{token: "pm_card_amex", number: "378282246310005", brand: "amex", label: "Succeeds (American Express)"},
		{token: "pm_card_discover", number: "6011111111111117", brand: "discover", label: "Succeeds (Discover)"},
		{token: "pm_card_diners", number: "3056930009020004", brand: "diners", label: "Succeeds (Diners Club)"},
		{token: "pm_card_jcb", number: "3566002020360505", brand: "jcb", label: "Succeeds (JCB)"},
		{token: "pm_card_unionpay", number: "6200000000000005", brand: "unionpay", label: "Succeeds (UnionPay)"},

		{token: "pm_card_chargeCustomerFail", number: "4000000000000341", label: "Saves, then every charge is declined", charge: declineFor("generic_decline")},
		{token: "pm_card_visa_chargeCustomerFailLostCard", label: "Saves, then declined as lost", charge: declineFor("lost_card")},
		{token: "pm_card_visa_chargeCustomerFailStolenCard", label: "Saves, then declined as stolen", charge: declineFor("stolen_card")},

		{token: "pm_card_visa_chargeDeclined", number: "4000000000000002", label: "Declined", attach: declineFor("generic_decline")},
		{token: "pm_card_visa_chargeDeclinedInsufficientFunds", number: "4000000000009995", label: "Declined: insufficient funds", attach: declineFor("insufficient_funds")},
		{token: "pm_card_visa_chargeDeclinedLostCard", number: "4000000000009987", label: "Declined: lost card", attach: declineFor("lost_card")},
		{token: "pm_card_visa_chargeDeclinedStolenCard", number: "4000000000009979", label: "Declined: stolen card", attach: declineFor("stolen_card")},
		{token: "pm_card_chargeDeclinedExpiredCard", number: "4000000000000069", label: "Declined: expired card", attach: declineFor("expired_card")},
		{token: "pm_card_chargeDeclinedIncorrectCvc", number: "4000000000000127", label: "Declined: incorrect security code", attach: declineFor("incorrect_cvc")},
		{token: "pm_card_chargeDeclinedProcessingError", number: "4000000000000119", label: "Declined: processing error", attach: declineFor("processing_error")},
		{token: "pm_card_visa_chargeDeclinedVelocityLimitExceeded", number: "4000000000006975", label: "Declined: card limit exceeded", attach: declineFor("card_velocity_exceeded")},

		{
			token: "pm_card_authenticationRequiredOnSetup", number: "4000002500003155", label: "3D Secure when saved, then none",
			setupAuth: true, offSession: authUntilSetUp, onSession: authUntilSetUp,
		},
		{
			token: "pm_card_authenticationRequired", number: "4000002760003184", label: "3D Secure always",
			setupAuth: true, offSession: authAlways, onSession: authAlways,
		},
		{
			token: "pm_card_authenticationRequiredSetupForOffSession", number: "4000003800000446", label: "3D Secure on session, set up already",
			preSetUp: true, onSession: authAlways,
		},
		{
			token: "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", number: "4000008260003178",
			label: "3D Secure, then insufficient funds", setupAuth: true, onSession: authAlways, charge: declineFor("insufficient_funds"),
		},
		{
			// Whether it asks again off session once it is set up is not documented; here it does not.
			token: "pm_card_threeDSecure2Required", number: "4000000000003220", label: "3D Secure 2 required",
			setupAuth: true, offSession: authUntilSetUp, onSession: authAlways,
		},
		{
			token: "pm_card_threeDSecureRequiredChargeDeclined", number: "4000008400001629", label: "3D Secure, then declined",
			setupAuth: true, onSession: authAlways, charge: declineFor("generic_decline"),
		},

		{
			token: "pm_card_radarBlock", number: "4100000000000019", label: "Blocked as fraud", risk: "highest",
			charge: &decline{Code: "card_declined", DeclineCode: "fraudulent", Blocked: true},
		},
		{token: "pm_card_riskLevelHighest", number: "4000000000004954", label: "Succeeds, highest risk", risk: "highest"},
		{token: "pm_card_riskLevelElevated", number: "4000000000009235", label: "Succeeds, elevated risk", risk: "elevated"},
		{token: "pm_card_createDispute", number: "4000000000000259", label: "Succeeds, then disputed", disputed: true},
		{token: "pm_card_refundFail", number: "4000000000005126", label: "Succeeds, refunds fail later", refund: refundFailsLater},
		{token: "pm_card_pendingRefund", number: "4000000000007726", label: "Succeeds, refunds are pending first", refund: refundPendingFirst},
	}
	for _, card := range cards {
		card.kind, card.country = "card", "US"
		card.brand, card.funding = cmp.Or(card.brand, "visa"), cmp.Or(card.funding, "credit")
		if card.attach != nil {
			card.charge = card.attach
		}
	}
	return cards
}

// testBankAccounts is the table of test bank accounts. Those of SEPA carry the country
// at the end of their token: pm_sepaDebit_success_de.
// https://docs.stripe.com/payments/ach-direct-debit/set-up-payment
// https://docs.stripe.com/payments/sepa-debit/set-up-payment
func testBankAccounts() []*testMethod {
	accounts := []*testMethod{
		{token: "pm_usBankAccount_success", kind: "us_bank_account", account: "000123456789"},
		{token: "pm_usBankAccount_insufficientFunds", kind: "us_bank_account", account: "000222222227", settles: settlement{failure: "insufficient_funds"}},
		{token: "pm_usBankAccount_accountClosed", kind: "us_bank_account", account: "000111111113", settles: settlement{failure: "account_closed"}},
		{token: "pm_usBankAccount_noAccount", kind: "us_bank_account", account: "000111111116", settles: settlement{failure: "no_account"}},
		{token: "pm_usBankAccount_debitNotAuthorized", kind: "us_bank_account", account: "000333333335", settles: settlement{failure: "debit_not_authorized"}},
		{token: "pm_usBankAccount_processing", kind: "us_bank_account", account: "000000000009", settles: settlement{never: true}},
		{token: "pm_usBankAccount_dispute", kind: "us_bank_account", account: "000555555559", disputed: true},
		{token: "pm_usBankAccount_invalidCurrency", kind: "us_bank_account", account: "000444444440", settles: settlement{failure: "invalid_currency"}},
		{token: "pm_usBankAccount_weeklyLimitExceeded", kind: "us_bank_account", account: "000777777771", settles: settlement{failure: "charge_exceeds_source_limit"}},
		{token: "pm_usBankAccount_failMicrodeposits", kind: "us_bank_account", account: "000666666661", depositsFail: true},
		{token: "pm_sepaDebit_success", kind: "sepa_debit", account: "DE89370400440532013000"},
		{token: "pm_sepaDebit_successDelayed", kind: "sepa_debit", account: "DE08370400440532013003", settles: settlement{late: true}},
		{token: "pm_sepaDebit_failed", kind: "sepa_debit", account: "DE62370400440532013001", settles: settlement{failure: "generic_could_not_process"}},
		{token: "pm_sepaDebit_failedDelayed", kind: "sepa_debit", account: "DE78370400440532013004", settles: settlement{failure: "generic_could_not_process", late: true}},
		{token: "pm_sepaDebit_disputed", kind: "sepa_debit", account: "DE35370400440532013002", disputed: true},
		{token: "pm_sepaDebit_exceedsWeeklyVolumeLimit", kind: "sepa_debit", account: "DE65370400440000343434", settles: settlement{failure: "charge_exceeds_source_limit"}},
		{token: "pm_sepaDebit_exceedsWeeklyTransactionLimit", kind: "sepa_debit", account: "DE27370400440000121212", settles: settlement{failure: "charge_exceeds_weekly_limit"}},
		{token: "pm_sepaDebit_insufficientFunds", kind: "sepa_debit", account: "DE65370400440002222227", settles: settlement{failure: "insufficient_funds"}},
	}
	for _, account := range accounts {
		account.country = "US"
	}
	return accounts
}
