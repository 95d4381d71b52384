package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
)

// Workers and Temporal are down over three dates.
func TestAgreementOutage(t *testing.T) {
	t.Parallel()
	for mode, want := range map[workflows.CatchUp][]string{
		workflows.CatchUpAll:    {"gym-17~20260131", "gym-17~20260228", "gym-17~20260331", "gym-17~20260430", "gym-17~20260531"},
		workflows.CatchUpLatest: {"gym-17~20260131", "gym-17~20260430", "gym-17~20260531"},
		"":                      {"gym-17~20260131", "gym-17~20260430", "gym-17~20260531"},
		workflows.CatchUpNone:   {"gym-17~20260131", "gym-17~20260531"},
	} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			in := agreementInput()
			in.CatchUp, in.Schedule.Count = mode, 5
			b.at(b.day("2026-01-30"), func() { b.outage = 100 * 24 * time.Hour }) // after the first date's run, to 11 May
			require.Equal(t, workflows.AgreementCompleted, b.agree(in).State)
			require.Equal(t, want, b.charged())
			require.Equal(t, b.stripe.keysSent(), distinct(b.stripe.keysSent()))
			skipped := 0
			for _, p := range b.last.Payments {
				if p.State == workflows.AgreementPaymentSkipped {
					require.Equal(t, "missed", p.Reason)
					skipped++
				}
			}
			require.Equal(t, 5-len(want), skipped, "every date is accounted for")
		})
	}
}

// A date that is less than an hour late was not missed.
func TestAgreementShortOutage(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	in := agreementInput()
	in.CatchUp, in.Schedule = workflows.CatchUpNone, calendar.Schedule{Every: "day", At: "13:30", Count: 3}
	b.at(time.Minute, func() { b.outage = 24*time.Hour + 50*time.Minute })
	require.Equal(t, 3, b.agree(in).Paid)
}

// Every state survives continue-as-new, and a message that arrives in that moment is not lost.
func TestAgreementContinuesAsNewInEveryState(t *testing.T) {
	t.Parallel()
	for name, s := range standings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			in := agreementInput()
			if s.input != nil {
				s.input(&in)
			}
			b.stripe.script = s.script
			if s.before != nil {
				s.before(b)
			}
			var before workflows.AgreementStatus
			b.at(b.day("2026-02-01")-time.Minute, func() { before = b.status() })
			b.continueAsNew(b.day("2026-02-01"))
			runs := 0
			b.at(b.day("2026-02-01")-time.Second, func() { runs = b.runs })
			b.at(b.day("2026-02-01")+time.Minute, func() {
				require.Equal(t, runs+1, b.runs)
				require.Equal(t, s.state, before.State)
				require.Equal(t, before, b.status())
				b.operate(cancel, "", workflows.AgreementOperation{})
			})
			require.Equal(t, workflows.AgreementCanceled, b.agree(in).State)
		})
	}
}
