package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
)

func newSandboxAudit(a *app) *cobra.Command {
	var address, reference string
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Print what was really paid in a running sandbox; fail if anything was paid twice",
		Long: `Reads the ledger of a running sandbox: per reference what was tried, taken and refunded, with times and idempotency keys;
sums by currency; POSTs without a key and keys reused with other parameters; requests per second.

Exit code 1 if a reference was paid more than once and not refunded, or no sandbox answers; 3 if the reference is unknown.`,
		Example: `  starter sandbox audit
  starter sandbox audit --reference order-17
  starter sandbox audit --url http://127.0.0.1:12111 --output json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !isWebURL(address) {
				return usagef("--url: %q; must be an absolute http:// or https:// address", shorten(address))
			}
			return a.audit(cmd.Context(), strings.TrimSuffix(address, "/"), reference)
		},
	}
	f := cmd.Flags()
	f.StringVar(&address, "url", "http://"+defaultSandboxListen, "where the sandbox listens")
	f.StringVar(&reference, "reference", "", "only this payment, with every attempt")
	return cmd
}

func (a *app) audit(ctx context.Context, address, reference string) error {
	ledger, err := readLedger(ctx, address, reference)
	if err != nil {
		return err
	}
	if reference != "" && len(ledger.References) == 0 {
		return fmt.Errorf("reference %q: %w", shorten(reference), client.ErrNotFound)
	}
	if err := a.answer(ledger, func() string { return ledgerText(ledger, reference) }); err != nil {
		return err
	}
	if twice := ledger.PaidMoreThanOnce; len(twice) > 0 {
		return fmt.Errorf("paid more than once: %s", few(twice, 10))
	}
	return nil
}

// ledgerTimeout leaves room for the ledger of a million payments.
const ledgerTimeout = 2 * time.Minute

func readLedger(ctx context.Context, address, reference string) (stripesandbox.Ledger, error) {
	var ledger stripesandbox.Ledger
	ctx, cancel := context.WithTimeout(ctx, ledgerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/_sandbox/ledger?reference="+url.QueryEscape(reference), http.NoBody)
	if err != nil {
		return ledger, usagef("--url: %q: %w", shorten(address), err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err // without the address, which is said already
		}
		return ledger, fmt.Errorf("no sandbox answers at %s: %w; start one with starter sandbox, or name its address with --url", address, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/json" {
		return ledger, fmt.Errorf("what answers at %s is no sandbox: status %d, %s", address, res.StatusCode, cmp.Or(res.Header.Get("Content-Type"), "no content type"))
	}
	if err := json.NewDecoder(res.Body).Decode(&ledger); err != nil {
		return ledger, fmt.Errorf("read the ledger from %s: %w", address, err)
	}
	if ledger.References == nil {
		return ledger, fmt.Errorf("what answers at %s is no sandbox: there is no ledger in its answer", address)
	}
	return ledger, nil
}

// maxAuditRows bounds the table of references for people; JSON has all.
const maxAuditRows = 50

func ledgerText(l stripesandbox.Ledger, reference string) string {
	paid := 0
	for _, ref := range l.References {
		if ref.NetSuccesses > 0 {
			paid++
		}
	}
	text := "Ledger\n" + facts(
		"references", fmt.Sprintf("%d, of them %d paid", len(l.References), paid),
		"paid more than once", cmp.Or(few(l.PaidMoreThanOnce, 10), "none"),
		"taken", sumText(l.Currencies, func(s stripesandbox.LedgerSum) int64 { return s.Taken }),
		"refunded", sumText(l.Currencies, func(s stripesandbox.LedgerSum) int64 { return s.Refunded }),
		"paid without a reference", strconv.Itoa(l.PaidWithoutReference),
		"POSTs without a key", strconv.Itoa(l.PostsWithoutKey),
		"keys reused", cmp.Or(few(l.KeysReused, 10), "none"),
		"requests", fmt.Sprintf("%d; at most %d in a second, %g on average", l.Requests.Total, l.Requests.MaxPerSecond, l.Requests.MeanPerSecond),
	)
	if len(l.References) > 0 {
		text += "\n" + referencesText(l)
	}
	if ref := l.References[reference]; ref != nil {
		return text + "\n" + attemptsText(ref)
	}
	rows := []string{"requests\tendpoint"}
	endpoints := l.Requests.ByEndpoint
	for _, name := range slices.SortedFunc(maps.Keys(endpoints), func(a, b string) int {
		return cmp.Or(endpoints[b]-endpoints[a], strings.Compare(a, b))
	}) {
		rows = append(rows, fmt.Sprintf("%d\t%s", endpoints[name], name))
	}
	return text + "\n" + table(rows...)
}

// referencesText lists the references, those that were paid most often first.
func referencesText(l stripesandbox.Ledger) string {
	names := slices.SortedFunc(maps.Keys(l.References), func(a, b string) int {
		return cmp.Or(max(l.References[b].NetSuccesses, 1)-max(l.References[a].NetSuccesses, 1), strings.Compare(a, b))
	})
	rows := []string{"reference\tpaid\tattempts\ttaken\trefunded"}
	for _, name := range names[:min(len(names), maxAuditRows)] {
		ref := l.References[name]
		sums := make(map[string]stripesandbox.LedgerSum)
		for _, s := range ref.Successes {
			sum := sums[s.Currency]
			sums[s.Currency] = stripesandbox.LedgerSum{Taken: sum.Taken + s.Amount, Refunded: sum.Refunded + s.Refunded}
		}
		rows = append(rows, fmt.Sprintf("%s\t%d\t%d\t%s\t%s", name, ref.NetSuccesses, len(ref.Attempts),
			sumText(sums, func(s stripesandbox.LedgerSum) int64 { return s.Taken }), sumText(sums, func(s stripesandbox.LedgerSum) int64 { return s.Refunded })))
	}
	text := table(rows...)
	if more := len(names) - maxAuditRows; more > 0 {
		text += fmt.Sprintf("and %d more: --output json has all, --reference one\n", more)
	}
	return text
}

// attemptsText tells one payment's story.
func attemptsText(ref *stripesandbox.LedgerReference) string {
	rows := []string{"attempt at\toutcome\tcode\tpayment intent\tkey"}
	for _, at := range ref.Attempts {
		key := cmp.Or(at.IdempotencyKey, "-")
		if at.Checkout {
			key = "by the buyer"
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", timeText(at.At, ""), at.Outcome, dash(cmp.Or(at.DeclineCode, at.Code)), at.PaymentIntent, key))
	}
	text := table(rows...)
	if len(ref.Refunds) == 0 {
		return text
	}
	rows = []string{"refund at\tstatus\tamount\trefund\tkey"}
	for _, r := range ref.Refunds {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", timeText(r.At, ""), r.Status, amountText(r.Amount, r.Currency), r.Refund, dash(r.IdempotencyKey)))
	}
	return text + "\n" + table(rows...)
}

func sumText(sums map[string]stripesandbox.LedgerSum, of func(stripesandbox.LedgerSum) int64) string {
	var amounts []string
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		if amount := of(sums[currency]); amount != 0 {
			amounts = append(amounts, amountText(amount, currency))
		}
	}
	return cmp.Or(strings.Join(amounts, ", "), "nothing")
}

// few names the first of many.
func few(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}
