package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

func newAgreementPreview(a *app) *cobra.Command {
	var (
		file, reference, from string
		next                  int
	)
	cmd := &cobra.Command{
		Use:   "preview FILE",
		Short: "Print the next dates and amounts of a definition, without starting anything",
		Long: `Reads a definition and prints its dates, local and UTC, with amounts and the references of the payments. Neither Temporal nor
Stripe is asked. --from is when the agreement would start.`,
		Example: `  starter agreement preview agreement.yaml --next 24
  starter agreement preview --file agreement.yaml --reference gym-17 --from 2026-01-31 --output json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || (len(args) == 1) == (file != "") {
				return usagef("%s needs one definition file: %s", cmd.CommandPath(), cmd.UseLine())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := readDefinition("file", append(args, file)[0], client.ParseAgreement)
			if err != nil {
				return err
			}
			p.Reference = reference
			start := time.Now()
			if from != "" {
				start, err = parseLocal("from", from, func() (*time.Location, error) { return zoneOrUTC(p.TimeZone), nil })
				if err != nil {
					return err
				}
			}
			preview, err := client.Preview(p, start, next)
			if err != nil {
				return err
			}
			return a.answer(preview, func() string { return previewText(p, preview) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "file", "", "definition, a YAML or JSON file (instead of the argument)")
	f.StringVar(&reference, "reference", "", "the agreement's, for the references of its payments")
	f.StringVar(&from, "from", "", "when the agreement would start: a date in its time zone, or an RFC 3339 time (default now)")
	f.IntVar(&next, "next", 24, "how many dates, 1 to 5000")
	return cmd
}

func previewText(p client.AgreementParams, preview client.AgreementPreview) string {
	zone := zoneOrUTC(preview.TimeZone)
	rows := []string{"#\tlocal (" + preview.TimeZone + ")\tUTC\tamount\treference"}
	for i, date := range preview.Dates {
		amount := "asked from the app"
		if p.AmountFrom != workflows.AmountFromWebhook {
			amount = amountText(date.Amount, preview.Currency)
		}
		rows = append(rows, fmt.Sprintf("%d\t%s\t%s\t%s\t%s", i+1, date.DueAt.In(zone).Format("Mon 2006-01-02 15:04 MST"),
			date.DueAt.Format("2006-01-02 15:04:05"), amount, date.Reference))
	}
	var b strings.Builder
	b.WriteString(table(rows...))
	for _, note := range preview.Notes {
		b.WriteString("note: " + note + "\n")
	}
	return b.String()
}

// zoneOrUTC is a time zone, or UTC instead of one that does not exist: others name that mistake.
func zoneOrUTC(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}
