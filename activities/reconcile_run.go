package activities

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// PaymentIntentReader reads one PaymentIntent. Every error is a *StripeError.
type PaymentIntentReader interface {
	PaymentIntent(ctx context.Context, id string) (PaymentIntent, error)
}

// ReconcileRequest asks to compare a billing run's report with Stripe's own PaymentIntents.
type ReconcileRequest struct {
	// Owner is the run's workflow id, which its PaymentIntents carry.
	Owner string
	// Rows are the report's. They are read twice.
	Rows iter.Seq2[RowResult, error]
	// Since is from when on the account's PaymentIntents are listed; AdoptedSince instead when the report has adopted rows. What
	// the report names and the list has not is read by itself.
	Since        time.Time
	AdoptedSince time.Time
	// Progress is called now and then with the PaymentIntents listed and the rows compared so far; may be nil.
	Progress func(seen, rows int)
	// Finding is called for each; may be nil. Its error ends the comparison.
	Finding func(RunFinding) error
}

// RunFindingKind says what a comparison found.
type RunFindingKind string

// The kinds of findings. Those up to FindingChargedTwice are differences; the others are what became of payments after the
// report.
const (
	// FindingNotReported: a PaymentIntent of the run that the report does not have, or has as not charged.
	FindingNotReported RunFindingKind = "not_reported"
	// FindingNotAtStripe: the report names a PaymentIntent that Stripe does not have.
	FindingNotAtStripe RunFindingKind = "not_at_stripe"
	// FindingAmount, FindingCurrency, FindingCustomer and FindingReference: the PaymentIntent that the report names has another.
	FindingAmount    RunFindingKind = "amount"
	FindingCurrency  RunFindingKind = "currency"
	FindingCustomer  RunFindingKind = "customer"
	FindingReference RunFindingKind = "reference"
	// FindingStatus: Stripe has another outcome than the report, and no CollectPayment that went on explains it.
	FindingStatus RunFindingKind = "status"
	// FindingChargedTwice: two PaymentIntents with one reference succeeded, and neither was given back.
	FindingChargedTwice RunFindingKind = "charged_twice"

	// FindingSettled: a row that did not succeed was paid later, by its CollectPayment.
	FindingSettled RunFindingKind = "settled_later"
	// FindingRefunded: something of it was given back since.
	FindingRefunded RunFindingKind = "refunded"
)

// Difference reports whether the finding contradicts the report.
func (k RunFindingKind) Difference() bool { return k != FindingSettled && k != FindingRefunded }

// RunFinding is one of them.
type RunFinding struct {
	Kind RunFindingKind `json:"kind"`
	// Line is the row's in the manifest, from 1; 0 when the report has no such row.
	Line          int    `json:"line,omitempty"`
	Reference     string `json:"reference"`
	PaymentIntent string `json:"payment_intent,omitempty"`
	// Report and Stripe are the values that differ; for a refund, what was charged and what was given back, in minor units.
	Report string `json:"report,omitempty"`
	Stripe string `json:"stripe,omitempty"`
}

// RunReconciled is the sum of a comparison.
type RunReconciled struct {
	// Rows are the report's, PaymentIntents those that were read at Stripe.
	Rows           int `json:"rows"`
	PaymentIntents int `json:"payment_intents"`
	// Differences are findings that contradict the report, 0 when it is right; Findings counts all by kind.
	Differences int                    `json:"differences"`
	Findings    map[RunFindingKind]int `json:"counts,omitempty"`
	// Currencies has the sums.
	Currencies map[string]RunReconciledTotal `json:"currencies,omitempty"`
}

// RunReconciledTotal are sums of one currency.
type RunReconciledTotal struct {
	// Report are the rows that the report calls succeeded, Stripe those of which Stripe says so. Without differences they are equal.
	Report RunTotal `json:"report"`
	Stripe RunTotal `json:"stripe"`
	// Settled are rows that were paid later; Refunded is what was given back of all of these.
	Settled  RunTotal `json:"settled_later"`
	Refunded RunTotal `json:"refunded"`
}

// ReconcileRun compares a run's report with Stripe, and changes nothing. It holds 16 bytes per row; what it finds at Stripe waits
// in a temporary file. Errors are those of Rows, of Finding, a *StripeError, or the context's.
func ReconcileRun(ctx context.Context, list AccountPaymentIntents, reader PaymentIntentReader, r ReconcileRequest) (RunReconciled, error) {
	c := &comparison{ReconcileRequest: r, reader: reader, out: RunReconciled{
		Findings: map[RunFindingKind]int{}, Currencies: map[string]RunReconciledTotal{},
	}}
	since := r.Since
	index, err := indexReferences(references(func(yield func(RowResult, error) bool) {
		for row, err := range r.Rows {
			if row.Adopted && r.AdoptedSince.Before(since) {
				since = r.AdoptedSince
			}
			if err == nil && row.Outcome == RowRejected {
				continue // its reference is somebody else's, or none
			}
			if !yield(row, err) {
				return
			}
		}
	}, func(row RowResult) string { return row.Reference }), c.progress)
	if err != nil {
		return RunReconciled{}, err
	}
	defer index.close()
	c.index = index
	if err := c.list(ctx, list, since); err != nil {
		return RunReconciled{}, err
	}
	for row, err := range r.Rows {
		if err != nil {
			return RunReconciled{}, err
		}
		if err := c.row(ctx, row); err != nil {
			return RunReconciled{}, err
		}
		if c.out.Rows++; c.out.Rows%rowsPerHeartbeat == 0 {
			c.progress()
		}
	}
	c.progress()
	return c.out, nil
}

// comparison is one under way.
type comparison struct {
	ReconcileRequest
	reader PaymentIntentReader
	index  *referenceIndex
	out    RunReconciled
}

func (c *comparison) progress() {
	if c.Progress != nil {
		c.Progress(c.out.PaymentIntents, c.out.Rows)
	}
}

// list keeps the PaymentIntents of the report's references, and tells of the run's own that have another.
func (c *comparison) list(ctx context.Context, intents AccountPaymentIntents, since time.Time) error {
	for intent, err := range patientList(ctx, intents, since, c.progress) {
		if err != nil {
			return err
		}
		if c.out.PaymentIntents++; c.out.PaymentIntents%perHeartbeat == 0 {
			c.progress()
		}
		known, err := c.index.add(intent)
		if err != nil {
			return err
		}
		if known || intent.Metadata[MetadataOwner] != c.Owner {
			continue
		}
		if err := c.find(RunFinding{
			Kind: FindingNotReported, Reference: intent.Metadata[MetadataReference], PaymentIntent: intent.ID, Stripe: atStripe(intent),
		}); err != nil {
			return err
		}
		if intent.Status == PaymentIntentSucceeded {
			c.add(intent.Currency, intent.Amount, func(t *RunReconciledTotal) *RunTotal { return &t.Stripe })
		}
	}
	return nil
}

func (c *comparison) find(f RunFinding) error {
	c.out.Findings[f.Kind]++
	if f.Kind.Difference() {
		c.out.Differences++
	}
	if c.Finding == nil {
		return nil
	}
	return c.Finding(f)
}

func (c *comparison) add(currency string, amount int64, of func(*RunReconciledTotal) *RunTotal) {
	total := c.out.Currencies[currency]
	sum := of(&total)
	sum.Rows, sum.Amount = sum.Rows+1, sum.Amount+amount
	c.out.Currencies[currency] = total
}

// row compares a row with the PaymentIntents of its reference.
func (c *comparison) row(ctx context.Context, row RowResult) error {
	if row.Outcome == ChargeSucceeded {
		c.add(row.Currency, row.Amount, func(t *RunReconciledTotal) *RunTotal { return &t.Report })
	}
	if row.Outcome == RowRejected {
		return nil
	}
	known, err := c.index.known(row.Reference)
	if err != nil {
		return err
	}
	find := func(kind RunFindingKind, intent, report, stripe string) error {
		return c.find(RunFinding{Kind: kind, Line: row.Line, Reference: row.Reference, PaymentIntent: intent, Report: report, Stripe: stripe})
	}
	if row.Outcome == RowNotCharged {
		return c.notCharged(known, find)
	}
	if known, err = c.named(ctx, row, known, find); err != nil {
		return err
	}
	if err := c.refunds(known, find); err != nil {
		return err
	}
	return c.judge(row, known, find)
}

// findFunc tells of a finding of a row.
type findFunc func(kind RunFindingKind, intent, report, stripe string) error

// notCharged: what others did with the reference is not the report's business.
func (c *comparison) notCharged(known []PaymentIntent, find findFunc) error {
	for _, intent := range known {
		if intent.Metadata[MetadataOwner] != c.Owner {
			continue
		}
		if err := find(FindingNotReported, intent.ID, string(RowNotCharged), atStripe(intent)); err != nil {
			return err
		}
		if intent.Status == PaymentIntentSucceeded {
			c.add(intent.Currency, intent.Amount, func(t *RunReconciledTotal) *RunTotal { return &t.Stripe })
		}
	}
	return nil
}

func (c *comparison) refunds(known []PaymentIntent, find findFunc) error {
	for _, intent := range known {
		if intent.Status != PaymentIntentSucceeded || intent.AmountRefunded == 0 {
			continue
		}
		if err := find(FindingRefunded, intent.ID, fmt.Sprint(intent.Amount), fmt.Sprint(intent.AmountRefunded)); err != nil {
			return err
		}
		c.add(intent.Currency, intent.AmountRefunded, func(t *RunReconciledTotal) *RunTotal { return &t.Refunded })
	}
	return nil
}

// named compares the values of the PaymentIntent that the report names, which is read when it was not listed.
func (c *comparison) named(
	ctx context.Context, row RowResult, known []PaymentIntent, find findFunc,
) ([]PaymentIntent, error) {
	if row.PaymentIntent == "" {
		return known, nil
	}
	var named *PaymentIntent
	for n := range known {
		if known[n].ID == row.PaymentIntent {
			named = &known[n]
		}
	}
	if named == nil {
		intent, err := c.read(ctx, row.PaymentIntent)
		if IsStripeError(err, StripeMissing) {
			return known, find(FindingNotAtStripe, row.PaymentIntent, string(row.Outcome), "")
		}
		if err != nil {
			return nil, err
		}
		known = append(known, intent)
		named = &known[len(known)-1]
	}
	for _, value := range []struct {
		kind           RunFindingKind
		report, stripe string
	}{
		{FindingReference, row.Reference, named.Metadata[MetadataReference]},
		{FindingCustomer, row.Customer, named.Customer},
		{FindingAmount, fmt.Sprint(row.Amount), fmt.Sprint(named.Amount)},
		{FindingCurrency, row.Currency, named.Currency},
	} {
		if value.report != value.stripe {
			if err := find(value.kind, named.ID, value.report, value.stripe); err != nil {
				return nil, err
			}
		}
	}
	return known, nil
}

// judge compares what the report says became of a row with what Stripe says now.
func (c *comparison) judge(row RowResult, known []PaymentIntent, find findFunc) error {
	var kept, paid []PaymentIntent // those that were not given back, and with them what the report calls succeeded
	status := PaymentIntentSucceeded
	for _, intent := range known {
		named := intent.ID == row.PaymentIntent && row.Outcome == ChargeSucceeded
		switch {
		case intent.Status != PaymentIntentSucceeded:
			if named {
				status = intent.Status
			}
			continue
		case intent.AmountRefunded < intent.Amount:
			kept = append(kept, intent)
		case !named:
			continue
		}
		paid = append(paid, intent)
	}
	if len(kept) > 1 {
		if err := find(FindingChargedTwice, kept[1].ID, kept[0].ID, kept[1].ID); err != nil {
			return err
		}
	}
	atStripe := func(t *RunReconciledTotal) *RunTotal { return &t.Stripe }
	switch {
	case row.Outcome == ChargeSucceeded:
		c.addAll(paid, atStripe)
		if status != PaymentIntentSucceeded {
			return find(FindingStatus, row.PaymentIntent, string(row.Outcome), string(status))
		}
	case len(paid) == 0: // it did not succeed then, and has not since
	case row.HandedOver:
		c.addAll(paid, func(t *RunReconciledTotal) *RunTotal { return &t.Settled })
		return find(FindingSettled, paid[0].ID, string(row.Outcome), string(paid[0].Status))
	default:
		c.addAll(paid, atStripe)
		return find(FindingStatus, paid[0].ID, string(row.Outcome), string(paid[0].Status))
	}
	return nil
}

func (c *comparison) addAll(intents []PaymentIntent, of func(*RunReconciledTotal) *RunTotal) {
	for _, intent := range intents {
		c.add(intent.Currency, intent.Amount, of)
	}
}

// read reads one, and waits while Stripe has a fault that passes.
func (c *comparison) read(ctx context.Context, id string) (PaymentIntent, error) {
	var intent PaymentIntent
	err := patiently(ctx, c.progress, func() (progress bool, err error) {
		intent, err = c.reader.PaymentIntent(ctx, id)
		return false, err
	})
	return intent, err
}

// atStripe says what a PaymentIntent is, for people.
func atStripe(i PaymentIntent) string {
	return fmt.Sprintf("%s %d %s of %s", i.Status, i.Amount, i.Currency, i.Customer)
}
