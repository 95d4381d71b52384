package activities

import (
	"cmp"
	"context"
)

// complete writes the results of a page whose rows are all done. The activity's end does not stop it: what was done must be
// told.
func (p *page) complete(ctx context.Context) (ChargePageResult, error) {
	p.mu.Lock()
	results, res := p.results(), p.result()
	p.mu.Unlock()
	err := p.writeResults(results) //nolint:contextcheck // it is written whatever ends the activity
	if err == nil && p.checkpoint && ctx.Err() == nil {
		err = p.writeCheckpoint(nil) //nolint:contextcheck // as above
	}
	if err != nil {
		p.settle(ctx)
		return ChargePageResult{}, err
	}
	return res, nil
}

// stop keeps how far the page has come, for the same page when it is scheduled anew. The results are written as well, should
// the run end here.
func (p *page) stop(ctx context.Context) (ChargePageResult, error) {
	p.mu.Lock()
	progress, results, res := p.progress(true), p.results(), p.result()
	p.mu.Unlock()
	data, err := encodeCheckpoint(progress)
	if err != nil {
		return ChargePageResult{}, p.filesError("write the checkpoint", err)
	}
	if err = p.writeCheckpoint(data); err == nil { //nolint:contextcheck // it is written whatever ends the activity
		err = p.writeResults(results) //nolint:contextcheck // as above
	}
	if err != nil {
		p.settle(ctx)
		return ChargePageResult{}, err
	}
	return res, nil
}

func (p *page) writeCheckpoint(data []byte) error {
	ctx, cancel := context.WithTimeout(p.detached, writeTimeout)
	defer cancel()
	if err := p.ports.RunFiles.WriteCheckpoint(ctx, p.in.RunFile, p.in.RunPage, data); err != nil {
		return p.filesError("write the checkpoint", err)
	}
	return nil
}

func (p *page) writeResults(results []RowResult) error {
	ctx, cancel := context.WithTimeout(p.detached, writeTimeout)
	defer cancel()
	if err := p.ports.RunFiles.WriteResults(ctx, p.in.RunFile, p.in.RunPage, results); err != nil {
		return p.filesError("write the results", err)
	}
	return nil
}

// results are the rows for the report. p.mu is held.
func (p *page) results() []RowResult {
	results := make([]RowResult, len(p.rows))
	for i, r := range p.rows {
		results[i] = RowResult{
			Row: p.in.FirstRow + i, RunRow: r.RunRow, Outcome: r.outcome(), PaymentIntent: r.res.PaymentIntent,
			ChargedMethod: cmp.Or(r.res.PaymentMethod, r.progress.PaymentMethod, r.PaymentMethod), Codes: r.res.Codes,
			HandedOver: r.handedOver, Adopted: r.res.Adopted,
		}
	}
	return results
}

// outcome is the row's for the report: one that may have been sent, and of which nothing is known, is unknown.
func (r *pageRow) outcome() ChargeOutcome {
	switch {
	case r.decided():
		return r.res.Outcome
	case !r.progress.FirstSentAt.IsZero():
		return ChargeUnknown
	default:
		return RowNotCharged
	}
}

// result counts the rows that are done. p.mu is held.
func (p *page) result() ChargePageResult {
	res := ChargePageResult{
		Totals: RunTotals{}, Stopped: p.stopped, StoppedCode: p.code, RateLimited: p.limited,
	}
	for _, r := range p.rows {
		if r.done {
			res.Totals.Add(r.res.Outcome, r.Currency, RunTotal{Rows: 1, Amount: r.Amount})
			if r.res.Outcome != ChargeSucceeded && !r.handedOver {
				res.Unattended++
			}
			if r.chargedNow() {
				res.Judged++
				res.Failed += failedRows(r.res.Outcome)
			}
		}
	}
	res.First, res.Last = p.streaks()
	return res
}

// chargedNow reports whether the row's outcome tells how the run goes: it was charged now, and was not judged before.
func (r *pageRow) chargedNow() bool {
	return r.decided() && !r.judged && !r.res.Adopted && r.res.Outcome != RowRejected
}

// failedRows is 1 for an outcome that counts as a failure in the run's decline rate.
func failedRows(outcome ChargeOutcome) int {
	switch outcome {
	case ChargeDeclined, ChargeRefused, ChargeNeedsCustomer, ChargeUnknown:
		return 1
	case ChargeSucceeded, ChargeProcessing, ChargeNotTaken, ChargeCanceled, ChargeHeld, ChargeConflict, RowRejected, RowNotCharged:
	}
	return 0
}

// failedAlike is the code with which a row failed, when that was no decline; empty for any other row. counts is false for a row
// that says nothing: none was sent for it now, or it was judged before.
func (r *pageRow) failedAlike() (code string, counts bool) {
	if !r.chargedNow() {
		return "", false
	}
	switch r.res.Outcome {
	case ChargeRefused:
		return cmp.Or(r.res.Code, CodeInvalidRequest), true
	case ChargeUnknown:
		return CodeUnknown, true
	case ChargeSucceeded, ChargeProcessing, ChargeDeclined, ChargeNeedsCustomer, ChargeNotTaken, ChargeCanceled, ChargeHeld,
		ChargeConflict, RowRejected, RowNotCharged:
	}
	return "", true
}

// judge stops the page when a row was the last of too many in a row that failed alike. p.mu is held.
func (p *page) judge(r *pageRow) {
	code, _ := r.failedAlike()
	if code == "" {
		return
	}
	n := 1
	for _, step := range []int{-1, 1} {
		for i := r.index + step; i >= 0 && i < len(p.rows); i += step {
			other, counts := p.rows[i].failedAlike()
			if other == code {
				n++
			} else if counts || !p.rows[i].decided() {
				break
			}
		}
	}
	if n >= StreakLimit {
		p.stopForLocked(StoppedAlike, code)
	}
}

// judgeAll judges what an earlier run of the page has done. p.mu is held.
func (p *page) judgeAll() {
	for _, r := range p.rows {
		p.judge(r)
	}
}

// streaks are the failures alike at both ends of the page; nil when there are none. p.mu is held.
func (p *page) streaks() (first, last *FailureStreak) {
	var codes []string
	for _, r := range p.rows {
		if code, counts := r.failedAlike(); counts {
			codes = append(codes, code)
		}
	}
	streak := func(at func(i int) string) *FailureStreak {
		if len(codes) == 0 || at(0) == "" {
			return nil
		}
		n := 1
		for n < len(codes) && at(n) == at(0) {
			n++
		}
		return &FailureStreak{Code: at(0), Rows: n, Whole: n == len(codes)}
	}
	return streak(func(i int) string { return codes[i] }), streak(func(i int) string { return codes[len(codes)-1-i] })
}
