package activities

import (
	"context"
	"iter"
	"time"

	"github.com/offsession/offsession/workflows/dunning"
)

// BillingRuns are the activities of billing runs.
type BillingRuns struct {
	ports  Ports
	limits *pageLimits
}

// ValidateManifestInput asks to read a run's manifest.
type ValidateManifestInput struct {
	RunFile
	// PageSize is the most rows per page. Pages are smaller when Rate, or the account's limit for runs, is so low that one would
	// last longer than 10 s.
	PageSize int     `json:"page_size"`
	Rate     float64 `json:"rate,omitempty"`
}

// ValidateManifestResult is what the manifest holds.
type ValidateManifestResult struct {
	ManifestSummary
	// Missing says that there is no such file (yet), Unreadable why it cannot be read at all.
	Missing    bool   `json:"missing,omitempty"`
	Unreadable string `json:"unreadable,omitempty"`
	// Live says that the worker's key moves real money.
	Live bool `json:"live,omitempty"`
}

// LookBackRunInput asks for earlier uses of a run's references. https://docs.stripe.com/api/payment_intents/list
type LookBackRunInput struct {
	RunFile
	// Since is from when on Stripe's PaymentIntents are listed, UTC.
	Since time.Time `json:"since"`
}

// LookBackRunResult is what was found.
type LookBackRunResult struct {
	// At is when the look-back began, UTC: what was made later it may not have seen.
	At time.Time `json:"at"`
	// Seen are the PaymentIntents that were listed.
	Seen int `json:"seen"`
	// Found are the rows whose reference was used before, by what becomes of them.
	Found RunTotals `json:"found,omitempty"`
	// Changed says that the files are not any more what was written; the rest is empty then.
	Changed bool `json:"changed,omitempty"`
}

// ReadRunPagesInput asks for a part of the index.
type ReadRunPagesInput struct {
	RunFile
	From  int `json:"from"`
	Count int `json:"count"`
}

// ReadRunPagesResult is that part. Changed says that the files are not any more what was written.
type ReadRunPagesResult struct {
	Pages   []RunPage `json:"pages"`
	Changed bool      `json:"changed,omitempty"`
}

// ChargePageInput is one page of a run. It never holds rows.
type ChargePageInput struct {
	RunFile
	RunPage
	// T0 is when the first row may be sent, UTC; row i (from 0) not before T0 + i/Rate. Rate is in rows per second.
	T0   time.Time `json:"t0"`
	Rate float64   `json:"rate"`
	// Closing sends nothing new: of a page that stopped, the rows that were sent are finished, the others end as not charged,
	// and the results are written.
	Closing bool `json:"closing,omitempty"`
	// LostSince is set when the page was given out before, at that time or later, and has ended without telling how far it came,
	// or with Lost: every row of which its checkpoint does not tell may have been sent. UTC.
	LostSince time.Time `json:"lost_since,omitzero"`
	// LookedBackAt is when the run's look-back began; a row that is sent more than 20 h later asks Stripe itself first.
	LookedBackAt time.Time `json:"looked_back_at"`
	// What follows goes to the CollectPayment of a row that did not succeed.
	Policy     dunning.Policy `json:"policy"`
	TimeZone   string         `json:"time_zone,omitempty"`
	CheckoutUI CheckoutUI     `json:"checkout_ui,omitempty"`
	Events     string         `json:"events,omitempty"`
	// StatementSuffix is Stripe's statement_descriptor_suffix of all rows.
	StatementSuffix string `json:"statement_suffix,omitempty"`
	// MessagesWait is how long after the page has begun those payments tell their customers nothing: until the run's brake has
	// judged them.
	MessagesWait time.Duration `json:"messages_wait,omitempty"`
}

// ChargePageResult is what became of a page: counts and sums, never rows.
type ChargePageResult struct {
	Totals RunTotals `json:"totals"`
	// Stopped is a reason for which the page is not done: StoppedUnauthorized, StoppedAlike, StoppedChanged, StoppedHeld,
	// StoppedUnsettled.
	// What was done stands in a checkpoint beside the manifest: the same page again goes on there. Lost says that the checkpoint
	// does not tell of everything: the page again needs LostSince.
	Stopped string `json:"stopped,omitempty"`
	Lost    bool   `json:"lost,omitempty"`
	// StoppedCode is the code that all rows failed with, for StoppedAlike.
	StoppedCode string `json:"stopped_code,omitempty"`
	// Judged are the rows that were charged now, by this page: neither adopted, nor rejected, nor done before an operator resumed
	// the run. Failed are those of them that Stripe or the bank did not take: declined, refused, needs_customer, unknown.
	Judged int `json:"judged,omitempty"`
	Failed int `json:"failed,omitempty"`
	// Unattended are the rows that did not succeed, and that no CollectPayment goes on with: nobody does.
	Unattended int `json:"unattended,omitempty"`
	// First and Last tell of rows in a row that failed with one code that is no decline, at the page's ends: the run joins them.
	First *FailureStreak `json:"first,omitempty"`
	Last  *FailureStreak `json:"last,omitempty"`
	// RateLimited counts answers of HTTP 429, but for those because of a locked object.
	RateLimited int `json:"rate_limited,omitempty"`
}

// FailureStreak is a number of rows in a row that failed with the same code, none of them by a decline. Whole says that all
// rows of the page did.
type FailureStreak struct {
	Code  string `json:"code"`
	Rows  int    `json:"rows"`
	Whole bool   `json:"whole,omitempty"`
}

// The reasons for which a page stops.
const (
	// StoppedUnauthorized: Stripe answered 401 or 403.
	StoppedUnauthorized = "unauthorized"
	// StoppedAlike: StreakLimit rows in a row failed with one code that is no decline.
	StoppedAlike = "failing_alike"
	// StoppedChanged: a file of the run is not any more what was written.
	StoppedChanged = "files_changed"
	// StoppedHeld: it began late, and its run was paused or canceled meanwhile.
	StoppedHeld = "held"
	// StoppedUnsettled: it is closing, and Stripe may still be executing what was sent: it must be closed again later.
	StoppedUnsettled = "unsettled"
)

// StreakLimit is how many rows in a row may fail for one reason that is no decline.
const StreakLimit = 20

// WriteRunReportInput asks for the report of a run.
type WriteRunReportInput struct {
	RunFile
	CreatedAt time.Time `json:"created_at"`
	EndedAt   time.Time `json:"ended_at"`
	State     string    `json:"state"`
}

// TakeTurnInput asks whether a run may charge now.
type TakeTurnInput struct {
	// Run is the asking run's reference.
	Run string `json:"run"`
	// Rate is what it wants, in rows per second; 0 takes all that is left.
	Rate float64 `json:"rate"`
	// Concurrent lets it charge beside others, as long as their rates together are within the limit.
	Concurrent bool `json:"concurrent,omitempty"`
}

// TakeTurnResult answers it.
type TakeTurnResult struct {
	// Turn says yes, at Rate. Limit is the most that all runs together may have: 75 % of STRIPE_RATE_LIMIT.
	Turn  bool    `json:"turn,omitempty"`
	Rate  float64 `json:"rate"`
	Limit float64 `json:"limit"`
	// Others says that there are other runs that have not ended. What they do is seen a moment late.
	Others bool `json:"others,omitempty"`
	// WaitsFor is the reference of the run that goes first; empty when it is its turn.
	WaitsFor string `json:"waits_for,omitempty"`
}

// OpenRun is a billing run that has not ended.
type OpenRun struct {
	Reference  string
	State      string
	Rate       float64
	Concurrent bool
	StartedAt  time.Time
}

// PaymentHandover is a payment whose first attempt a run made.
type PaymentHandover struct {
	// ChargeInput is that attempt: its frozen values. Owner is the run's workflow id.
	ChargeInput
	At     time.Time
	Result ChargeResult
	// Run is the run's reference.
	Run          string
	TimeZone     string
	CheckoutUI   CheckoutUI
	Events       string
	Policy       dunning.Policy
	MessagesFrom time.Time
}

// AccountPaymentIntents lists all PaymentIntents of the account. Every error is a *StripeError.
type AccountPaymentIntents interface {
	// AccountPaymentIntents lists those created since a time, newest first, asking for a page of 100 at a time as they are taken,
	// with their latest charge. After goes on where an earlier list ended. https://docs.stripe.com/api/payment_intents/list
	AccountPaymentIntents(ctx context.Context, since time.Time, after string) iter.Seq2[PaymentIntent, error]
}
