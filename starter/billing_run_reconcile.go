package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
)

func newRunReconcile(a *app) *cobra.Command {
	var (
		p     client.ReconcileParams
		since string
	)
	cmd := &cobra.Command{
		Use:   "reconcile REFERENCE",
		Short: "Compare the report of a run with Stripe, row by row",
		Long: `Lists the PaymentIntents that the account has made since the run began, 100 per request, and compares them with what the run's
pages wrote: every PaymentIntent of the run must be in the report, and every one that the report names at Stripe, with the same
customer, amount, currency and outcome, and no reference may have been paid twice. Each difference is a line; with any, the
command ends with 1.

Two findings are no differences: settled_later, a row that did not succeed and was paid since by the payment that went on
with it, and refunded. The command reads the run's files from this machine, and changes nothing. When Temporal does not know
the run any more, --manifest and --since say what it would.`,
		Example: `  starter run reconcile july-2026
  starter run reconcile july-2026 --manifest s3://bucket/july.csv --since 2026-07-31 --output json`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Reference = args[0]
			var err error
			if p.Since, err = parseDay("since", since); err != nil {
				return err
			}
			if p.Manifest != "" {
				if p.Manifest, err = manifestURL(p.Manifest); err != nil {
					return err
				}
			}
			return a.withClient(func(c *client.Client) error {
				shown := newProgress(a)
				defer shown.clear()
				p.Progress = func(paymentIntents, rows int) {
					shown.show(fmt.Sprintf("%d PaymentIntents listed, %d rows compared", paymentIntents, rows), time.Now())
				}
				findings := &findings{a: a, clear: shown.clear}
				p.Finding = findings.add
				sum, err := c.ReconcileRun(cmd.Context(), p)
				if err != nil {
					return errors.Join(err, findings.abandon())
				}
				shown.clear()
				if err := findings.end(sum); err != nil {
					return err
				}
				if sum.Differences > 0 {
					return fmt.Errorf("the report and Stripe differ in %s", counted(sum.Differences, "place"))
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&p.Manifest, "manifest", "", "the run's manifest, when Temporal does not know the run any more")
	f.StringVar(&since, "since", "", "from when on Stripe's PaymentIntents are listed, YYYY-MM-DD or RFC 3339 (default: the start of the run)")
	return cmd
}

// parseDay reads a UTC date or an instant; the zero time of "".
func parseDay(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usagef("--%s: %q; must be YYYY-MM-DD or RFC 3339", flag, shorten(text))
}

// findings prints what a comparison finds as it is found: there may be as many as the run has rows. As JSON it is one object,
// whose first field is the list of them.
type findings struct {
	a     *app
	clear func()
	n     int
}

func (f *findings) add(finding client.RunFinding) error {
	f.clear()
	if f.a.output != outputJSON {
		f.n++
		_, err := fmt.Fprintln(f.a.stdout, findingText(finding))
		return err
	}
	text, err := json.Marshal(finding)
	if err != nil {
		return err
	}
	before := ",\n    "
	if f.n == 0 {
		before = "{\n  \"findings\": [\n    "
	}
	f.n++
	_, err = fmt.Fprint(f.a.stdout, before, string(text))
	return err
}

// abandon ends the lines of a comparison that failed; JSON that was begun stays incomplete, as its reader must notice.
func (f *findings) abandon() error {
	if f.n == 0 || f.a.output != outputJSON {
		return nil
	}
	_, err := fmt.Fprintln(f.a.stdout)
	return err
}

func (f *findings) end(sum client.Reconciled) error {
	if f.a.output != outputJSON {
		if f.n > 0 {
			if _, err := fmt.Fprintln(f.a.stdout); err != nil {
				return err
			}
		}
		return f.a.answer(nil, func() string { return reconciledText(sum) })
	}
	list := "\n  ],"
	if f.n == 0 {
		list = "{\n  \"findings\": [],"
	}
	text, err := json.MarshalIndent(sum, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(f.a.stdout, list, strings.TrimPrefix(string(text), "{"), "\n")
	return err
}

// findingText is "line 17 inv-9: amount: the report has 1099, Stripe has 1098 (pi_…)".
func findingText(f client.RunFinding) string {
	where := f.Reference
	if f.Line > 0 {
		where = fmt.Sprintf("line %d %s", f.Line, f.Reference)
	}
	text := string(f.Kind)
	switch f.Kind {
	case activities.FindingNotReported:
		text = "at Stripe and not in the report: " + f.Stripe
		if f.Report != "" {
			text = fmt.Sprintf("at Stripe: %s; the report says %s", f.Stripe, f.Report)
		}
	case activities.FindingNotAtStripe:
		text = fmt.Sprintf("Stripe has no such PaymentIntent; the report says %s", f.Report)
	case activities.FindingChargedTwice:
		text = "charged twice: also " + f.Report
	case activities.FindingSettled:
		text = fmt.Sprintf("settled later: the report says %s, Stripe %s", f.Report, f.Stripe)
	case activities.FindingRefunded:
		text = fmt.Sprintf("refunded since: %s of %s", f.Stripe, f.Report)
	case activities.FindingAmount, activities.FindingCurrency, activities.FindingCustomer, activities.FindingReference, activities.FindingStatus:
		text = fmt.Sprintf("%s: the report has %s, Stripe has %s", f.Kind, f.Report, dash(f.Stripe))
	}
	return fmt.Sprintf("%s: %s (%s)", where, text, f.PaymentIntent)
}

func reconciledText(sum client.Reconciled) string {
	verdict := "the report and Stripe agree"
	if sum.Differences > 0 {
		verdict = counted(sum.Differences, "difference")
	}
	rows := []string{"currency\tin the report\tat Stripe\tsettled later\trefunded"}
	for _, currency := range slices.Sorted(maps.Keys(sum.Currencies)) {
		total := sum.Currencies[currency]
		cells := []string{currency}
		for _, t := range []activities.RunTotal{total.Report, total.Stripe, total.Settled, total.Refunded} {
			cells = append(cells, fmt.Sprintf("%d rows, %s", t.Rows, amountText(t.Amount, currency)))
		}
		rows = append(rows, strings.Join(cells, "\t"))
	}
	text := fmt.Sprintf("Run %s: %s. %d rows, %d PaymentIntents since %s\n", sum.Reference, verdict, sum.Rows, sum.PaymentIntents, timeText(sum.Since, "UTC"))
	if len(rows) > 1 {
		text += table(rows...)
	}
	return text
}
