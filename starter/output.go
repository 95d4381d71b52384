package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/offsession/offsession/workflows/money"
)

const (
	outputText = "text"
	outputJSON = "json"
)

func (a *app) checkOutput() error {
	if a.output != outputText && a.output != outputJSON {
		return usagef("--output: %q; must be text or json", a.output)
	}
	return nil
}

// answer prints value as JSON, or what text makes of it.
func (a *app) answer(value any, text func() string) error {
	if a.output == outputJSON {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(value)
	}
	_, err := fmt.Fprintln(a.stdout, strings.TrimRight(text(), "\n"))
	return err
}

// note tells the person at the terminal something that is not part of the answer.
func (a *app) note(format string, args ...any) {
	_, _ = fmt.Fprintf(a.stderr, format+"\n", args...)
}

// table lays out rows whose cells are separated by tabs.
func table(rows ...string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(w, row)
	}
	_ = w.Flush()
	return b.String()
}

// facts lays out name and value, without the pairs that have no value.
func facts(pairs ...string) string {
	var rows []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			rows = append(rows, "  "+pairs[i]+"\t"+pairs[i+1])
		}
	}
	return table(rows...)
}

// amountText is "$10.99 (1099 usd)".
func amountText(amount int64, currency string) string {
	return fmt.Sprintf("%s (%d %s)", money.Format(amount, currency, "en"), amount, currency)
}

// timeText is a time in the customer's zone and in UTC; "" for the zero time.
func timeText(t time.Time, zone string) string {
	if t.IsZero() {
		return ""
	}
	utc := t.UTC().Format("2006-01-02 15:04:05 UTC")
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "UTC" {
		return utc
	}
	return fmt.Sprintf("%s %s (%s)", t.In(location).Format("2006-01-02 15:04:05"), zone, utc)
}
