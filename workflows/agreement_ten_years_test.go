package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// carriedMost is what an agreement may carry over from one cycle to the next, in bytes of JSON.
const carriedMost = 8 << 10

// tenYears is a monthly agreement at the last day of the month from 2026 to 2035, and what the test expects of it.
type tenYears struct {
	*agreementBench
	zone *time.Location
	// charged are the months' charges in the order of their sends, by key; at is when, method with what.
	charged []string
	at      map[string]time.Time
	method  map[string]string
	// skipped are the months that are accounted for otherwise, seen is what the status said of each month.
	skipped map[string]string
	seen    map[string]workflows.AgreementPayment
}

// TestAgreementForTenYears: every month of ten years is charged once, at nine o'clock in Berlin, or accounted for.
func TestAgreementForTenYears(t *testing.T) {
	t.Parallel()
	y := newTenYears(t)
	in := agreementInput()
	in.Schedule.Count = 120
	y.dunning()
	y.pauses()
	y.skips()
	y.cards()
	y.expectations()
	for m := range 121 {
		y.on(2026, time.January+time.Month(m), 28, y.look)
	}
	res := y.agree(in)
	y.look()

	require.Equal(t, workflows.AgreementCompleted, res.State)
	require.Equal(t, len(y.charged), res.Charges)
	require.Equal(t, len(y.charged)-1, res.Paid, "all but the uncollectible one")
	require.Equal(t, 120, len(y.charged)+len(y.skipped), "every month is accounted for")
	require.Len(t, y.stripe.sends, len(y.charged), "each was sent once")
	for i, key := range y.charged {
		sent := y.stripe.sends[i]
		require.Equal(t, "payment:gym-17~"+key+":charge:1", sent.Key)
		require.Equal(t, y.at[key].Format(time.RFC3339), sent.At.UTC().Format(time.RFC3339), key)
		require.Equal(t, y.method[key], sent.PaymentMethod, key)
	}
	for key, reason := range y.skipped {
		require.Equal(t, workflows.AgreementPaymentSkipped, y.seen[key].State, key)
		require.Equal(t, reason, y.seen[key].Reason, key)
	}
	require.Len(t, y.seen, 120)
	for key, p := range y.seen {
		due := y.due(key)
		require.Equal(t, due.UTC(), p.DueAt, key)
	}
	require.Len(t, y.family.payments, 10, "a dunning episode each year")
	require.NotContains(t, y.stripe.told(), activities.NotifyCardExpiring, "the network has updated the card in time")
	require.Equal(t, len(y.charged)+10, y.runs, "a run per charge, one that begins, and one for each change of the dates")
	t.Logf("at most %d bytes of state, %d of input carried over", y.largestState, y.carried)
	require.Less(t, y.largestState, carriedMost)
}

func newTenYears(t *testing.T) *tenYears {
	t.Helper()
	y := &tenYears{
		agreementBench: newAgreementBench(t), at: map[string]time.Time{}, method: map[string]string{}, skipped: map[string]string{},
		seen: map[string]workflows.AgreementPayment{},
	}
	var err error
	y.zone, err = time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	return y
}

// on does something at noon UTC of a date; the day may lie beyond the month's end.
func (y *tenYears) on(year int, month time.Month, day int, do func()) {
	y.agreementBench.at(time.Date(year, month, day, 12, 0, 0, 0, time.UTC).Sub(y.start), do)
}

// due is nine o'clock on a key's day.
func (y *tenYears) due(key string) time.Time {
	due, err := time.ParseInLocation("20060102T1504", key+"T0900", y.zone)
	require.NoError(y, err)
	return due
}

// lastDay is the key of a month.
func lastDay(year int, month time.Month) string {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Format("20060102")
}

// look keeps what the status says of each month before it is forgotten.
func (y *tenYears) look() {
	for _, p := range y.status().Payments {
		y.seen[strings.TrimPrefix(p.Reference, "gym-17~")] = p
	}
}

// skip expects that a month is not charged.
func (y *tenYears) skip(year int, month time.Month, reason string) {
	y.skipped[lastDay(year, month)] = reason
}

// late expects that a month is charged when the agreement is resumed.
func (y *tenYears) late(year int, month, resumed time.Month) {
	y.at[lastDay(year, month)] = time.Date(year, resumed, 10, 12, 0, 0, 0, time.UTC)
}

// expectations fills in all that nothing special happened to.
func (y *tenYears) expectations() {
	for m := range 120 {
		year, month := 2026+m/12, time.January+time.Month(m%12)
		key := lastDay(year, month)
		if _, ok := y.skipped[key]; ok {
			continue
		}
		y.charged = append(y.charged, key)
		if _, ok := y.at[key]; !ok {
			y.at[key] = y.due(key).UTC()
		}
		switch at := y.at[key]; {
		case at.Before(time.Date(2028, 2, 10, 0, 0, 0, 0, time.UTC)):
			y.method[key] = "pm_card"
		case at.Before(time.Date(2032, 5, 5, 0, 0, 0, 0, time.UTC)):
			y.method[key] = "pm_other"
		default:
			y.method[key] = "pm_buyer"
		}
	}
}

// dunning declines the charge of every April. It is paid in May, by another card in 2032, or never in 2030.
func (y *tenYears) dunning() {
	for year := 2026; year <= 2035; year++ {
		key := lastDay(year, time.April)
		y.on(year, time.April, 29, func() { y.stripe.edit(func() { y.stripe.script = []answer{declinedWith("insufficient_funds")} }) })
		ended := workflows.PaymentEnded{Reference: "gym-17~" + key, State: workflows.PaymentPaid, PaymentIntent: "pi_" + key}
		switch year {
		case 2030:
			ended = workflows.PaymentEnded{Reference: "gym-17~" + key, State: workflows.PaymentUncollectible, DeclineCode: "insufficient_funds"}
		case 2032:
			ended.PaymentMethod = "pm_buyer"
		}
		// Every other year nobody tells the agreement: it asks once a day.
		y.on(year, time.May, 5, func() { y.ends(ended, year%2 == 1) })
		y.on(year, time.May, 7, func() {
			require.Equal(y, workflows.AgreementPaymentState(ended.State), states(y.status())["gym-17~"+key])
		})
	}
}

func (y *tenYears) ends(ended workflows.PaymentEnded, lost bool) { y.family.ends(ended, lost) }

// pauses stop the agreement in four summers, and go on in each way.
func (y *tenYears) pauses() {
	pause := func(year int, until time.Time) {
		y.on(year, time.May, 10, func() {
			y.operate(workflows.UpdatePause, fmt.Sprint("pause-", year), workflows.AgreementOperation{Until: until})
		})
	}
	resume := func(year int, mode workflows.CatchUp) {
		y.on(year, time.August, 10, func() {
			y.operate(workflows.UpdateResume, fmt.Sprint("resume-", year), workflows.AgreementOperation{CatchUp: mode})
		})
	}
	summer := []time.Month{time.May, time.June, time.July}
	pause(2027, time.Time{})
	resume(2027, workflows.CatchUpAll)
	for _, m := range summer {
		y.late(2027, m, time.August)
	}
	pause(2029, time.Time{})
	resume(2029, workflows.CatchUpLatest)
	y.skip(2029, time.May, "paused")
	y.skip(2029, time.June, "paused")
	y.late(2029, time.July, time.August)
	pause(2031, time.Time{})
	resume(2031, workflows.CatchUpNone)
	pause(2033, time.Date(2033, time.August, 10, 12, 0, 0, 0, time.UTC))
	for _, m := range summer {
		y.skip(2031, m, "paused")
		y.skip(2033, m, "paused")
	}
}

// skips leave out the October of every other year.
func (y *tenYears) skips() {
	for year := 2026; year <= 2034; year += 2 {
		y.on(year, time.October, 15, func() {
			y.operate(workflows.UpdateSkipNext, fmt.Sprint("skip-", year), workflows.AgreementOperation{})
		})
		y.skip(year, time.October, "skip_next")
	}
}

// cards changes the card three times: an operator in 2028, the network in 2030 (and nobody hears of it), the customer with
// the recovered payment of 2032.
func (y *tenYears) cards() {
	y.on(2028, time.February, 10, func() {
		y.operate(workflows.UpdateChangePaymentMethod, "card-2028", workflows.AgreementOperation{PaymentMethod: "pm_other"})
	})
	y.on(2030, time.November, 10, func() { y.stripe.updateCard("pm_other", 12, 2040) })
}
