package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/definition"
	"github.com/offsession/offsession/workflows/dunning"
	"github.com/offsession/offsession/workflows/money"
)

// paymentFlags are the flags whose text becomes a value of another type.
type paymentFlags struct {
	amount, due, policy, events, checkoutUI string
	metadata                                []string
}

func newPaymentStart(a *app) *cobra.Command {
	var (
		p     client.PaymentParams
		flags paymentFlags
	)
	cmd := &cobra.Command{
		Use:   "start --reference R --customer C --amount N --currency USD",
		Short: "Collect one amount from a customer, now or when it is due",
		Long: `Charges the customer's saved payment method off-session. A payment that fails is tried again by its policy, or the
customer is asked. It is never taken twice: repeated with the same values, the command answers the payment that
exists; with other values it is refused.`,
		Example: `  starter payment start --reference order-17 --customer cus_123 --amount 1099 --currency usd
  starter payment start --reference order-18 --customer cus_123 --payment-method pm_123 --amount 5000 --currency jpy \
      --due 2026-12-01T09:00:00+09:00 --policy policy.yaml --metadata order=18`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.read(&p); err != nil {
				return err
			}
			return a.withClient(func(c *client.Client) error {
				started, err := c.StartPayment(cmd.Context(), p)
				if err != nil {
					return err
				}
				if !started.AlreadyStarted && !p.Due.IsZero() && p.Due.Before(time.Now()) {
					a.note("note: --due %s is in the past: charging now", flags.due)
				}
				return a.answer(started, func() string { return startedText(started) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&p.Reference, "reference", "", "your own id of the payment: 1 to 120 of A-Z a-z 0-9 . _ - (required)")
	f.StringVar(&p.Customer, "customer", "", "Stripe customer, cus_… (required)")
	f.StringVar(&p.PaymentMethod, "payment-method", "", "saved method, pm_… (default the customer's default at each attempt)")
	f.StringVar(&flags.amount, "amount", "", "in minor units: 1099 is 10.99 USD, 1099 JPY (required)")
	f.StringVar(&p.Currency, "currency", "", "three-letter code (required)")
	f.StringVar(&flags.due, "due", "", "when to charge, RFC 3339 such as 2026-12-01T09:00:00Z (default now)")
	f.StringVar(&flags.policy, "policy", "", "dunning policy, a YAML or JSON file")
	f.StringVar(&p.Description, "description", "", "on the payment in Stripe and in messages to the customer; no personal data, Temporal's history keeps it")
	f.StringVar(&p.StatementSuffix, "statement-suffix", "", "on the customer's statement after the account's prefix, at most 22 characters")
	f.StringArrayVar(&flags.metadata, "metadata", nil, "key=value on the PaymentIntent; repeatable; no personal data, Temporal's history keeps it")
	f.StringVar(&p.TimeZone, "time-zone", "", "the customer's IANA time zone (default the customer's metadata time_zone, then OFFSESSION_TIME_ZONE)")
	f.StringVar(&flags.events, "events", "", "what the app's webhook is told: exceptions or all (default exceptions)")
	f.StringVar(&flags.checkoutUI, "checkout-ui", "", "custom or hosted (default OFFSESSION_CHECKOUT_UI)")
	return cmd
}

// read turns texts into values, and reports every one that is none.
func (f paymentFlags) read(p *client.PaymentParams) error {
	p.Events, p.CheckoutUI = workflows.Events(f.events), activities.CheckoutUI(f.checkoutUI)
	var errs []error
	amount, err := parseAmount(f.amount)
	errs = append(errs, err)
	p.Amount = amount
	p.Due, err = parseDue(f.due)
	errs = append(errs, err)
	p.Metadata, err = parseMetadata(f.metadata)
	errs = append(errs, err)
	if f.policy != "" {
		policy, err := readPolicy(f.policy)
		p.Policy = &policy
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// parseAmount reads an amount in minor units. A negative one is not a matter of form: the client says what is allowed.
func parseAmount(text string) (int64, error) {
	amount, err := money.ParseAmount(text)
	if negative, ok := strings.CutPrefix(text, "-"); ok && err != nil {
		if n, parseErr := money.ParseAmount(negative); parseErr == nil {
			return -n, nil
		}
	}
	if err != nil {
		return 0, usagef("--%w", err)
	}
	return amount, nil
}

func parseDue(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	due, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, usagef("--due: %q; must be a time in RFC 3339 with a zone, such as 2026-12-01T09:00:00Z or 2026-12-01T09:00:00+01:00", shorten(text))
	}
	return due, nil
}

func parseMetadata(pairs []string) (map[string]string, error) {
	metadata := make(map[string]string, len(pairs))
	var errs []error
	for _, pair := range pairs {
		key, value, found := strings.Cut(pair, "=")
		if _, twice := metadata[key]; !found || twice {
			errs = append(errs, usagef("--metadata: %q; must be key=value, each key once", shorten(pair)))
		}
		metadata[key] = value
	}
	return metadata, errors.Join(errs...)
}

func readPolicy(path string) (dunning.Policy, error) {
	return readDefinition("policy", path, dunning.ParsePolicy)
}

// readDefinition reads the file that a flag names.
func readDefinition[T any](flag, path string, parse func([]byte) (T, error)) (T, error) {
	var none T
	file, err := os.Open(path) //nolint:gosec // the file that the person at the terminal names
	if err != nil {
		return none, usagef("--%s: %w", flag, err)
	}
	defer func() { _ = file.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(file, definition.Limit))
	if err != nil {
		return none, usagef("--%s: %w", flag, err)
	}
	value, err := parse(data)
	if err != nil {
		return none, usagef("--%s: %s: %w", flag, path, err)
	}
	return value, nil
}

// shorten keeps a message readable when a value is very long.
func shorten(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(s[:most], ""), len(s))
}
