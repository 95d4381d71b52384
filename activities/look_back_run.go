package activities

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
)

// LookBackRequest asks which references of a manifest were used before.
type LookBackRequest struct {
	// Rows are the manifest's, in order. They are read twice.
	Rows iter.Seq2[RunRow, error]
	// Open are payments that have not ended. One may have no PaymentIntent, or none that is not canceled, and make one later: nothing
	// else is sent under its reference. Nil leaves them out.
	Open iter.Seq2[OpenPayment, error]
	// Since is from when on Stripe's PaymentIntents are listed.
	Since time.Time
	// Progress is called with the PaymentIntents listed so far, about once per page of 100 and when Stripe is waited for;
	// may be nil.
	Progress func(seen int)
	// Found is called for each row whose reference was used before, in the order of the rows; may be nil. Its error ends the
	// look-back.
	Found func(KnownRow) error
}

// LookedBack is what a look-back found.
type LookedBack struct {
	// Seen are the PaymentIntents that were listed.
	Seen int
	// Found are the rows whose reference was used before, by what becomes of them.
	Found RunTotals
}

// LookBack lists the account's PaymentIntents once and finds the rows whose reference one of them carries: with the row's
// customer, amount and currency they are adopted (succeeded, processing, canceled, or unknown for a look-up to tell), with
// others the row is a conflict. It changes nothing.
//
// It holds 16 bytes per row; what it finds waits in a temporary file. Listing goes on after Stripe's faults, for as long as
// patience lasts. Errors are those of Rows, of Found, a *StripeError, or the context's.
func LookBack(ctx context.Context, intents AccountPaymentIntents, r LookBackRequest) (LookedBack, error) {
	out := LookedBack{Found: RunTotals{}}
	progress := func() {
		if r.Progress != nil {
			r.Progress(out.Seen)
		}
	}
	index, err := indexReferences(references(r.Rows, func(row RunRow) string { return row.Reference }), progress)
	if err != nil {
		return LookedBack{}, err
	}
	defer index.close()
	if r.Open != nil {
		if err := index.addOpen(r.Open, progress); err != nil {
			return LookedBack{}, err
		}
	}
	for intent, err := range patientList(ctx, intents, r.Since, progress) {
		if err != nil {
			return LookedBack{}, err
		}
		if out.Seen++; out.Seen%perHeartbeat == 0 {
			progress()
		}
		if _, err := index.add(intent); err != nil {
			return LookedBack{}, err
		}
	}
	progress()
	n := 0
	for row, err := range r.Rows {
		if err != nil {
			return LookedBack{}, err
		}
		known, err := index.known(row.Reference)
		if err != nil {
			return LookedBack{}, err
		}
		res := row.lookedBack(withoutOpen(known))
		if res.Outcome != "" {
			out.Found.Add(rowOutcome(res.Outcome), row.Currency, RunTotal{Rows: 1, Amount: row.Amount})
			if r.Found != nil {
				if err := r.Found(KnownRow{Row: n, ChargeResult: res}); err != nil {
					return LookedBack{}, err
				}
			}
		}
		if n++; n%rowsPerHeartbeat == 0 {
			progress()
		}
	}
	return out, nil
}

// addOpen notes the payments that are open.
func (x *referenceIndex) addOpen(open iter.Seq2[OpenPayment, error], progress func()) error {
	n := 0
	for payment, err := range open {
		if err != nil {
			return err
		}
		if _, err := x.add(payment.intent()); err != nil {
			return err
		}
		if n++; n%perHeartbeat == 0 {
			progress()
		}
	}
	return nil
}

// withoutOpen leaves out what stands for an open payment when its own PaymentIntent says more. A canceled one does not: the payment
// makes another, as when its customer pays by a Checkout Session.
func withoutOpen(known []PaymentIntent) []PaymentIntent {
	if slices.ContainsFunc(known, func(i PaymentIntent) bool { return i.ID != "" && i.Status != PaymentIntentCanceled }) {
		return slices.DeleteFunc(known, func(i PaymentIntent) bool { return i.ID == "" })
	}
	return known
}

// intent stands for the PaymentIntent that the payment may make at any moment; it has no id.
func (o OpenPayment) intent() PaymentIntent {
	return PaymentIntent{
		Status: PaymentIntentRequiresPaymentMethod, Amount: o.Amount, Currency: o.Currency, Customer: o.Customer,
		Metadata: map[string]string{MetadataReference: o.Reference},
	}
}

// references are those of rows of some kind.
func references[Row any](rows iter.Seq2[Row, error], of func(Row) string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for row, err := range rows {
			if !yield(of(row), err) {
				return
			}
		}
	}
}

// rowsPerHeartbeat is how many rows are read between two signs of life.
const rowsPerHeartbeat = 10_000

// lookedBack says what becomes of the row when its reference's PaymentIntents are those known, as before any attempt.
func (r RunRow) lookedBack(known []PaymentIntent) ChargeResult {
	in := ChargeInput{Reference: r.Reference, Attempt: 1, Customer: r.Customer, PaymentMethod: r.PaymentMethod, Amount: r.Amount, Currency: r.Currency}
	return in.shorten(in.lookedBack(known))
}

// rowOutcome is what an outcome is for a run: a conflict is a row that was rejected.
func rowOutcome(outcome ChargeOutcome) ChargeOutcome {
	if outcome == ChargeConflict {
		return RowRejected
	}
	return outcome
}

const (
	// listPatience is how long a list may make no progress before it fails.
	listPatience = 10 * time.Minute
	// The pauses after a fault double between these two.
	shortestPause = 250 * time.Millisecond
	longestPause  = 20 * time.Second
)

// patientList lists the account's PaymentIntents, and goes on where it stopped after faults that pass. It calls waiting before each
// pause.
func patientList(ctx context.Context, intents AccountPaymentIntents, since time.Time, waiting func()) iter.Seq2[PaymentIntent, error] {
	return func(yield func(PaymentIntent, error) bool) {
		after := ""
		err := patiently(ctx, waiting, func() (progress bool, _ error) {
			for intent, err := range intents.AccountPaymentIntents(ctx, since, after) {
				if err != nil {
					return progress, err
				}
				after, progress = intent.ID, true
				if !yield(intent, nil) {
					return true, errEnough
				}
			}
			return true, nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(PaymentIntent{}, err)
		}
	}
}

// errEnough ends a sequence that is not wanted any further.
var errEnough = errors.New("nobody wants more")

// patiently repeats a reading of Stripe after faults that pass: no answer, 409, 429, 5xx. It calls waiting before each pause. do
// says whether it came any further.
func patiently(ctx context.Context, waiting func(), do func() (progress bool, _ error)) error {
	pause, waited := shortestPause, time.Duration(0)
	for {
		progress, err := do()
		if progress {
			pause, waited = shortestPause, 0
		}
		if err == nil || !passes(err) || waited >= listPatience {
			return err
		}
		waiting()
		select {
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // it is the caller's
		case <-time.After(pause):
		}
		waited += pause
		pause = min(2*pause, longestPause)
	}
}

// passes reports whether a fault of a reading may be gone the next time.
func passes(err error) bool {
	return IsStripeError(err, StripeUnknown) || IsStripeError(err, StripeKeyInUse) || IsStripeError(err, StripeRateLimited)
}

// lookBackRunProgress travels in heartbeats. It tells people how far the list is; a repetition begins anew, because what a
// look-back has found is worth nothing without the rest of it.
type lookBackRunProgress struct {
	Seen int `json:"seen"`
}

// LookBackRun lists the payments that are open and the account's PaymentIntents, and notes which references of the run were used
// before. It changes nothing at Stripe. Running it again begins anew and replaces what was noted. Errors: ErrorRunFiles,
// ErrorWorkflowUnavailable and those of Charge.
func (b *BillingRuns) LookBackRun(ctx context.Context, in LookBackRunInput) (LookBackRunResult, error) {
	result := LookBackRunResult{At: b.ports.Now().UTC()}
	err := b.ports.RunFiles.WriteKnown(ctx, in.RunFile, func(yield func(KnownRow, error) bool) {
		back, err := LookBack(ctx, b.ports.AccountPaymentIntents, LookBackRequest{
			Rows: b.ports.RunFiles.AllRows(ctx, in.RunFile), Open: b.ports.Workflows.OpenPayments(ctx), Since: in.Since,
			Progress: func(seen int) { activity.RecordHeartbeat(ctx, lookBackRunProgress{Seen: seen}) },
			Found: func(known KnownRow) error {
				if !yield(known, nil) {
					return errEnough
				}
				return nil
			},
		})
		result.Seen, result.Found = back.Seen, back.Found
		if err != nil && !errors.Is(err, errEnough) {
			yield(KnownRow{}, err)
		}
	})
	if err == nil {
		return result, nil
	}
	if ctx.Err() != nil {
		return LookBackRunResult{}, ctx.Err() //nolint:wrapcheck // Temporal knows it
	}
	if _, ok := errors.AsType[*StripeError](err); ok {
		return LookBackRunResult{}, applicationError(err)
	}
	if errors.Is(err, ErrRunFileChanged) {
		return LookBackRunResult{Changed: true}, nil
	}
	if errors.Is(err, ErrOpenPayments) {
		activity.GetLogger(ctx).Warn("look-back of a billing run", "run", in.Run, "error", err)
		return LookBackRunResult{}, workflowsUnavailable()
	}
	activity.GetLogger(ctx).Error("look-back of a billing run", "run", in.Run, "error", err)
	return LookBackRunResult{}, runFilesUnavailable()
}
