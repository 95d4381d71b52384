package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/workflows/calendar"
)

// missedAfter is how late a date must be to count as missed: workers or Temporal were down, or charging stood still.
const missedAfter = time.Hour

// The reasons for which a date was not charged.
const (
	skippedMissed     = "missed"
	skippedPaused     = "paused"
	skippedByOperator = "skip_next"
	skippedNothingDue = "nothing_due"
	skippedByChange   = "change_schedule"
)

// planNext computes the next due date. A local day that was charged or left out is not used again, whatever the schedule
// has become meanwhile.
func (a *billingAgreement) planNext(ctx workflow.Context) {
	a.forgetSilence()
	a.st.Next = nil
	next, ok := a.dates().Next(a.st.UsedUntil)
	for ok && a.usedAlready(next) {
		next, ok = a.dates().Next(next.At)
	}
	switch {
	case ok:
		a.st.Next = &next
	case a.st.State == AgreementActive || a.st.State == AgreementOnHold:
		a.settle(ctx)
	}
}

// settle begins the end of an agreement that has no more dates.
func (a *billingAgreement) settle(ctx workflow.Context) {
	a.move(ctx, AgreementSettling, "")
	a.st.CancelAt = time.Time{}
}

func (a *billingAgreement) usedAlready(o calendar.Occurrence) bool {
	return !a.in.Schedule.SubDaily && day(o.Key) <= a.st.UsedDay
}

// day is the local date in an occurrence's key.
func day(key string) string { return key[:len("20060102")] }

// dates is the calendar in force. The schedule was checked when it came in: an error now means that a newer release reads
// it differently, and stops the task until the code is mended.
func (a *billingAgreement) dates() *calendar.Calendar {
	if a.calendar == nil {
		anchor := a.st.StartedAt
		if !a.st.ChangedAt.IsZero() {
			anchor = a.st.ChangedAt
		}
		c, err := calendar.New(a.in.Schedule, a.zone, anchor)
		if err != nil {
			panic(fmt.Sprintf("schedule of %s: %v", a.in.Reference, err))
		}
		a.calendar = c
	}
	return a.calendar
}

// chargeAt is when the next date is charged: when it is due, or when the app is asked for its amount again.
func (a *billingAgreement) chargeAt() time.Time {
	if a.st.Next == nil {
		return time.Time{}
	}
	return later(a.st.Next.At, a.st.AmountAt)
}

// dueDate charges the date that is due, or leaves out what was missed.
func (a *billingAgreement) dueDate(ctx workflow.Context) {
	now := workflow.Now(ctx)
	due := *a.st.Next
	if a.in.WhileInDunning == DunningHold && len(a.st.Open) > 0 || len(a.st.Open) >= openPaymentsMost {
		a.move(ctx, AgreementOnHold, "")
		return
	}
	mode := a.mode()
	missed := now.Sub(due.At) > missedAfter && mode == CatchUpNone || mode == CatchUpLatest && a.passedToo(due, now)
	if missed && a.st.AmountSince.IsZero() { // an app that is silent does not make its date one that was missed
		a.skip(ctx, skippedMissed)
		return
	}
	if a.charge(ctx, due) {
		a.use(due)
		a.st.PeriodFrom = due.At
		a.planNext(ctx)
		a.late(now)
		a.cycleDone = true
	}
}

// passedToo reports whether the date after this one has passed as well.
func (a *billingAgreement) passedToo(due calendar.Occurrence, now time.Time) bool {
	next, ok := a.dates().Next(due.At)
	return ok && !next.At.After(now)
}

// late forgets what a resume said about late dates, as soon as there is none.
func (a *billingAgreement) late(now time.Time) {
	if a.st.Next == nil || a.st.Next.At.After(now) {
		a.st.LateMode = ""
	}
}

// skip leaves the next date out.
func (a *billingAgreement) skip(ctx workflow.Context, reason string) {
	due := *a.st.Next
	a.keepSkipped(ctx, due, reason)
	if reason != skippedMissed || a.mode() == CatchUpNone {
		a.st.PeriodFrom = due.At // otherwise the latest of the missed dates charges for all of them, if the app says so
	}
	a.planNext(ctx)
	a.late(workflow.Now(ctx))
}

func (a *billingAgreement) keepSkipped(ctx workflow.Context, due calendar.Occurrence, reason string) {
	a.keepPayment(keptPayment{Key: due.Key, Due: due.At.Unix(), State: AgreementPaymentSkipped, Reason: reason})
	workflow.GetLogger(ctx).Info("date not charged", "reference", a.paymentReference(due.Key), "skipped", reason)
	a.use(due)
}

// use marks a date as used: neither it nor another one of its local day comes again.
func (a *billingAgreement) use(due calendar.Occurrence) {
	a.st.UsedUntil, a.st.UsedDay = due.At, day(due.Key)
}

// keepPassed makes the last date that has passed the next one, before another schedule takes the place of this one: it is
// still owed, and the others have nowhere to stand.
func (a *billingAgreement) keepPassed(ctx workflow.Context, now time.Time) {
	for a.st.Next != nil && a.passedToo(*a.st.Next, now) {
		following, _ := a.dates().Next(a.st.Next.At)
		a.keepSkipped(ctx, *a.st.Next, skippedByChange)
		a.st.Next = &following
		a.forgetSilence()
	}
}

// mode says what becomes of dates that passed.
func (a *billingAgreement) mode() CatchUp {
	if a.st.LateMode != "" {
		return a.st.LateMode
	}
	return a.in.CatchUp
}

// leaveOut skips the dates before the cut that the mode does not charge; the others are late, and charged by it.
func (a *billingAgreement) leaveOut(ctx workflow.Context, cut time.Time, mode CatchUp) {
	a.st.LateMode = mode
	for a.st.Next != nil && a.st.Next.At.Before(cut) {
		if mode == CatchUpAll {
			return
		}
		if following, ok := a.dates().Next(a.st.Next.At); mode == CatchUpLatest && (!ok || !following.At.Before(cut)) {
			return
		}
		a.skip(ctx, skippedPaused)
	}
	a.st.LateMode = ""
}
