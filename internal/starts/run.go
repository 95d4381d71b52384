package starts

import (
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// RunDefaults are the values that a billing run's memo does not repeat. They must never change. There is none for the policy,
// whose default may.
func RunDefaults() workflows.BillingRunInput {
	return workflows.BillingRunInput{
		PageSize:       100,
		Window:         16,
		OnInvalid:      workflows.OnInvalidStop,
		LookBackDays:   35,
		MaxDeclineRate: 0.4,
		TimeZone:       "UTC",
		CheckoutUI:     activities.CheckoutUICustom,
		Events:         workflows.EventsExceptions,
	}
}

// FirstOfRun is what a repeated start of a billing run is compared by: all that says what is charged, and how. Who started it,
// and how long the manifest is waited for, is not: a run that a schedule should have started can be started by hand.
func FirstOfRun(in workflows.BillingRunInput) (First, error) {
	in.Schedule, in.ManifestDeadline, in.Carried = "", time.Time{}, nil
	return FirstOf(in, RunDefaults())
}

// Run are the options that start a billing run.
func Run(in workflows.BillingRunInput, taskQueue string) (client.StartWorkflowOptions, error) {
	first, err := FirstOfRun(in)
	if err != nil {
		return client.StartWorkflowOptions{}, err
	}
	return Options(workflows.BillingRunID(in.Reference), taskQueue, first, in.StartSearchAttributes(), summary(in.Manifest)), nil
}

// summary is as much of a text as Temporal's summaries take.
func summary(text string) string {
	const most = 200
	return strings.ToValidUTF8(text[:min(most, len(text))], "")
}
