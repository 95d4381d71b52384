package workflows

import (
	"time"

	"github.com/offsession/offsession/activities"
)

// RunState is the state of a billing run.
type RunState string

// The states of a billing run.
const (
	// RunValidating: the manifest is awaited, read and checked, and Stripe is asked for earlier uses of its references.
	RunValidating RunState = "validating"
	// RunAwaitingApproval: UpdateApprove is awaited, for a week.
	RunAwaitingApproval RunState = "awaiting_approval"
	// RunQueued: another run goes first.
	RunQueued RunState = "queued"
	// RunCharging: pages are being charged.
	RunCharging RunState = "charging"
	// RunPaused: an operator, or the run's own brake, has stopped it; the reason says which. Pages under way finish; no further one begins.
	RunPaused RunState = "paused"
	// RunNeedsAttention: it cannot go on without a person; the reason says why. Resuming tries again.
	RunNeedsAttention RunState = "needs_attention"
	// RunReporting: all rows are done, and the report is being written.
	RunReporting RunState = "reporting"
	// RunCompleted (end): every row is accounted for.
	RunCompleted RunState = "completed"
	// RunCanceled (end): the rows that were not sent stay not charged.
	RunCanceled RunState = "canceled"
)

// Ended reports whether the state is an end.
func (s RunState) Ended() bool { return s == RunCompleted || s == RunCanceled }

// The reasons of RunPaused, RunNeedsAttention and RunCanceled.
const (
	// RunReasonOperator: an operator asked for it.
	RunReasonOperator = "operator"
	// RunReasonUnauthorized: Stripe answered 401 or 403.
	RunReasonUnauthorized = "unauthorized"
	// RunReasonFailingAlike: 20 rows in a row failed for one reason that is no decline; ReasonCode says which.
	RunReasonFailingAlike = "failing_alike"
	// RunReasonDeclineRate: more rows than MaxDeclineRate allows ended declined, refused, needs_customer or unknown.
	RunReasonDeclineRate = "decline_rate"
	// RunReasonMaxTotal: the next page would pass a currency's MaxTotal.
	RunReasonMaxTotal = "max_total"
	// RunReasonMaxTotalRequired: with a live key every currency of the manifest needs a MaxTotal.
	RunReasonMaxTotalRequired = "max_total_required"
	// RunReasonManifestMissing: there was no such file until the deadline.
	RunReasonManifestMissing = "manifest_missing"
	// RunReasonManifestUnreadable: the file, or the URL, cannot be read at all.
	RunReasonManifestUnreadable = "manifest_unreadable"
	// RunReasonManifestInvalid: rows are not allowed, and OnInvalid is stop.
	RunReasonManifestInvalid = "manifest_invalid"
	// RunReasonFilesChanged: a file of the run is not any more what was written.
	RunReasonFilesChanged = "files_changed"
	// RunReasonFilesUnavailable: the run's files cannot be read or written.
	RunReasonFilesUnavailable = "files_unavailable"
	// RunReasonPageFailed: a page could not be charged because of a fault of ours; ReasonCode is its type.
	RunReasonPageFailed = "page_failed"
	// RunReasonPageSlow (while charging): a page is not done half an hour after it should be. The run goes on by itself when it is.
	RunReasonPageSlow = "page_slow"
	// RunReasonReportDiffers (completed, canceled): the report does not add up to what the run has counted.
	RunReasonReportDiffers = "report_differs"
	// RunReasonNotApproved: nobody approved it within a week.
	RunReasonNotApproved = "not_approved"
)

// The Updates of a BillingRun, beside pause, resume and cancel, which take a RunOperation too.
const (
	// UpdateApprove lets a run that waits for approval go on. It names the fingerprint of what was looked at.
	UpdateApprove = "approve"
	// UpdateSetRate changes the pace of the pages from now on.
	UpdateSetRate = "set_rate"
)

// RunOperation is the argument of a BillingRun's Updates.
type RunOperation struct {
	// Actor is who asks, 1 to 80 characters; Reason is why, 1 to 200 characters. No personal data in either.
	Actor  string `json:"actor"`
	Reason string `json:"reason"`
	// Fingerprint (approve) is the SHA-256 of the normalised copy, in hex; at least its first 12 characters.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Rate (set_rate) is in charges per second, above 0 and at most what the worker's STRIPE_RATE_LIMIT leaves for runs.
	Rate float64 `json:"rate,omitempty"`
	// MaxTotal (resume) replaces the run's of the currencies named, in minor units.
	MaxTotal map[string]int64 `json:"max_total,omitempty"`
}

// RunResponse answers a BillingRun's Updates.
type RunResponse struct {
	// State is the run's after the operation. Pending says that it has not come to its end yet: it was not
	// carried out in 20 s, or pages under way finish first after a pause or a cancel.
	State   RunState `json:"state"`
	Pending bool     `json:"pending,omitempty"`
}

// RunStatus answers QueryStatus of a BillingRun.
type RunStatus struct {
	Reference string   `json:"reference"`
	State     RunState `json:"state"`
	// Reason says why it is paused, needs attention or was canceled; ReasonCode the code that rows failed with.
	Reason     string `json:"reason,omitempty"`
	ReasonCode string `json:"reason_code,omitempty"`
	Manifest   string `json:"manifest"`
	Schedule   string `json:"schedule,omitempty"`
	// Summary is what validation found; nil before.
	Summary *activities.ManifestSummary `json:"summary,omitempty"`
	// LookedBack is what the look-back found; nil before.
	LookedBack *activities.LookBackRunResult `json:"looked_back,omitempty"`
	// Totals are the rows done so far, by outcome and currency. At the end all rows are in it.
	Totals activities.RunTotals `json:"totals"`
	// Unattended are the rows among Totals that did not succeed, and that no payment goes on with: nobody does.
	Unattended int `json:"unattended"`
	PagesDone  int `json:"pages_done"`
	InFlight   int `json:"pages_in_flight,omitempty"`
	// Rate is the present pace in charges per second; WantedRate is what was asked for, when 429s or another run make it slower.
	Rate       float64 `json:"rate"`
	WantedRate float64 `json:"wanted_rate,omitempty"`
	// RateLimited counts answers of HTTP 429.
	RateLimited int `json:"rate_limited,omitempty"`
	// WaitsFor is the run that goes first, while queued.
	WaitsFor string           `json:"waits_for,omitempty"`
	MaxTotal map[string]int64 `json:"max_total,omitempty"`
	// StartedAt, ChargingSince and EndedAt are UTC; zero before. RemainingSeconds is an estimate at the present pace.
	StartedAt        time.Time `json:"started_at"`
	ChargingSince    time.Time `json:"charging_since,omitzero"`
	EndedAt          time.Time `json:"ended_at,omitzero"`
	RemainingSeconds int       `json:"remaining_seconds,omitempty"`
	// NextActionAt is when the workflow acts next by itself, UTC; zero when it has ended.
	NextActionAt time.Time    `json:"next_action_at,omitzero"`
	ReportCSV    string       `json:"report_csv,omitempty"`
	ReportJSON   string       `json:"report_json,omitempty"`
	Audit        []AuditEntry `json:"audit,omitempty"`
	Undelivered  []string     `json:"undelivered,omitempty"`
}

// ScheduledRunInput is what a Temporal Schedule starts: a thin workflow whose only act is to start the billing run of the nominal
// time.
type ScheduledRunInput struct {
	// Schedule is the schedule's reference.
	Schedule string `json:"schedule"`
	// TimeZone is the schedule's, in which {{date}} and the run's reference are.
	TimeZone string `json:"time_zone"`
	// ManifestPatience is how long after the nominal time a missing manifest is waited for, in seconds.
	ManifestPatience int `json:"manifest_patience,omitempty"`
	// Run is the run's input with {{date}} in its Manifest; its Reference is made of the schedule's and the nominal time.
	Run BillingRunInput `json:"run"`
}

// ScheduledRunResult names the run.
type ScheduledRunResult struct {
	Reference  string `json:"reference"`
	WorkflowID string `json:"workflow_id"`
	// AlreadyStarted says that the run of this nominal time was there before.
	AlreadyStarted bool `json:"already_started,omitempty"`
}
