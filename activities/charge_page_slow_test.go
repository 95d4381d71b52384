package activities_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// TestPageIsAliveWithSlowFiles: however long its files take to be read and written, the page shows that it is alive, and the server is
// told of what was done before all the time.
func TestPageIsAliveWithSlowFiles(t *testing.T) {
	t.Parallel()
	const timeout = 20 * time.Second
	before := `{"rows":[{"row":0,"outcome":"succeeded","payment_intent":"pi_before"}]}`
	for name, test := range map[string]struct {
		run     run
		answer  answerFunc
		stopped string
		first   string
	}{
		"charged":       {},
		"stopped":       {answer: answers(activities.StripeUnauthorized, "", ""), stopped: activities.StoppedUnauthorized},
		"charged again": {run: run{attempt: 2, details: json.RawMessage(before)}, first: before},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newPageBench(3)
				b.files.slow, b.stripe.answer = 50*time.Second, test.answer
				r := test.run
				r.heartbeat, r.scheduled = timeout, time.Now()
				last := time.Now()
				res, err := do(t, &r, b.runs.ChargePage, b.in)
				require.NoError(t, err)
				require.Equal(t, test.stopped, res.Stopped)
				require.GreaterOrEqual(t, time.Since(last), 100*time.Second)
				for _, at := range append(r.beatsAt, time.Now()) {
					require.Less(t, at.Sub(last), timeout)
					last = at
				}
				require.Equal(t, test.first, r.firstBeat())
			})
		})
	}
}
