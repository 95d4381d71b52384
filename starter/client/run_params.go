package client

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gocloud.dev/blob"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
	"github.com/offsession/offsession/workflows/money"
)

// RunParams describes a manifest of charges. Reference and Manifest are required.
type RunParams struct {
	// Reference is the caller's own id of the run: 1 to 120 of A-Z a-z 0-9 . _ - that do not begin with a dot. It is spent for
	// ever.
	Reference string
	// Manifest is the URL of the file, CSV or JSONL, with .gz when compressed: file:///data/july.csv, s3://bucket/july.jsonl.gz.
	// All workers read it. No credentials: Temporal's history keeps it.
	Manifest string
	// Rate is in charges per second. 0 takes all that the worker's STRIPE_RATE_LIMIT leaves for runs, three quarters, which is
	// also the most.
	Rate float64
	// PageSize is how many rows a worker takes at a time, 1 to 500. Defaults to 100.
	PageSize int
	// Window is the most pages at a time, 1 to 64. Defaults to 16.
	Window int
	// OnInvalid is what happens with a manifest that has rows that are not allowed. Defaults to stop: nothing is charged.
	OnInvalid workflows.OnInvalid
	// LookBackDays is how far back Stripe is asked for earlier uses of the references, 1 to 400 days. Defaults to 35.
	LookBackDays int
	// MaxDeclineRate is the part of the rows, above 0 and at most 1, above which the run pauses itself; 1 never does. Defaults to
	// 0.4.
	MaxDeclineRate float64
	// MaxTotal is by currency the sum, in minor units, which the run pauses itself before it passes. With a live key every
	// currency of the manifest needs one.
	MaxTotal map[string]int64
	// Concurrent lets the run charge beside others, which together keep to the worker's limit. It needs a Rate.
	Concurrent bool
	// Approve makes the run wait, after validation, for ApproveRun.
	Approve bool
	// Policy says how the payments of rows that do not succeed are tried again. Defaults to dunning.DefaultPolicy.
	Policy *dunning.Policy
	// TimeZone is the IANA zone of customers whose Stripe metadata has no time_zone. Defaults to Options.TimeZone.
	TimeZone string
	// CheckoutUI is how customers pay after a failure. Defaults to Options.CheckoutUI.
	CheckoutUI activities.CheckoutUI
	// Events says what the app's webhook is told of those payments. Defaults to exceptions.
	Events workflows.Events
	// StatementSuffix is what customers' statements show after the account's prefix. At most 22 characters.
	StatementSuffix string
}

// runInput normalises the parameters, and fills in all defaults.
func (c *Client) runInput(p RunParams) workflows.BillingRunInput {
	in := workflows.BillingRunInput{
		Reference:       p.Reference,
		Manifest:        p.Manifest,
		Rate:            p.Rate,
		PageSize:        cmp.Or(p.PageSize, workflows.RunPageSize),
		Window:          cmp.Or(p.Window, workflows.RunWindow),
		OnInvalid:       cmp.Or(p.OnInvalid, workflows.OnInvalidStop),
		LookBackDays:    cmp.Or(p.LookBackDays, workflows.RunLookBackDays),
		MaxDeclineRate:  cmp.Or(p.MaxDeclineRate, workflows.RunMaxDeclineRate),
		MaxTotal:        lowerCurrencies(p.MaxTotal),
		Concurrent:      p.Concurrent,
		Approve:         p.Approve,
		Policy:          dunning.DefaultPolicy(),
		TimeZone:        cmp.Or(p.TimeZone, c.options.TimeZone),
		CheckoutUI:      cmp.Or(p.CheckoutUI, c.options.CheckoutUI),
		Events:          cmp.Or(p.Events, workflows.EventsExceptions),
		StatementSuffix: p.StatementSuffix,
	}
	if p.Policy != nil {
		in.Policy = *p.Policy
	}
	return in
}

// lowerCurrencies normalises the currencies, when each is one and is there once: else checkMaxTotal says what is wrong.
func lowerCurrencies(totals map[string]int64) map[string]int64 {
	if len(totals) == 0 {
		return nil
	}
	lower := make(map[string]int64, len(totals))
	for name, total := range totals {
		currency, err := money.NormalizeCurrency(name)
		if err != nil {
			return maps.Clone(totals)
		}
		lower[currency] = total
	}
	if len(lower) != len(totals) {
		return maps.Clone(totals)
	}
	return lower
}

// checkRun checks what can be without asking anybody; neither the reference nor the manifest.
func checkRun(i *invalid, in workflows.BillingRunInput) {
	if in.Rate != 0 {
		checkRate(i, in.Rate)
	}
	if in.Concurrent && in.Rate == 0 {
		i.add("rate", "", "must be given with concurrent: runs share what the account allows")
	}
	checkBetween(i, "page_size", in.PageSize, workflows.RunPageSizeMost)
	checkBetween(i, "window", in.Window, workflows.RunWindowMost)
	oneOf(i, "on_invalid", in.OnInvalid, workflows.OnInvalidStop, workflows.OnInvalidSkip)
	if in.LookBackDays < 1 || in.LookBackDays > workflows.RunLookBackDaysMost {
		i.add("look_back", strconv.Itoa(in.LookBackDays)+"d", fmt.Sprintf("must be 1d to %dd", workflows.RunLookBackDaysMost))
	}
	if !(in.MaxDeclineRate > 0 && in.MaxDeclineRate <= 1) {
		i.add("max_decline_rate", number(in.MaxDeclineRate), "must be a part of the rows, above 0 and at most 1: 0.4 is 40 %")
	}
	checkMaxTotal(i, in.MaxTotal)
	i.within("policy", in.Policy.Validate())
	checkTimeZone(i, in.TimeZone)
	checkCheckoutUI(i, in.CheckoutUI)
	checkEvents(i, in.Events)
	checkStatementSuffix(i, in.StatementSuffix)
}

func checkRate(i *invalid, rate float64) {
	if !(rate > 0) || math.IsInf(rate, 0) {
		i.add("rate", number(rate), "must be charges per second, more than 0")
	}
}

func checkBetween(i *invalid, field string, value, most int) {
	if value < 1 || value > most {
		i.add(field, strconv.Itoa(value), fmt.Sprintf("must be 1 to %d", most))
	}
}

// checkMaxTotal checks sums by currency. No limit of Stripe's applies to a sum.
func checkMaxTotal(i *invalid, totals map[string]int64) {
	seen := make(map[string]bool, len(totals))
	for _, name := range slices.Sorted(maps.Keys(totals)) {
		given := fmt.Sprintf("%s=%d", name, totals[name])
		currency, err := money.NormalizeCurrency(name)
		switch {
		case err != nil:
			i.add("max_total", given, "must name a currency that Stripe charges in, such as usd=5000000")
		case seen[currency]:
			i.add("max_total", given, "must name each currency once")
		case totals[name] <= 0:
			i.add("max_total", given, "must be positive, in minor units")
		}
		seen[currency] = true
	}
}

// number is a float as a person writes it.
func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// checkManifest checks the form of a manifest's URL, for a run with this reference; whether there is such a file is not asked.
func checkManifest(i *invalid, manifest, run string) {
	u, err := activities.CheckManifestURL(manifest, run, manifestSchemes())
	switch {
	case manifest == "":
		i.add("manifest", "", "must be the URL of a file, such as file:///data/july.csv or s3://bucket/july.csv")
	case err != nil:
		i.add("manifest", withoutPassword(manifest), err.Error())
	case strings.Contains(u.Path, "{{"):
		i.add("manifest", manifest, "must have no {{…}}: only schedules fill in dates")
	}
}

// withoutPassword is a URL for people.
func withoutPassword(manifest string) string {
	if u, err := url.Parse(manifest); err == nil && u.User != nil {
		return u.Redacted()
	}
	return manifest
}

// manifestSchemes are those of the storage whose drivers this program has.
func manifestSchemes() []string { return blob.DefaultURLMux().BucketSchemes() }
