package dunning

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wantCodes is the whole table once more, by class, so that a slip in the data is seen.
var wantCodes = map[string]map[Class]string{
	kindCard: {
		ClassSoft: `insufficient_funds card_velocity_exceeded withdrawal_count_limit_exceeded processing_error
			issuer_not_available reenter_transaction approve_with_id try_again_later card_decline_rate_limit_exceeded`,
		ClassIssuer:  `generic_decline do_not_honor no_action_taken call_issuer`,
		ClassInspect: `duplicate_transaction`,
		ClassAuth: `authentication_required authentication_not_handled mobile_device_authentication_required
			payment_intent_authentication_failure`,
		ClassHard: `expired_card incorrect_number invalid_number invalid_expiry_month invalid_expiry_year
			incorrect_cvc invalid_cvc incorrect_zip incorrect_address invalid_account new_account_information_available
			card_not_supported currency_not_supported not_permitted service_not_allowed transaction_not_allowed
			invalid_amount do_not_try_again security_violation
			stop_payment_order revocation_of_authorization revocation_of_all_authorizations
			india_recurring_payment_mandate_canceled`,
		ClassFraud:         `restricted_card pickup_card lost_card stolen_card fraudulent merchant_blacklist`,
		ClassNotApplicable: `incorrect_pin invalid_pin pin_try_exceeded offline_pin_required online_or_offline_pin_required`,
		ClassConfiguration: `testmode_decline`,
	},
	kindBank: {
		ClassSoft:    `insufficient_funds processing_error`,
		ClassIssuer:  `partner_generic_decline partner_high_risk_customer refer_to_customer`,
		ClassInspect: `duplicate_transaction partner_payment_not_found invalid_track_data`,
		ClassHard: `invalid_customer_account payment_limit_exceeded expired_card expired_payment_information
			invalid_billing_agreement currency_not_supported invalid_amount compliance_violation invalid_authorization
			invalid_payment_information partner_action_not_supported card_already_activated recurring_not_supported_by_bank
			account_closed no_account debit_not_authorized bank_account_closed bank_account_invalid_details
			bank_account_restricted payment_intent_mandate_invalid`,
		ClassFraud:         `lost_or_stolen_card recipient_deceased`,
		ClassConfiguration: `payment_disputed invalid_business_account`,
	},
}

var consentCodes = []string{
	"stop_payment_order", "revocation_of_authorization", "revocation_of_all_authorizations",
	"invalid_authorization", "debit_not_authorized", "india_recurring_payment_mandate_canceled", "payment_intent_mandate_invalid",
}

func TestEveryCode(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	action := map[Class]Action{
		ClassSoft: ActionRetry, ClassIssuer: ActionRetry, ClassInspect: ActionLookUp,
		ClassAuth: ActionAskCustomer, ClassHard: ActionAskCustomer, ClassFraud: ActionAskCustomer,
		ClassNotApplicable: ActionAskCustomer, ClassConfiguration: ActionAskCustomer,
	}
	methods := map[string]string{kindCard: "card", kindBank: "sepa_debit"}
	total := 0
	for kind, classes := range wantCodes {
		for class, list := range classes {
			for code := range strings.FieldsSeq(list) {
				total++
				t.Run(kind+"/"+code, func(t *testing.T) {
					t.Parallel()
					rule := "class." + string(class)
					for _, consent := range consentCodes {
						if code == consent {
							rule += ".consent_withdrawn"
						}
					}
					// As decline_code, and as code alone: expired_card and others come that way.
					for _, f := range []Failure{
						{Outcome: OutcomeDeclined, Code: "card_declined", DeclineCode: code, PaymentMethodType: methods[kind]},
						{Outcome: OutcomeDeclined, Code: code, PaymentMethodType: methods[kind]},
					} {
						gotClass, gotRule := ClassOf(f)
						require.Equal(t, class, gotClass)
						require.Equal(t, rule, gotRule)

						d := Decide(DefaultPolicy(), History{Attempts: 1}, f, now, nil, "r-1")
						require.Equal(t, action[class], d.Action)
						require.Equal(t, class, d.Class)
						if d.Action == ActionRetry {
							rule += ".1"
							require.True(t, d.At.After(now))
						} else {
							require.True(t, d.At.IsZero())
						}
						require.Equal(t, rule, d.Rule)
						require.Equal(t, class != ClassSoft && class != ClassInspect, d.TellCustomer)
						rule, _ = strings.CutSuffix(rule, ".1")
					}
				})
			}
		}
	}
	require.Len(t, codes, total, "a code in the table that this test does not expect")
}

func TestWaitsOfCodes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	p := DefaultPolicy()
	p.Soft.After = []Duration{Exactly(2 * time.Second)}
	for code, want := range map[string]time.Duration{
		"insufficient_funds":               2 * time.Second,
		"processing_error":                 2 * time.Second,
		"card_velocity_exceeded":           24 * time.Hour,
		"withdrawal_count_limit_exceeded":  24 * time.Hour,
		"card_decline_rate_limit_exceeded": 24 * time.Hour,
	} {
		d := Decide(p, History{Attempts: 1}, Failure{Outcome: OutcomeDeclined, DeclineCode: code}, now, nil, "r-1")
		require.Equal(t, now.Add(want), d.At, code)
		// Advice to try later does not shorten the wait that the code demands.
		d = Decide(p, History{Attempts: 1}, Failure{Outcome: OutcomeDeclined, DeclineCode: code, AdviceCode: "try_again_later"}, now, nil, "r-1")
		require.Equal(t, now.Add(want), d.At, code)
	}
}

func TestTablesAreSourced(t *testing.T) {
	t.Parallel()
	for data, header := range map[string]string{
		codesCSV:  "code,kind,class,not_before,rule,meaning,source,date",
		adviceCSV: "from,code,class,not_before,rule,meaning,source,date",
	} {
		rows, err := csv.NewReader(strings.NewReader(data)).ReadAll()
		require.NoError(t, err)
		require.Equal(t, header, strings.Join(rows[0], ","))
		for _, row := range rows[1:] {
			require.Contains(t, []string{"card", "bank", "stripe", "network"}, row[map[bool]int{true: 1, false: 0}[data == codesCSV]], row)
			require.Contains(t, []Class{
				ClassSoft, ClassIssuer, ClassHard, ClassFraud, ClassAuth, ClassInspect, ClassNotApplicable, ClassConfiguration,
			}, Class(row[2]), row)
			require.Regexp(t, `^[A-Za-z][^.]+$`, row[5], row)
			require.Regexp(t, `^https://docs\.stripe\.com/[a-z/-]+$`, row[6], row)
			_, err := time.Parse(time.DateOnly, row[7])
			require.NoError(t, err, row)
		}
	}
}

func TestBadTablesStopTheProgramAtStart(t *testing.T) {
	t.Parallel()
	key := func(row []string) (codeKey, []string) { return codeKey{row[0], row[1]}, row[2:] }
	const header = "from,code,class,not_before,rule,meaning,source,date\n"
	const row = "network,01,hard,,,text,s,d\n"
	require.NotPanics(t, func() { mustReadTable(header+row, key) })
	require.Panics(t, func() { mustReadTable(header+row+row, key) }, "the same key twice")
	require.Panics(t, func() { mustReadTable(header+"network,01,hard,soon,,text,s,d\n", key) })
	require.Panics(t, func() { mustReadTable(header+"network,01\n", key) })
}

func TestRetryable(t *testing.T) {
	t.Parallel()
	for class, want := range map[Class]bool{
		ClassSoft: true, ClassIssuer: true, ClassInspect: true,
		ClassHard: false, ClassFraud: false, ClassAuth: false, ClassNotApplicable: false, ClassConfiguration: false,
		"": false, "new": false,
	} {
		require.Equal(t, want, class.Retryable(), class)
	}
}
