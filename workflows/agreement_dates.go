package workflows

import (
	"fmt"
	"iter"
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
	for next := range a.datesAfter(a.st.UsedUntil) {
		a.setNext(next)
		return
	}
	if a.st.State == AgreementActive || a.st.State == AgreementOnHold {
		a.settle(ctx)
	}
}

// setNext makes a date the next one. When the customer is told of it is computed here as well: what a run sleeps on must
// not move when it is replayed with another time zone database.
func (a *billingAgreement) setNext(next calendar.Occurrence) {
	a.st.Next = &next
	a.st.CardNoticeAt = a.daysBefore(next.At, max(a.in.NoticeDays, cardNoticeDays))
	a.st.NoticeAt = time.Time{}
	if a.in.NoticeDays > 0 {
		a.st.NoticeAt = a.daysBefore(next.At, a.in.NoticeDays)
	}
}

// datesAfter are the dates of the schedule that can still be charged.
func (a *billingAgreement) datesAfter(t time.Time) iter.Seq[calendar.Occurrence] {
	return func(yield func(calendar.Occurrence) bool) {
		for o := range a.dates().After(t) {
			if !a.usedAlready(o) && !yield(o) {
				return
			}
		}
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
	// The first charge of all, which is made as soon as it can be, is never missed.
	if first := a.in.FirstCharge == FirstChargeNow && due.At.Equal(a.st.BeganAt); !first && a.st.AmountSince.IsZero() {
		switch mode := a.mode(); {
		case mode == CatchUpNone && now.Sub(due.At) > missedAfter:
			a.skipBefore(ctx, now.Add(-missedAfter), CatchUpNone, skippedMissed)
			return
		case mode == CatchUpLatest && a.skipBefore(ctx, now.Add(1), CatchUpLatest, skippedMissed) > 0:
			return
		}
	}
	if a.charge(ctx, due) {
		a.use(due)
		a.st.PeriodFrom = due.At
		a.planNext(ctx)
		a.late(now)
		a.cycleDone = true
	}
}

// late forgets what a resume said about late dates, as soon as there is none.
func (a *billingAgreement) late(now time.Time) {
	if a.st.Next == nil || a.st.Next.At.After(now) {
		a.st.LateMode = ""
	}
}

// skip leaves the next date out.
func (a *billingAgreement) skip(ctx workflow.Context, reason string) {
	a.skipBefore(ctx, a.st.Next.At.Add(1), CatchUpNone, reason)
}

// skipBefore leaves out the next date and all after it that are before the cut, or all but the last of them with
// CatchUpLatest, and answers how many. A long pause of an agreement by the hour has thousands: they are looked at once.
func (a *billingAgreement) skipBefore(ctx workflow.Context, cut time.Time, mode CatchUp, reason string) int {
	n := a.passOver(ctx, cut, mode, reason)
	if n > 0 {
		a.planNext(ctx)
		a.late(workflow.Now(ctx))
	}
	return n
}

// passOver is skipBefore without planning what comes next.
func (a *billingAgreement) passOver(ctx workflow.Context, cut time.Time, mode CatchUp, reason string) int {
	if a.st.Next == nil || !a.st.Next.At.Before(cut) {
		return 0
	}
	passed, n := []calendar.Occurrence{*a.st.Next}, 1
	for o := range a.datesAfter(a.st.Next.At) {
		if !o.At.Before(cut) {
			break
		}
		passed, n = append(passed, o), n+1
		if len(passed) > 2*agreementPayments {
			passed = keepLast(passed, agreementPayments+1)
		}
	}
	if mode == CatchUpLatest {
		passed, n = passed[:len(passed)-1], n-1
	}
	if n == 0 {
		return 0
	}
	for _, o := range passed {
		a.keepPayment(keptPayment{Key: o.Key, Due: o.At.Unix(), State: AgreementPaymentSkipped, Reason: reason})
	}
	last := passed[len(passed)-1]
	workflow.GetLogger(ctx).Info("dates not charged", "first", a.st.Next.Key, "last", last.Key, "count", n, "skipped", reason)
	a.use(last)
	if reason != skippedByChange && (reason != skippedMissed || mode == CatchUpNone) {
		a.st.PeriodFrom = last.At // otherwise a later date charges for the whole time, if the app says so
	}
	return n
}

// use marks a date as used: neither it nor another one of its local day comes again.
func (a *billingAgreement) use(due calendar.Occurrence) {
	a.st.UsedUntil, a.st.UsedDay = due.At, day(due.Key)
}

// keepPassed makes the last date that has passed the next one, before another schedule takes the place of this one: it is
// still owed, and the others have nowhere to stand.
func (a *billingAgreement) keepPassed(ctx workflow.Context, now time.Time) {
	if a.st.Next == nil || a.st.Next.At.After(now) {
		return
	}
	last := *a.st.Next
	for o := range a.datesAfter(last.At) {
		if o.At.After(now) {
			break
		}
		last = o
	}
	if a.passOver(ctx, now.Add(1), CatchUpLatest, skippedByChange) > 0 {
		a.setNext(last)
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
	if mode != CatchUpAll {
		a.skipBefore(ctx, cut, mode, skippedPaused)
	}
	a.st.LateMode = ""
	if a.st.Next != nil && a.st.Next.At.Before(cut) {
		a.st.LateMode = mode
	}
}
