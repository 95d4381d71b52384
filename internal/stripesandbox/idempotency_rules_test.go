package stripesandbox_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func (b *bundle) fault(kind stripesandbox.FaultKind) {
	b.t.Helper()
	require.Equal(b.t, http.StatusOK, b.control("/faults", stripesandbox.Fault{Kind: kind, Times: 1}).status)
}

func replayed(a answer) bool { return a.header.Get("Idempotent-Replayed") == "true" }

// The rules of https://docs.stripe.com/api/idempotent_requests, one by one.
func TestIdempotencyRules(t *testing.T) {
	t.Parallel()
	const path = "/v1/payment_intents"
	declined := strings.Replace(newPayment, "pm_card_visa", "pm_card_chargeCustomerFail", 1)
	stored := func(status int) func(*testing.T, *bundle) {
		return func(t *testing.T, b *bundle) {
			form := newPayment
			if status == http.StatusPaymentRequired {
				form = declined
			}
			first := b.keyed("k", path, form)
			require.Equal(t, status, first.status)
			require.False(t, replayed(first))
			paid := b.payments()
			require.NoError(t, b.srv.AdvanceClock(time.Hour))
			again := b.keyed("k", path, form)
			require.Equal(t, status, again.status)
			require.Equal(t, string(first.body), string(again.body))
			require.True(t, replayed(again))
			require.Equal(t, first.header.Get("Request-Id"), again.header.Get("Original-Request"))
			require.Equal(t, paid, b.payments())
		}
	}
	notStored := func(status int, form string) func(*testing.T, *bundle) {
		return func(t *testing.T, b *bundle) {
			refused := b.keyed("k", path, form)
			require.Equal(t, status, refused.status)
			require.Zero(t, b.payments())
			fresh := b.keyed("k", path, newPayment)
			require.Equal(t, http.StatusOK, fresh.status)
			require.False(t, replayed(fresh))
			require.Equal(t, 1, b.payments())
		}
	}
	// What a 400 has left behind is there once, however often the request is repeated.
	refusedOnce := func(prepare func(*bundle) (path, form, code string)) func(*testing.T, *bundle) {
		return func(t *testing.T, b *bundle) {
			target, form, why := prepare(b)
			first := b.keyed("k", target, form)
			require.Equal(t, http.StatusBadRequest, first.status)
			require.Equal(t, why, code(t, first))
			told := len(b.events())
			for range 12 {
				again := b.keyed("k", target, form)
				require.Equal(t, string(first.body), string(again.body))
				require.True(t, replayed(again))
			}
			require.Len(t, b.events(), told, "nothing happened again")
		}
	}
	after := func(kind stripesandbox.FaultKind, check func(*testing.T, *bundle)) func(*testing.T, *bundle) {
		return func(t *testing.T, b *bundle) {
			b.fault(kind)
			check(t, b)
		}
	}
	// The first answer is lost, and the repetition is refused at the door.
	tellsNothing := func(kind stripesandbox.FaultKind, status int) func(*testing.T, *bundle) {
		return func(t *testing.T, b *bundle) {
			b.fault(stripesandbox.FaultDropAfter)
			_, err := b.send(http.MethodPost, path, newPayment, "Idempotency-Key", "k")
			require.Error(t, err)
			b.fault(kind)
			refused := b.keyed("k", path, newPayment)
			require.Equal(t, status, refused.status)
			require.False(t, replayed(refused))
			require.Equal(t, 1, b.payments(), "it had worked")
			require.True(t, replayed(b.keyed("k", path, newPayment)))
			require.Equal(t, 1, b.payments())
		}
	}
	for name, check := range map[string]func(*testing.T, *bundle){
		"a key has at most 255 characters": func(t *testing.T, b *bundle) {
			longest := strings.Repeat("k", 255)
			require.Equal(t, http.StatusOK, b.keyed(longest, path, newPayment).status)
			require.True(t, replayed(b.keyed(longest, path, newPayment)))
			tooLong := b.keyed(longest+"k", path, newPayment)
			require.Equal(t, http.StatusBadRequest, tooLong.status)
			require.Equal(t, "invalid_request_error", tooLong.at(t, "error.type"))
			require.Equal(t, 1, b.payments())
		},
		"only POST has keys": func(t *testing.T, b *bundle) {
			cus := "/v1/customers/" + b.customer()
			require.Nil(t, b.raw(http.MethodGet, cus, "", "Idempotency-Key", "k").at(t, "name"))
			require.Equal(t, http.StatusOK, b.keyed("k", cus, "name=Jane").status, "free for a POST")
			fresh := b.raw(http.MethodGet, cus, "", "Idempotency-Key", "k")
			require.Equal(t, "Jane", fresh.at(t, "name"))
			require.False(t, replayed(fresh))
			require.Equal(t, http.StatusOK, b.raw(http.MethodDelete, cus, "", "Idempotency-Key", "k").status)
			require.Equal(t, http.StatusNotFound, b.raw(http.MethodDelete, cus, "", "Idempotency-Key", "k").status, "executed again")
		},
		"forgotten after 24 hours of the sandbox": func(t *testing.T, b *bundle) {
			require.Equal(t, http.StatusOK, b.keyed("k", path, newPayment).status)
			require.NoError(t, b.srv.AdvanceClock(24*time.Hour-time.Minute))
			require.True(t, replayed(b.keyed("k", path, newPayment)))
			require.NoError(t, b.srv.AdvanceClock(time.Minute))
			asNew := b.keyed("k", path, declined)
			require.Equal(t, http.StatusPaymentRequired, asNew.status, "other parameters and no idempotency_error")
			require.True(t, replayed(b.keyed("k", path, declined)))
		},
		"forgotten in time, whatever was sent before it": func(t *testing.T, b *bundle) {
			require.Equal(t, http.StatusOK, b.keyed("oldest", path, newPayment).status)
			require.Equal(t, http.StatusBadRequest, b.keyed("refused first", path, "amount=1").status)
			require.NoError(t, b.srv.AdvanceClock(time.Hour))
			require.Equal(t, http.StatusOK, b.keyed("k", path, newPayment).status)
			require.NoError(t, b.srv.AdvanceClock(22*time.Hour))
			require.Equal(t, http.StatusOK, b.keyed("refused first", path, newPayment).status)
			require.NoError(t, b.srv.AdvanceClock(2*time.Hour))
			require.False(t, replayed(b.keyed("k", path, newPayment)))
			require.True(t, replayed(b.keyed("refused first", path, newPayment)))
			require.True(t, replayed(b.keyed("k", path, newPayment)))
		},
		"200 is stored":        stored(http.StatusOK),
		"402 is stored":        stored(http.StatusPaymentRequired),
		"500 is stored":        after(stripesandbox.Fault500After, stored(http.StatusInternalServerError)),
		"500 before is stored": after(stripesandbox.Fault500Before, stored(http.StatusInternalServerError)),
		"402 is stored, though the card is good by now": func(t *testing.T, b *bundle) {
			cus := b.customer()
			pm := b.saved(cus, "pm_card_chargeCustomerFail")
			form := strings.Replace(newPayment, "pm_card_visa", pm, 1) + "&customer=" + cus
			require.Equal(t, http.StatusPaymentRequired, b.keyed("k", path, form).status)
			require.Equal(t, http.StatusOK, b.control("/payment_methods/"+pm+"/automatic_update", map[string]string{}).status)
			require.Equal(t, http.StatusPaymentRequired, b.keyed("k", path, form).status)
			require.Equal(t, http.StatusOK, b.keyed("a new attempt", path, form).status)
		},
		"an unknown parameter is not stored":        notStored(http.StatusBadRequest, "colour=red"),
		"a missing parameter is not stored":         notStored(http.StatusBadRequest, "currency=usd"),
		"a wrong type is not stored":                notStored(http.StatusBadRequest, "amount=ten&currency=usd"),
		"a wrong expansion is not stored":           notStored(http.StatusBadRequest, newPayment+"&expand[]=amount"),
		"parameters that do not fit are not stored": notStored(http.StatusBadRequest, "amount=1099&currency=usd&off_session=true"),
		"an unknown object is not stored":           notStored(http.StatusNotFound, newPayment+"&customer=cus_none"),
		"409 is not stored":                         after(stripesandbox.FaultKeyInUse, notStored(http.StatusConflict, newPayment)),
		"401 is not stored":                         after(stripesandbox.FaultAuth401, notStored(http.StatusUnauthorized, newPayment)),
		"429 is not stored":                         after(stripesandbox.FaultRateLimit, notStored(http.StatusTooManyRequests, newPayment)),
		"429 lock_timeout is not stored":            after(stripesandbox.FaultLockTimeout, notStored(http.StatusTooManyRequests, newPayment)),
		"400 is stored, of a payment by microdeposits that fail": refusedOnce(func(*bundle) (string, string, string) {
			return path, "amount=1099&currency=usd&" + typedForm("000666666661"), "payment_method_microdeposit_failed"
		}),
		"400 is stored, of a setup by microdeposits that fail": refusedOnce(func(*bundle) (string, string, string) {
			return "/v1/setup_intents", typedForm("000666666661"), "payment_method_microdeposit_failed"
		}),
		"400 is stored, of a payment's wrong microdeposits": refusedOnce(func(b *bundle) (string, string, string) {
			pi := b.raw(http.MethodPost, path, "amount=1099&currency=usd&"+typedForm("000123456789")).at(t, "id").(string)
			return path + "/" + pi + "/verify_microdeposits", "amounts[]=1&amounts[]=2", "payment_method_microdeposit_verification_amounts_mismatch"
		}),
		"400 is stored, of a setup's wrong microdeposits": refusedOnce(func(b *bundle) (string, string, string) {
			si := b.raw(http.MethodPost, "/v1/setup_intents", typedForm("000123456789")).at(t, "id").(string)
			return "/v1/setup_intents/" + si + "/verify_microdeposits", "descriptor_code=SM33CC", "payment_method_microdeposit_verification_attempts_exceeded"
		}),
		"400 is stored, of an invoice whose mandate is inactive": refusedOnce(func(b *bundle) (string, string, string) {
			own := billing{b, nil}
			cus := b.customer()
			si := b.setUp(cus, "pm_usBankAccount_success")
			require.Equal(t, http.StatusOK, b.control("/mandates/"+si.Mandate.ID+"/inactivate", nil).status)
			invoice := own.subscribed(cus, own.monthly(1200), behaviour("default_incomplete")).LatestInvoice.ID
			return "/v1/invoices/" + invoice + "/pay", "payment_method=" + si.PaymentMethod.ID, "payment_intent_mandate_invalid"
		}),
		"a refusal of a test token is not stored": notStored(http.StatusBadRequest, newPayment+"&payment_method_types[]=sepa_debit"),
		"a refusal of a described method is not stored": notStored(http.StatusBadRequest,
			"amount=1099&currency=eur&"+typedForm("000123456789")),
		"a wrong state is not stored": func(t *testing.T, b *bundle) {
			pi := b.post(path, "amount", "1099", "currency", "usd").at(t, "id").(string)
			require.Equal(t, http.StatusBadRequest, b.keyed("k", path+"/"+pi+"/confirm", "").status)
			require.Equal(t, http.StatusOK, b.post(path+"/"+pi, "payment_method", "pm_card_visa").status)
			confirmed := b.keyed("k", path+"/"+pi+"/confirm", "")
			require.Equal(t, http.StatusOK, confirmed.status)
			require.False(t, replayed(confirmed))
		},
		"other parameters or another endpoint are an idempotency_error": func(t *testing.T, b *bundle) {
			first := b.keyed("k", path, newPayment)
			pi := first.at(t, "id").(string)
			for _, other := range []struct{ path, form string }{
				{path, declined},
				{path, newPayment + "&description=x"},
				{path, newPayment + "&expand[]=customer"},
				{path, "colour=red"},
				{path, ""},
				{"/v1/customers", newPayment},
				{path + "/" + pi + "/confirm", newPayment},
				{path + "/" + pi + "/cancel", ""},
			} {
				a := b.keyed("k", other.path, other.form)
				require.Equal(t, http.StatusBadRequest, a.status, "%v", other)
				require.Equal(t, "idempotency_error", a.at(t, "error.type"), "%v", other)
				require.Nil(t, a.at(t, "error.code"))
				require.Contains(t, a.at(t, "error.message"), "Keys for idempotent requests can only be used with the same parameters they were first used with.")
				require.Contains(t, a.at(t, "error.message"), "'k'")
				require.False(t, replayed(a))
			}
			require.Equal(t, string(first.body), string(b.keyed("k", path, newPayment).body), "the first answer stays")
			require.Equal(t, 1, b.payments())
		},
		"the same parameters elsewhere in the request are the same": func(t *testing.T, b *bundle) {
			require.Equal(t, http.StatusOK, b.keyed("k", path, newPayment).status)
			inQuery := b.keyed("k", path+"?amount=1099&currency=usd", strings.TrimPrefix(newPayment, "amount=1099&currency=usd&"))
			require.True(t, replayed(inQuery))
		},
		"429 on a repetition tells nothing about the first":          tellsNothing(stripesandbox.FaultRateLimit, http.StatusTooManyRequests),
		"401 on a repetition tells nothing about the first":          tellsNothing(stripesandbox.FaultAuth401, http.StatusUnauthorized),
		"lock_timeout on a repetition tells nothing about the first": tellsNothing(stripesandbox.FaultLockTimeout, http.StatusTooManyRequests),
		"a POST without a key is always executed": func(t *testing.T, b *bundle) {
			for range 2 {
				require.Equal(t, http.StatusOK, b.raw(http.MethodPost, path, newPayment).status)
				require.Equal(t, http.StatusOK, b.keyed("", path, newPayment).status)
			}
			require.Equal(t, 4, b.payments())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, newBundle(t, stripesandbox.Config{}))
		})
	}
}

// typedForm confirms an intent with a US bank account that has been typed in.
func typedForm(account string) string {
	return "confirm=true&mandate_data[customer_acceptance][type]=offline&payment_method_data[type]=us_bank_account" +
		"&payment_method_data[us_bank_account][routing_number]=110000000&payment_method_data[us_bank_account][account_number]=" + account
}

// Of two things that are wrong with a request the answer tells the one that is looked at
// first: key of the account, rate, idempotency key, parameters, objects, their states,
// and at last the card.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	const path = "/v1/payment_intents"
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	paid := b.keyed("known", path, newPayment).at(t, "id").(string)
	detached := b.saved(cus, "pm_card_visa")
	require.Equal(t, http.StatusOK, b.post("/v1/payment_methods/"+detached+"/detach").status)

	b.fault(stripesandbox.FaultRateLimit)
	require.Equal(t, http.StatusUnauthorized, b.raw(http.MethodPost, path, newPayment, "Authorization", "Bearer sk_test_other").status, "account before rate")
	require.Equal(t, http.StatusTooManyRequests, b.keyed("known", path, "colour=red").status, "rate before idempotency key")
	require.Empty(t, b.faults())
	for name, tc := range map[string]struct {
		key, path, form string
		want            string // type, code and param
	}{
		"idempotency key before parameters": {"known", path, "colour=red", "idempotency_error <nil> <nil>"},
		"idempotency key before objects":    {"known", path + "/pi_none/confirm", "", "idempotency_error <nil> <nil>"},
		"parameters before objects":         {"", path, "amount=1099&customer=cus_none", "invalid_request_error parameter_missing currency"},
		"parameters before the object":      {"", path + "/pi_none/confirm", "colour=red", "invalid_request_error parameter_unknown colour"},
		"parameters before state":           {"", path + "/" + paid + "/confirm", "off_session=maybe", "invalid_request_error <nil> off_session"},
		"expand before objects":             {"", path + "/pi_none/confirm", "expand[]=amount", "invalid_request_error <nil> expand"},
		"objects before state":              {"", "/v1/payment_methods/" + detached + "/attach", "customer=cus_none", "invalid_request_error resource_missing customer"},
		"state before the card":             {"", path + "/" + paid + "/confirm", "payment_method=pm_card_visa_chargeDeclined", "invalid_request_error payment_intent_unexpected_state <nil>"},
		"the card":                          {"", path, strings.Replace(newPayment, "visa", "visa_chargeDeclined", 1), "card_error card_declined <nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := b.keyed(tc.key, tc.path, tc.form)
			require.Equal(t, tc.want, strings.Join([]string{text(a.at(t, "error.type")), text(a.at(t, "error.code")), text(a.at(t, "error.param"))}, " "), string(a.body))
		})
	}
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return "<nil>"
}
