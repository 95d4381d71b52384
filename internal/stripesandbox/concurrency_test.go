package stripesandbox_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// race sends n requests at once and returns their answers.
func race(n int, send func(i int) (answer, error)) []answer {
	answers := make([]answer, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			<-start
			answers[i], _ = send(i) // without an answer its status is 0
		})
	}
	close(start)
	wg.Wait()
	return answers
}

func count(answers []answer, status int) int {
	n := 0
	for _, a := range answers {
		if a.status == status {
			n++
		}
	}
	return n
}

// Of 8 racing requests with one key one has an effect. The others get its answer, or are
// told that it is still under way.
func TestRacingRequestsWithOneKey(t *testing.T) {
	t.Parallel()
	const payment = "/v1/payment_intents"
	for name, prepare := range map[string]func(t *testing.T, b *bundle) (path, form string){
		"create a payment": func(*testing.T, *bundle) (string, string) { return payment, newPayment },
		"a declined payment": func(*testing.T, *bundle) (string, string) {
			return payment, strings.Replace(newPayment, "visa", "chargeCustomerFail", 1)
		},
		"confirm": func(t *testing.T, b *bundle) (string, string) {
			return payment + "/" + b.post(payment, "amount", "1099", "currency", "usd").at(t, "id").(string) + "/confirm", "payment_method=pm_card_visa"
		},
		"cancel": func(t *testing.T, b *bundle) (string, string) {
			return payment + "/" + b.post(payment, "amount", "1099", "currency", "usd").at(t, "id").(string) + "/cancel", ""
		},
		"capture": func(t *testing.T, b *bundle) (string, string) {
			held := b.raw(http.MethodPost, payment, newPayment+"&capture_method=manual")
			return payment + "/" + held.at(t, "id").(string) + "/capture", ""
		},
		"refund": func(t *testing.T, b *bundle) (string, string) {
			return "/v1/refunds", "amount=100&payment_intent=" + b.raw(http.MethodPost, payment, newPayment).at(t, "id").(string)
		},
		"attach": func(_ *testing.T, b *bundle) (string, string) {
			return "/v1/payment_methods/pm_card_visa/attach", "customer=" + b.customer()
		},
		"create a setup": func(*testing.T, *bundle) (string, string) {
			return "/v1/setup_intents", "confirm=true&payment_method=pm_card_visa"
		},
		"open a session": func(*testing.T, *bundle) (string, string) {
			return "/v1/checkout/sessions", "mode=setup&currency=usd&ui_mode=custom"
		},
		"create customer": func(*testing.T, *bundle) (string, string) { return "/v1/customers", "email=jane@example.com" },
		"subscribe": func(t *testing.T, b *bundle) (string, string) {
			cus := b.customer()
			price := b.post("/v1/prices", "currency", "usd", "unit_amount", "1099", "recurring[interval]", "month", "product_data[name]", "Tea").at(t, "id").(string)
			return "/v1/subscriptions", url.Values{
				"customer": {cus}, "items[0][price]": {price}, "default_payment_method": {b.saved(cus, "pm_card_visa")},
			}.Encode()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			path, form := prepare(t, b)
			before := len(b.events())
			answers := race(8, func(int) (answer, error) { return b.send(http.MethodPost, path, form, "Idempotency-Key", "k") })
			var first *answer
			for i, a := range answers {
				if a.status == http.StatusConflict {
					require.Equal(t, "idempotency_key_in_use", a.at(t, "error.code"))
				} else if !replayed(a) {
					require.Nil(t, first, "a second effect")
					first = &answers[i]
				}
			}
			require.NotNil(t, first)
			require.Contains(t, []int{http.StatusOK, http.StatusPaymentRequired}, first.status, string(first.body))
			for _, a := range answers {
				if a.status != http.StatusConflict {
					require.Equal(t, first.status, a.status)
					require.Equal(t, string(first.body), string(a.body))
				}
			}
			told := map[string]bool{}
			for _, e := range b.events()[before:] {
				require.False(t, told[e], "%s twice", e)
				told[e] = e != "invoice.updated" && e != "customer.subscription.updated" && e != "customer.updated"
			}
		})
	}
}

// Whoever comes after the one that succeeded is told so.
func TestRacingConfirmsSucceedOnce(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pm := b.saved(cus, "pm_card_visa")
	pi := b.post("/v1/payment_intents", "amount", "1099", "currency", "usd", "customer", cus, "metadata[offsession_reference]", "inv-1").at(t, "id").(string)
	answers := race(100, func(i int) (answer, error) {
		return b.send(http.MethodPost, "/v1/payment_intents/"+pi+"/confirm", "payment_method="+pm, "Idempotency-Key", fmt.Sprint("key-", i))
	})
	require.Equal(t, 1, count(answers, http.StatusOK))
	for _, a := range answers {
		if a.status != http.StatusOK {
			require.Equal(t, http.StatusBadRequest, a.status)
			require.Equal(t, "payment_intent_unexpected_state", a.at(t, "error.code"))
			require.Equal(t, "succeeded", a.at(t, "error.payment_intent.status"))
		}
	}
	require.Equal(t, []string{"payment_intent.created", "payment_intent.succeeded"}, b.events(pi))
	require.Len(t, b.srv.Ledger("inv-1").References["inv-1"].Attempts, 1)
	require.Len(t, b.raw(http.MethodGet, "/v1/charges?payment_intent="+pi, "").at(t, "data"), 1)
}

func TestRacingRefundsStayBelowTheCharge(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	paid := b.raw(http.MethodPost, "/v1/payment_intents", newPayment)
	pi, ch := paid.at(t, "id").(string), paid.at(t, "latest_charge").(string)
	answers := race(40, func(i int) (answer, error) {
		form := "payment_intent=" + pi + "&amount=100"
		if i%2 == 0 {
			form = "charge=" + ch + "&amount=100"
		}
		return b.send(http.MethodPost, "/v1/refunds", form)
	})
	require.Equal(t, 10, count(answers, http.StatusOK), "1099 is enough for ten")
	require.Equal(t, 30, count(answers, http.StatusBadRequest))
	require.EqualValues(t, 1000, b.raw(http.MethodGet, "/v1/charges/"+ch, "").at(t, "amount_refunded"))
}

// Of two calls that exclude each other one wins, whichever it is.
func TestRacingEnds(t *testing.T) {
	t.Parallel()
	for round := range 10 {
		b := newBundle(t, stripesandbox.Config{})
		cs := b.paymentSession(func(*stripe.CheckoutSessionCreateParams) {}).ID
		answers := race(2, func(i int) (answer, error) {
			if i == 0 {
				return b.pay(cs, stripesandbox.Payment{PaymentMethod: "pm_card_visa", Email: "jane@example.com"}), nil
			}
			return b.send(http.MethodPost, "/v1/checkout/sessions/"+cs+"/expire", "")
		})
		require.Equal(t, 1, count(answers, http.StatusOK), "round %d", round)
		session := b.raw(http.MethodGet, "/v1/checkout/sessions/"+cs, "")
		paid := answers[0].status == http.StatusOK
		require.Equal(t, map[bool]any{true: "complete", false: "expired"}[paid], session.at(t, "status"))
		require.Equal(t, map[bool]any{true: "paid", false: "unpaid"}[paid], session.at(t, "payment_status"))

		pi := b.post("/v1/payment_intents", "amount", "1099", "currency", "usd").at(t, "id").(string)
		answers = race(2, func(i int) (answer, error) {
			if i == 0 {
				return b.send(http.MethodPost, "/v1/payment_intents/"+pi+"/confirm", "payment_method=pm_card_visa")
			}
			return b.send(http.MethodPost, "/v1/payment_intents/"+pi+"/cancel", "")
		})
		require.Equal(t, 1, count(answers, http.StatusOK), "round %d", round)
		status := b.raw(http.MethodGet, "/v1/payment_intents/"+pi, "").at(t, "status")
		require.Equal(t, map[bool]any{true: "succeeded", false: "canceled"}[answers[0].status == http.StatusOK], status)
	}
}

// What becomes due while many move the clock happens once, and the moves add up.
func TestRacingClockMoves(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cs := b.paymentSession(func(*stripe.CheckoutSessionCreateParams) {}).ID
	pi := b.post("/v1/payment_intents", "amount", "1099", "currency", "eur", "payment_method", "pm_sepaDebit_success_de", "confirm", "true").at(t, "id").(string)
	answers := race(50, func(i int) (answer, error) {
		if i%2 == 0 {
			return b.control("/clock", map[string]string{"advance": time.Hour.String()}), nil
		}
		return b.send(http.MethodGet, "/v1/checkout/sessions/"+cs, "")
	})
	require.Equal(t, 50, count(answers, http.StatusOK))
	require.EqualValues(t, 25*3600, b.raw(http.MethodGet, "/_sandbox/clock", "").at(t, "advanced_seconds"))
	require.Equal(t, []string{"checkout.session.expired"}, b.events(cs))
	require.Equal(t, []string{"payment_intent.created", "payment_intent.processing", "payment_intent.succeeded"}, b.events(pi))
}
