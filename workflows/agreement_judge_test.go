package workflows_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
)

// judge watches an agreement from outside: what it was told, what it answered, what it sent. It knows nothing of how the
// workflow works.
type judge struct {
	*agreementBench
	in   workflows.BillingAgreementInput
	zone *time.Location

	// sleeps are the timers of the present run, busy its activities.
	sleeps, busy map[string]bool
	// charges are the payments that the agreement has begun to charge, order their references.
	charges map[string]activities.ChargeInput
	months  map[string]string
	order   []string
	lastDue time.Time
	// answered are the requests that need no second answer, nows the payments of charges at once by request.
	answered map[string]bool
	nows     map[string]string
	// paused says that a pause was answered, until a time if one was given; over that a cancel was.
	paused bool
	until  time.Time
	over   bool
	// schedules are those in force, each from a time on; unsure says that nobody knows from when.
	schedules []inForce
	unsure    bool
	// seen are all payments that the status has ever shown, forgotten says that it has dropped some between two looks.
	seen      map[string]workflows.AgreementPayment
	forgotten bool
	// began is when dates were first planned, come up to when they have come.
	began, come time.Time
}

// inForce is a schedule from a time on; the dates up to used were charged or left out before.
type inForce struct {
	from, used time.Time
	schedule   calendar.Schedule
}

func newJudge(b *agreementBench, in workflows.BillingAgreementInput) *judge {
	j := &judge{
		agreementBench: b, in: in, charges: map[string]activities.ChargeInput{}, months: map[string]string{},
		answered: map[string]bool{}, nows: map[string]string{}, seen: map[string]workflows.AgreementPayment{},
		schedules: []inForce{{from: b.start, schedule: in.Schedule}},
	}
	var err error
	j.zone, err = time.LoadLocation(in.TimeZone)
	require.NoError(b, err)
	prepare := b.prepare
	b.prepare = func(env *testsuite.TestWorkflowEnvironment) {
		prepare(env)
		j.watch(env)
	}
	b.newRun(b.start)
	b.runs = 1
	return j
}

// watch listens to a run of the workflow.
func (j *judge) watch(env *testsuite.TestWorkflowEnvironment) {
	j.sleeps, j.busy = map[string]bool{}, map[string]bool{}
	sleeps, busy := j.sleeps, j.busy
	env.SetOnTimerScheduledListener(func(id string, _ time.Duration) { sleeps[id] = true })
	env.SetOnTimerFiredListener(func(id string) { delete(sleeps, id) })
	env.SetOnTimerCanceledListener(func(id string) { delete(sleeps, id) })
	env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, args converter.EncodedValues) {
		busy[info.ActivityID] = true
		if info.ActivityType.Name == "Charge" {
			var in activities.ChargeInput
			require.NoError(j, args.Get(&in))
			j.charging(in, info.Attempt > 1) //nolint:contextcheck // the judge has none
		}
	})
	env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, _ error) { delete(busy, info.ActivityID) })
}

// key is the part of a payment's reference that is not the agreement's.
func (j *judge) key(reference string) string {
	return strings.TrimPrefix(reference, j.in.Reference+"~")
}

// charging is called before every try to charge. A payment counts in the month in which it is tried first.
func (j *judge) charging(in activities.ChargeInput, again bool) {
	now, s := j.env.Now(), j.look()
	key := j.key(in.Reference)
	scheduled := !strings.HasPrefix(key, "now")
	require.Equal(j, 1, in.Attempt)
	require.False(j, j.over, "%s is charged after the agreement was canceled", in.Reference)
	require.False(j, j.isPaused(now), "%s is charged in a pause", in.Reference)
	require.True(j, s.State == workflows.AgreementActive || !scheduled && s.State == workflows.AgreementOnHold, "%s is charged: %s", in.Reference, s.State)
	require.True(j, j.in.MaxAmountPerCharge == 0 || in.Amount <= j.in.MaxAmountPerCharge, "%s: %d is above the ceiling", in.Reference, in.Amount)
	if before, known := j.charges[in.Reference]; known && (again || j.sent(in.Reference)) {
		before.LookBack, before.Acknowledged, in.LookBack, in.Acknowledged = false, nil, false, nil
		require.Equal(j, before, in, "what is sent again is the same")
		return
	}
	require.True(j, j.in.MaxAmountPerMonth == 0 || in.Amount+j.chargedIn(now) <= j.in.MaxAmountPerMonth,
		"%s: %d and %d are above the month's ceiling", in.Reference, in.Amount, j.chargedIn(now))
	if _, known := j.charges[in.Reference]; !known && scheduled {
		due := s.Payments[len(s.Payments)-1]
		require.Equal(j, in.Reference, due.Reference)
		require.True(j, due.DueAt.After(j.lastDue), "%s is due at %s, after %s", in.Reference, due.DueAt, j.lastDue)
		j.lastDue = due.DueAt
		for _, other := range j.order {
			once := len(key) == len("20060102") && strings.HasPrefix(j.key(other), key) && j.sent(other)
			require.False(j, once, "%s is charged, and %s was: one local day", in.Reference, other)
		}
	}
	j.charges[in.Reference], j.months[in.Reference] = in, j.month(now)
	j.order = append(slices.DeleteFunc(j.order, func(r string) bool { return r == in.Reference }), in.Reference)
}

func (j *judge) isPaused(now time.Time) bool {
	return j.paused && (j.until.IsZero() || now.Before(j.until))
}

func (j *judge) month(t time.Time) string { return t.In(j.zone).Format("200601") }

// sent reports whether Stripe was asked to charge a payment.
func (j *judge) sent(reference string) bool {
	return slices.ContainsFunc(j.stripe.sends, func(s send) bool { return s.Metadata[activities.MetadataReference] == reference })
}

// chargedIn sums what was charged in a month and may have been paid.
func (j *judge) chargedIn(now time.Time) int64 {
	sum := int64(0)
	for reference, in := range j.charges {
		w, _ := j.family.Owned(context.Background(), workflows.PaymentID(reference))
		unpaid := w.Ended && w.State != string(workflows.PaymentPaid)
		if j.months[reference] == j.month(now) && j.sent(reference) && !unpaid {
			sum += in.Amount
		}
	}
	return sum
}

// look reads the status, and keeps what it says of payments and dates.
func (j *judge) look() workflows.AgreementStatus {
	s := j.status()
	if len(s.Payments) == 12 {
		_, known := j.seen[s.Payments[0].Reference]
		j.forgotten = j.forgotten || !known
	}
	for _, p := range s.Payments {
		j.seen[p.Reference] = p
	}
	switch {
	case s.State.Ended(), !s.PausedUntil.IsZero(): // the next date is the one after the pause
	case s.State == workflows.AgreementSettling:
		j.come = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	case !s.NextDueAt.IsZero():
		j.come = s.NextDueAt
		if j.began.IsZero() {
			j.began = j.env.Now()
		}
	}
	return s
}

// awake checks that the agreement comes back by itself. What has just been scheduled is looked for a second later.
func (j *judge) awake() {
	require.Less(j, j.largestState, carriedMost)
	if s := j.look(); !j.waits(s) {
		j.env.RegisterDelayedCallback(func() {
			s := j.look()
			require.True(j, j.waits(s), "%s (%s) waits for nothing", s.State, s.Reason)
		}, time.Second)
	}
}

func (j *judge) waits(s workflows.AgreementStatus) bool {
	return s.State.Ended() || len(j.sleeps)+len(j.busy) > 0
}

// modelReply hears what an Update is answered.
type modelReply struct {
	j      *judge
	update string
	id     string
	op     workflows.AgreementOperation
}

func (r modelReply) Accept()      {}
func (r modelReply) Reject(error) {}

func (r modelReply) Complete(v any, err error) {
	if a, ok := v.(workflows.AgreementResponse); ok && err == nil {
		r.j.answer(r, a)
	}
}

// answer notes what the agreement has promised.
func (j *judge) answer(r modelReply, a workflows.AgreementResponse) {
	again := j.answered[r.id]
	j.answered[r.id] = true
	if r.update == workflows.UpdateChargeNow && a.Payment != "" && !a.Pending {
		if before, ok := j.nows[r.id]; ok {
			require.Equal(j, before, a.Payment, "the same request is the same payment")
		}
		j.nows[r.id] = a.Payment
	}
	if again {
		return
	}
	switch {
	case r.update == workflows.UpdateResume:
		j.paused = false
	case a.Pending:
		j.unsure = j.unsure || r.update == workflows.UpdateChangeSchedule
	case r.update == workflows.UpdatePause:
		j.paused, j.until = true, r.op.Until
	case r.update == workflows.UpdateChangeSchedule:
		j.look()
		j.schedules = append(j.schedules, inForce{j.env.Now(), j.used(), *r.op.Schedule})
		j.come = earlier(j.come, j.env.Now()) // which of its dates come, the next look tells
	case r.update == workflows.UpdateCancel && a.State == workflows.AgreementCanceled:
		j.over = true
	}
}

// verdict is what must hold at the end.
func (j *judge) verdict() {
	j.look()
	payments := map[string]bool{}
	for id, payment := range j.nows {
		require.False(j, payments[payment], "%s of request %s is another request's as well", payment, id)
		payments[payment] = true
	}
	paid := map[string]int{}
	for _, pi := range j.stripe.intents {
		if pi.Status == activities.PaymentIntentSucceeded {
			paid[pi.Metadata[activities.MetadataReference]]++
		}
	}
	for reference, n := range paid {
		require.LessOrEqual(j, n, 1, "%s was paid more than once", reference)
	}
	for _, s := range j.stripe.sends {
		require.Equal(j, "payment:"+s.Metadata[activities.MetadataReference]+":charge:1", s.Key)
	}
	j.accounted()
	require.Less(j, len(j.stripe.calls)+len(j.stripe.sends), 50_000, "no busy loop")
}

// accounted checks that each date since the beginning was charged, skipped with a reason, or is still to come.
func (j *judge) accounted() {
	if j.unsure || j.forgotten || j.began.IsZero() {
		return
	}
	for i, force := range j.schedules {
		to := j.come
		if i+1 < len(j.schedules) {
			to = earlier(to, j.schedules[i+1].from)
		}
		dates, err := calendar.New(force.schedule, j.zone, force.from)
		require.NoError(j, err)
		after := slices.MaxFunc([]time.Time{force.from, force.used, j.began}, time.Time.Compare)
		for o := range dates.After(after) {
			if !o.At.Before(to) || o.At.After(j.env.Now()) {
				break
			}
			p, ok := j.seen[j.in.Reference+"~"+o.Key]
			require.True(j, ok || !force.schedule.SubDaily && j.dayUsed(o.Key), "%s is not accounted for: %s", o.Key, slices.Sorted(maps.Keys(j.seen)))
			require.True(j, p.State != workflows.AgreementPaymentSkipped || p.Reason != "", "%s is skipped for no reason", o.Key)
		}
	}
}

// used is the last date that was charged or left out.
func (j *judge) used() time.Time {
	var last time.Time
	for reference, p := range j.seen {
		if !strings.HasPrefix(j.key(reference), "now") && p.DueAt.After(last) {
			last = p.DueAt
		}
	}
	return last
}

// dayUsed reports whether a date of that local day was charged or left out under another key.
func (j *judge) dayUsed(key string) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(j.seen)), func(r string) bool { return strings.HasPrefix(j.key(r), key) })
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (j *judge) describe() string {
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(j.seen)) {
		fmt.Fprintf(&text, "%+v\n", j.seen[key])
	}
	return text.String() + j.stripe.describe()
}
