package dunning

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // the same clock changes on every machine

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// sunday is Sunday 2026-11-22, 11:00 in Berlin.
var sunday = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func zone(tb testing.TB, name string) *time.Location {
	tb.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(tb, err)
	return loc
}

func declined(code string) Failure {
	return Failure{Outcome: OutcomeDeclined, Code: "card_declined", DeclineCode: code, PaymentMethodType: "card"}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	exact := DefaultPolicy()
	exact.Soft.After = []Duration{Exactly(time.Minute)}
	type want struct {
		class Class
		rule  string
		wait  time.Duration // 0: no retry
	}
	for _, tt := range []struct {
		name   string
		advise func(*Failure)
		code   string
		want   want
	}{
		{"try_again_later beats a hard code", func(f *Failure) { f.AdviceCode = "try_again_later" }, "expired_card", want{ClassSoft, "advice.try_again_later.1", time.Minute}},
		{"do_not_try_again beats a soft code", func(f *Failure) { f.AdviceCode = "do_not_try_again" }, "insufficient_funds", want{ClassHard, "advice.do_not_try_again", 0}},
		{"confirm_card_data", func(f *Failure) { f.AdviceCode = "confirm_card_data" }, "generic_decline", want{ClassHard, "advice.confirm_card_data", 0}},
		{"advice not known", func(f *Failure) { f.AdviceCode = "pray" }, "insufficient_funds", want{ClassSoft, "class.soft.1", time.Minute}},
		{"fraud stays fraud", func(f *Failure) { f.AdviceCode = "do_not_try_again" }, "stolen_card", want{ClassFraud, "advice.do_not_try_again", 0}},
		{"network 01", func(f *Failure) { f.NetworkAdviceCode = "01" }, "insufficient_funds", want{ClassHard, "network_advice.01", 0}},
		{"network 02", func(f *Failure) { f.NetworkAdviceCode = "02" }, "expired_card", want{ClassSoft, "network_advice.02.1", time.Minute}},
		{"network 03", func(f *Failure) { f.NetworkAdviceCode = "03" }, "insufficient_funds", want{ClassHard, "network_advice.03", 0}},
		{"network 04", func(f *Failure) { f.NetworkAdviceCode = "04" }, "insufficient_funds", want{ClassHard, "network_advice.04", 0}},
		{"network 21", func(f *Failure) { f.NetworkAdviceCode = "21" }, "insufficient_funds", want{ClassHard, "network_advice.21.consent_withdrawn", 0}},
		{"network 22 is ignored", func(f *Failure) { f.NetworkAdviceCode = "22" }, "insufficient_funds", want{ClassSoft, "class.soft.1", time.Minute}},
		{"network 24", func(f *Failure) { f.NetworkAdviceCode = "24" }, "generic_decline", want{ClassSoft, "network_advice.24.1", time.Hour}},
		{"network 25", func(f *Failure) { f.NetworkAdviceCode = "25" }, "generic_decline", want{ClassSoft, "network_advice.25.1", 24 * time.Hour}},
		{"network 26", func(f *Failure) { f.NetworkAdviceCode = "26" }, "generic_decline", want{ClassSoft, "network_advice.26.1", 48 * time.Hour}},
		{"network 27", func(f *Failure) { f.NetworkAdviceCode = "27" }, "generic_decline", want{ClassSoft, "network_advice.27.1", 96 * time.Hour}},
		{"network 28", func(f *Failure) { f.NetworkAdviceCode = "28" }, "generic_decline", want{ClassSoft, "network_advice.28.1", 144 * time.Hour}},
		{"network 29", func(f *Failure) { f.NetworkAdviceCode = "29" }, "generic_decline", want{ClassSoft, "network_advice.29.1", 192 * time.Hour}},
		{"network 30", func(f *Failure) { f.NetworkAdviceCode = "30" }, "generic_decline", want{ClassSoft, "network_advice.30.1", 240 * time.Hour}},
		{"fraud stays fraud for the network too", func(f *Failure) { f.NetworkAdviceCode = "03" }, "lost_card", want{ClassFraud, "network_advice.03", 0}},
		{"Stripe's advice beats the network's", func(f *Failure) { f.AdviceCode, f.NetworkAdviceCode = "try_again_later", "03" }, "expired_card", want{ClassSoft, "advice.try_again_later.1", time.Minute}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := declined(tt.code)
			tt.advise(&f)
			d := Decide(exact, History{Attempts: 1}, f, sunday, nil, "r-1")
			require.Equal(t, tt.want.class, d.Class)
			require.Equal(t, tt.want.rule, d.Rule)
			if tt.want.wait == 0 {
				require.Equal(t, ActionAskCustomer, d.Action)
				return
			}
			require.Equal(t, ActionRetry, d.Action)
			require.Equal(t, sunday.Add(tt.want.wait), d.At)
		})
	}
}

func TestCodesThatNoTableKnows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		failure Failure
		class   Class
		rule    string
		action  Action
	}{
		{declined("brand_new_code"), ClassIssuer, "default.declined", ActionRetry},
		{Failure{Outcome: OutcomeDeclined}, ClassIssuer, "default.declined", ActionRetry},
		{Failure{}, ClassIssuer, "default.declined", ActionRetry},
		{Failure{Outcome: "surprise"}, ClassIssuer, "default.declined", ActionRetry},
		{Failure{Outcome: OutcomeNeedsCustomer}, ClassAuth, "default.needs_customer", ActionAskCustomer},
		{Failure{Outcome: OutcomeUnknown}, ClassSoft, "default.unknown", ActionRetry},
		// A decline code that is not known leaves the word to the code beside it.
		{Failure{Outcome: OutcomeDeclined, Code: "expired_card", DeclineCode: "brand_new_code"}, ClassHard, "class.hard", ActionAskCustomer},
		// The decline code is more precise than the code.
		{Failure{Outcome: OutcomeDeclined, Code: "processing_error", DeclineCode: "do_not_honor"}, ClassIssuer, "class.issuer", ActionRetry},
		// A code of the other table is still better than none.
		{Failure{Outcome: OutcomeDeclined, DeclineCode: "lost_card", PaymentMethodType: "link"}, ClassFraud, "class.fraud", ActionAskCustomer},
		{Failure{Outcome: OutcomeDeclined, DeclineCode: "account_closed", PaymentMethodType: "card"}, ClassHard, "class.hard", ActionAskCustomer},
	} {
		class, rule := ClassOf(tt.failure)
		require.Equal(t, tt.class, class, "%+v", tt.failure)
		require.Equal(t, tt.rule, rule, "%+v", tt.failure)
		require.Equal(t, tt.action, Decide(DefaultPolicy(), History{Attempts: 1}, tt.failure, sunday, nil, "r-1").Action, "%+v", tt.failure)
	}
}

func TestSameCodeOfCardAndBankReadsDifferently(t *testing.T) {
	t.Parallel()
	f := declined("currency_not_supported")
	require.Contains(t, Decide(DefaultPolicy(), History{Attempts: 1}, f, sunday, nil, "r-1").Sentence, "The card cannot")
	f.PaymentMethodType = "paypal"
	require.Contains(t, Decide(DefaultPolicy(), History{Attempts: 1}, f, sunday, nil, "r-1").Sentence, "The payment provider does not")
}

func TestDefaultPolicyFromFirstToLast(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	follow := func(code string) (rules, dates []string) {
		now := sunday
		for h := (History{Attempts: 1}); ; h.Attempts, h.Retries = h.Attempts+1, h.Retries+1 {
			d := Decide(DefaultPolicy(), h, declined(code), now, berlin, "r-1")
			rules = append(rules, d.Rule)
			if d.Action != ActionRetry {
				require.Equal(t, ActionAskCustomer, d.Action)
				require.True(t, d.TellCustomer)
				return rules, dates
			}
			require.Equal(t, time.UTC, d.At.Location())
			dates = append(dates, d.At.In(berlin).Format("01-02 15h"))
			now = d.At.Add(time.Second) // the attempt takes a moment
		}
	}
	rules, dates := follow("insufficient_funds")
	require.Equal(t, []string{"class.soft.1", "class.soft.2", "class.soft.3", "class.soft.4", "class.soft.exhausted"}, rules)
	require.Equal(t, []string{"11-24 09h", "11-27 09h", "12-01 09h", "12-06 09h"}, dates, "14 days in all")

	rules, dates = follow("do_not_honor")
	require.Equal(t, []string{"class.issuer.1", "class.issuer.2", "class.issuer.exhausted"}, rules)
	require.Equal(t, []string{"11-25 09h", "12-02 09h"}, dates)

	rules, dates = follow("expired_card")
	require.Equal(t, []string{"class.hard"}, rules)
	require.Empty(t, dates)
}

func TestCeilingOfAttempts(t *testing.T) {
	t.Parallel()
	p := DefaultPolicy()
	d := Decide(p, History{Attempts: 7}, declined("insufficient_funds"), sunday, nil, "r-1")
	require.Equal(t, ActionRetry, d.Action)
	d = Decide(p, History{Attempts: 8}, declined("insufficient_funds"), sunday, nil, "r-1")
	require.Equal(t, ActionAskCustomer, d.Action)
	require.Equal(t, "ceiling.attempts", d.Rule)
	require.True(t, d.TellCustomer)
	require.Equal(t, "The account does not have enough money. After 8 automatic attempts there are no more. The customer is asked for another way to pay.", d.Sentence)

	p.MaxAttempts = 2
	require.Equal(t, ActionRetry, Decide(p, History{Attempts: 1}, declined("do_not_honor"), sunday, nil, "r-1").Action)
	require.Equal(t, "ceiling.attempts", Decide(p, History{Attempts: 2}, declined("do_not_honor"), sunday, nil, "r-1").Rule)

	p.MaxAttempts = 100 // not valid, and still no way around the product's own ceiling
	require.Equal(t, "ceiling.attempts", Decide(p, History{Attempts: 8}, declined("do_not_honor"), sunday, nil, "r-1").Rule)

	// A hard no says so, whatever the count.
	require.Equal(t, "class.hard", Decide(p, History{Attempts: 8}, declined("expired_card"), sunday, nil, "r-1").Rule)
}

func TestInspect(t *testing.T) {
	t.Parallel()
	d := Decide(DefaultPolicy(), History{Attempts: 1}, declined("duplicate_transaction"), sunday, nil, "r-1")
	require.Equal(t, Decision{
		Action:   ActionLookUp,
		Class:    ClassInspect,
		Rule:     "class.inspect",
		Sentence: "The bank saw the same amount on the same card moments ago. The earlier payment is looked for before anything else is sent.",
	}, d)
	d = Decide(DefaultPolicy(), History{Attempts: 1, LookedUp: true}, declined("duplicate_transaction"), sunday, nil, "r-1")
	require.Equal(t, ActionRetry, d.Action)
	require.Equal(t, "class.inspect.1", d.Rule)
	require.Equal(t, "2026-11-25", d.At.Format(time.DateOnly), "the issuer's schedule")
	require.True(t, d.TellCustomer)
}

func TestExpired(t *testing.T) {
	t.Parallel()
	require.Equal(t, Decision{
		Action:   ActionGiveUp,
		Rule:     "window.over",
		Sentence: "The customer did not act within 14d. The payment ends as uncollectible.",
	}, Expired(DefaultPolicy()))
}

func TestSentences(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	for _, tt := range []struct {
		failure Failure
		want    string
	}{
		{declined("insufficient_funds"), "The account does not have enough money. Retry 1 of 4 is made on 2026-11-24 at 09:05:55 CET."},
		{declined("do_not_honor"), "The bank declined without a reason. Retry 1 of 2 is made on 2026-11-25 at 09:05:55 CET. The customer is told."},
		{declined("authentication_required"), "The bank wants the customer to approve this payment. The customer is asked to do so."},
		{declined("expired_card"), "The card has expired. The customer is asked for another way to pay."},
		{declined("stolen_card"), "The bank declined the payment. The customer is asked for another way to pay."},
		{
			Failure{Outcome: OutcomeDeclined, DeclineCode: "generic_decline", AdviceCode: "do_not_try_again"},
			"The bank declined without a reason; Stripe advises not to try this payment method again. The customer is asked for another way to pay.",
		},
	} {
		require.Equal(t, tt.want, Decide(DefaultPolicy(), History{Attempts: 1}, tt.failure, sunday, berlin, "r-1").Sentence)
	}
}

// Whatever else Stripe says, nobody reads that a card is lost, stolen or suspected.
func TestFraudIsNeverNamed(t *testing.T) {
	t.Parallel()
	for key, m := range codes {
		if m.class != ClassFraud {
			continue
		}
		for _, advised := range append([]string{""}, "do_not_try_again", "try_again_later", "confirm_card_data") {
			for _, network := range []string{"", "01", "02", "03", "21", "30"} {
				f := Failure{Outcome: OutcomeDeclined, Code: "card_declined", DeclineCode: key.code, AdviceCode: advised, NetworkAdviceCode: network}
				d := Decide(DefaultPolicy(), History{Attempts: 1}, f, sunday, nil, "r-1")
				require.Regexp(t, `^The bank declined the payment\. (The customer is asked for another way to pay\.|Retry 1 of 4 is made on .*)$`, d.Sentence)
			}
		}
	}
}

func TestDecisionAsJSON(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(Decide(DefaultPolicy(), History{Attempts: 1}, declined("expired_card"), sunday, nil, "r-1"))
	require.NoError(t, err)
	require.JSONEq(t, `{"action":"ask_customer","class":"hard","rule":"class.hard","tell_customer":true,
		"sentence":"The card has expired. The customer is asked for another way to pay."}`, string(b))
}

func TestWhateverComesTheAnswerIsSafe(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{nil, time.UTC}
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Asia/Kathmandu"} {
		zones = append(zones, zone(t, name))
	}
	declineCodes, adviceCodes := []string{"", "brand_new_code"}, []string{"", "22", "pray"}
	for key := range codes {
		declineCodes = append(declineCodes, key.code)
	}
	for key := range advice {
		adviceCodes = append(adviceCodes, key.code)
	}
	slices.Sort(declineCodes) // so that a seed repeats a failure
	slices.Sort(adviceCodes)
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		h := History{
			Attempts: rapid.IntRange(0, 10).Draw(t, "attempts"),
			Retries:  rapid.IntRange(0, 10).Draw(t, "retries"),
			LookedUp: rapid.Bool().Draw(t, "looked_up"),
		}
		f := Failure{
			Outcome:           rapid.SampledFrom([]Outcome{OutcomeDeclined, OutcomeNeedsCustomer, OutcomeUnknown, ""}).Draw(t, "outcome"),
			Code:              rapid.SampledFrom(declineCodes).Draw(t, "code"),
			DeclineCode:       rapid.SampledFrom(declineCodes).Draw(t, "decline_code"),
			AdviceCode:        rapid.SampledFrom(adviceCodes).Draw(t, "advice"),
			NetworkAdviceCode: rapid.SampledFrom(adviceCodes).Draw(t, "network_advice"),
			PaymentMethodType: rapid.SampledFrom([]string{"", "card", "sepa_debit"}).Draw(t, "type"),
		}
		now := time.Unix(rapid.Int64Range(1_200_000_000, 2_500_000_000).Draw(t, "now"), 0)
		loc := rapid.SampledFrom(zones).Draw(t, "zone")
		reference := rapid.String().Draw(t, "reference")

		d := Decide(p, h, f, now, loc, reference)
		require.Equal(t, d, Decide(p, h, f, now, loc, reference), "same question, same answer")
		require.NotEmpty(t, d.Rule)
		require.NotEmpty(t, d.Sentence)
		class, _ := ClassOf(f)
		require.Equal(t, class, d.Class)
		switch d.Action {
		case ActionRetry:
			require.True(t, d.At.After(now), "%s is not after %s", d.At, now)
			require.Less(t, h.Attempts, p.MaxAttempts)
			require.True(t, class.Retryable())
			require.False(t, d.At.Before(now.Add(reasonOf(f).notBefore)))
			require.Less(t, d.At.Sub(now), 90*24*time.Hour)
		case ActionAskCustomer:
			require.True(t, d.At.IsZero())
			require.True(t, d.TellCustomer)
		case ActionLookUp:
			require.Equal(t, ClassInspect, class)
			require.False(t, h.LookedUp)
		case ActionGiveUp:
			t.Fatal("Decide never gives up")
		}
	})
}

func drawPolicy(t *rapid.T) Policy {
	wait := func(label string) Duration {
		if rapid.Bool().Draw(t, label+" in days") {
			return Days(rapid.IntRange(1, maxWait).Draw(t, label))
		}
		return Exactly(time.Duration(rapid.Int64Range(1, int64(60*24*time.Hour)).Draw(t, label)))
	}
	retries := func(label string) Retries {
		r := Retries{At: fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(t, label+" hour"), rapid.IntRange(0, 59).Draw(t, label+" minute"))}
		r.After = []Duration{}
		for range rapid.IntRange(0, MaxAttempts-1).Draw(t, label+" retries") {
			r.After = append(r.After, wait(label))
		}
		r.Paydays = rapid.SliceOfN(rapid.IntRange(1, 31), 0, 3).Draw(t, label+" paydays")
		return r
	}
	p := DefaultPolicy()
	p.Soft, p.Issuer = retries("soft"), retries("issuer")
	p.MaxAttempts = rapid.IntRange(1, MaxAttempts).Draw(t, "max_attempts")
	require.NoError(t, p.Validate())
	return p
}

func ExampleDecide() {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	f := Failure{Outcome: OutcomeDeclined, Code: "card_declined", DeclineCode: "insufficient_funds"}
	d := Decide(DefaultPolicy(), History{Attempts: 1}, f, now, zone, "invoice-17")
	fmt.Println(d.Action, d.Rule)
	fmt.Println(d.Sentence)
	// Output:
	// retry class.soft.1
	// The account does not have enough money. Retry 1 of 4 is made on 2026-11-24 at 09:24:47 CET.
}
