package workflows

import (
	"cmp"
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/dunning"
)

// OnInvalid says what a billing run does with a manifest that has rows that are not allowed.
type OnInvalid string

// The choices of OnInvalid.
const (
	// OnInvalidStop (default): nothing is charged; a person corrects the manifest and resumes, or cancels.
	OnInvalidStop OnInvalid = "stop"
	// OnInvalidSkip: those rows are reported as rejected, and the others are charged.
	OnInvalidSkip OnInvalid = "skip"
)

// The defaults and limits of a billing run.
const (
	RunPageSize         = 100
	RunPageSizeMost     = 500
	RunWindow           = 16
	RunWindowMost       = 64
	RunLookBackDays     = 35
	RunLookBackDaysMost = 400
	RunMaxDeclineRate   = 0.4
)

// BillingRunInput describes a manifest of charges. Everything in it is frozen at start.
type BillingRunInput struct {
	// Reference is the caller's own id of the run, spent for ever.
	Reference string `json:"reference"`
	// Manifest is the URL of the file: file:///data/july.csv, s3://bucket/july.jsonl.gz?region=….
	Manifest string `json:"manifest"`
	// Rate is in charges per second; 0 takes all that the worker's STRIPE_RATE_LIMIT leaves for runs, three quarters.
	Rate float64 `json:"rate,omitempty"`
	// PageSize is the most rows per page; 0 is RunPageSize. Pages are smaller at a low rate.
	PageSize int `json:"page_size,omitempty"`
	// Window is the most pages at a time; 0 is RunWindow.
	Window int `json:"window,omitempty"`
	// OnInvalid is what happens with a manifest that has rows that are not allowed; empty is stop.
	OnInvalid OnInvalid `json:"on_invalid,omitempty"`
	// LookBackDays is how far back Stripe is asked for earlier uses of the references; 0 is RunLookBackDays.
	LookBackDays int `json:"look_back_days,omitempty"`
	// MaxDeclineRate is the part of the rows, 0 to 1, above which the run pauses itself; 0 is RunMaxDeclineRate, 1 never does.
	MaxDeclineRate float64 `json:"max_decline_rate,omitempty"`
	// MaxTotal is by currency the sum, in minor units, which the run pauses itself before it passes. With a live key every
	// currency of the manifest needs one.
	MaxTotal map[string]int64 `json:"max_total,omitempty"`
	// Concurrent lets it charge beside other runs. It needs a Rate.
	Concurrent bool `json:"concurrent,omitempty"`
	// Approve makes it wait, after validation, for UpdateApprove.
	Approve bool `json:"approve,omitempty"`
	// ManifestDeadline is until when a manifest that is not there yet is waited for, UTC; zero: it must be there.
	ManifestDeadline time.Time `json:"manifest_deadline,omitzero"`
	// Schedule is the reference of the schedule that started it; empty when none did.
	Schedule string `json:"schedule,omitempty"`
	// What follows is for the payments of rows that do not succeed at once: the dunning policy, the zone of customers whose
	// metadata has none, how they pay, what the app is told, and the statement suffix of all rows.
	Policy          dunning.Policy        `json:"policy"`
	TimeZone        string                `json:"time_zone,omitempty"`
	CheckoutUI      activities.CheckoutUI `json:"checkout_ui,omitempty"`
	Events          Events                `json:"events,omitempty"`
	StatementSuffix string                `json:"statement_suffix,omitempty"`
	// Carried is the state handed over by continue-as-new; nil at start.
	Carried *runState `json:"carried,omitempty"`
}

// Short leaves out what an empty field means anyway.
func (in BillingRunInput) Short() BillingRunInput {
	short := func(same bool, field *int) {
		if same {
			*field = 0
		}
	}
	short(in.PageSize == RunPageSize, &in.PageSize)
	short(in.Window == RunWindow, &in.Window)
	short(in.LookBackDays == RunLookBackDays, &in.LookBackDays)
	if in.OnInvalid == OnInvalidStop {
		in.OnInvalid = ""
	}
	if in.MaxDeclineRate == RunMaxDeclineRate {
		in.MaxDeclineRate = 0
	}
	if in.TimeZone == utc {
		in.TimeZone = ""
	}
	if in.CheckoutUI == activities.CheckoutUICustom {
		in.CheckoutUI = ""
	}
	if in.Events == EventsExceptions {
		in.Events = ""
	}
	return in
}

// full is the opposite of Short.
func (in BillingRunInput) full() BillingRunInput {
	in.PageSize = cmp.Or(in.PageSize, RunPageSize)
	in.Window = cmp.Or(in.Window, RunWindow)
	in.LookBackDays = cmp.Or(in.LookBackDays, RunLookBackDays)
	in.OnInvalid = cmp.Or(in.OnInvalid, OnInvalidStop)
	in.MaxDeclineRate = cmp.Or(in.MaxDeclineRate, RunMaxDeclineRate)
	in.TimeZone = cmp.Or(in.TimeZone, utc)
	in.CheckoutUI = cmp.Or(in.CheckoutUI, activities.CheckoutUICustom)
	in.Events = cmp.Or(in.Events, EventsExceptions)
	return in
}

// BillingRunResult is how a run ended.
type BillingRunResult struct {
	// State is completed or canceled.
	State RunState `json:"state"`
	// Reason says why it was canceled; empty otherwise.
	Reason string `json:"reason,omitempty"`
	// Totals are all rows of the manifest by outcome and currency.
	Totals activities.RunTotals `json:"totals"`
	// ReportCSV and ReportJSON are where the report is; empty when it could not be written: `run report` writes it again.
	ReportCSV  string `json:"report_csv,omitempty"`
	ReportJSON string `json:"report_json,omitempty"`
}
