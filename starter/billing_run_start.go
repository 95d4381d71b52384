package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/money"
)

// manifestHelp says what --manifest takes.
const manifestHelp = `The manifest is CSV with a header, or JSONL, with .gz when compressed. A bare path (july.csv) becomes an absolute file:// URL;
all workers must be able to read it there.`

func newRunStart(a *app) *cobra.Command {
	var (
		p     client.RunParams
		flags runFlags
		wait  bool
		dry   bool
	)
	cmd := &cobra.Command{
		Use:   "start --manifest URL --reference R",
		Short: "Charge every row of a manifest, once",
		Long: `Starts a billing run: workers read and check the manifest, ask Stripe which references were used before, and charge the rest at
the pace. Rows that do not succeed go on as payments of their own. Repeated with the same values, the command answers the run that
exists; with other values it is refused.

` + manifestHelp + `

With --dry-run nothing is started: it lists all problems of the manifest, its totals, the rows that Stripe knows already and the time
that the rest takes at the pace. It reads the manifest from this machine, and needs STRIPE_API_KEY.

With --wait it shows the progress until the run has ended or needs a person; Ctrl-C leaves the run running. It then ends with 0 when
every row was charged, or handed over to a payment of its own that goes on with it, and with 1 otherwise.`,
		Example: `  starter run start --manifest july.csv --reference july-2026
  starter run start --manifest s3://billing/july.jsonl.gz?region=eu-central-1 --reference july-2026 --rate 15 \
      --max-total usd=5000000 --max-total eur=200000 --approve
  starter run start --manifest july.csv --reference july-2026 --dry-run
  starter run start --manifest july.csv --reference july-2026 --wait --output json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.read(cmd.Flags(), &p); err != nil {
				return err
			}
			if dry {
				if wait {
					return usagef("--dry-run: must not be given with --wait")
				}
				return a.withClientFor(config.ForRuns, func(c *client.Client) error { return a.dryRun(cmd.Context(), c, p) })
			}
			return a.withClient(func(c *client.Client) error {
				started, err := c.StartRun(cmd.Context(), p)
				if err != nil {
					return err
				}
				if wait {
					return a.waitRun(cmd.Context(), c, started, p.Reference)
				}
				return a.answerRunStart(cmd.Context(), c, p, started)
			})
		},
	}
	flags.add(cmd.Flags(), &p)
	cmd.Flags().StringVar(&p.Reference, "reference", "", "your own id of the run: 1 to 120 of A-Z a-z 0-9 . _ - (required)")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only check the manifest, ask Stripe what was charged before, and tell how long the run would take")
	cmd.Flags().BoolVar(&wait, "wait", false, "show the progress until the run has ended or needs a person")
	return cmd
}

// runFlags are the flags of a run whose text becomes a value of another type.
type runFlags struct {
	manifest, onInvalid, lookBack, policy, events, checkoutUI string
	maxTotal                                                  []string
}

// add declares the flags that describe a run, but the reference.
func (r *runFlags) add(f *pflag.FlagSet, p *client.RunParams) {
	f.StringVar(&r.manifest, "manifest", "", "the file: file:///data/july.csv, s3://bucket/july.jsonl.gz, or a path (required)")
	f.Float64Var(&p.Rate, "rate", 0, "charges per second (default three quarters of the workers' STRIPE_RATE_LIMIT, which is also the most)")
	f.IntVar(&p.PageSize, "page-size", workflows.RunPageSize, "rows that a worker takes at a time, 1 to 500")
	f.IntVar(&p.Window, "window", workflows.RunWindow, "pages at a time at most, 1 to 64")
	f.StringVar(&r.onInvalid, "on-invalid", string(workflows.OnInvalidStop), "with rows that are not allowed: stop (charge nothing) or skip (charge the others)")
	f.StringVar(&r.lookBack, "look-back", strconv.Itoa(workflows.RunLookBackDays)+"d", "how far back Stripe is asked for earlier uses of the references, 1d to 400d")
	f.Float64Var(&p.MaxDeclineRate, "max-decline-rate", workflows.RunMaxDeclineRate, "part of the rows above which the run pauses itself, above 0 and at most 1; 1 never does")
	f.StringArrayVar(&r.maxTotal, "max-total", nil,
		"CUR=AMOUNT in minor units, such as usd=5000000, before which the run pauses itself; repeatable; with a live key\nrequired for every currency in the manifest")
	f.BoolVar(&p.Concurrent, "concurrent", false, "charge beside other runs instead of after them; needs --rate")
	f.BoolVar(&p.Approve, "approve", false, "wait, after validation, for starter run approve")
	f.StringVar(&r.policy, "policy", "", "dunning policy of rows that do not succeed, a YAML or JSON file")
	f.StringVar(&r.events, "events", "", "what the app's webhook is told of those rows: exceptions or all (default exceptions)")
	f.StringVar(&p.StatementSuffix, "statement-suffix", "", "on the customers' statements after the account's prefix, at most 22 characters")
	f.StringVar(&p.TimeZone, "time-zone", "", "IANA zone of customers whose metadata has no time_zone (default OFFSESSION_TIME_ZONE)")
	f.StringVar(&r.checkoutUI, "checkout-ui", "", "custom or hosted (default OFFSESSION_CHECKOUT_UI)")
}

// read turns texts into values, and reports every one that is none. Zeros, which stand for defaults in the client, are none here.
func (r *runFlags) read(f *pflag.FlagSet, p *client.RunParams) error {
	p.OnInvalid, p.Events, p.CheckoutUI = workflows.OnInvalid(r.onInvalid), workflows.Events(r.events), activities.CheckoutUI(r.checkoutUI)
	var (
		errs []error
		err  error
	)
	p.Manifest, err = manifestURL(r.manifest)
	errs = append(errs, err)
	for _, zero := range []struct {
		flag   string
		is     bool
		should string
	}{
		{"rate", p.Rate == 0 && f.Changed("rate"), "charges per second, more than 0"},
		{"page-size", p.PageSize == 0, fmt.Sprintf("1 to %d", workflows.RunPageSizeMost)},
		{"window", p.Window == 0, fmt.Sprintf("1 to %d", workflows.RunWindowMost)},
		{"max-decline-rate", p.MaxDeclineRate == 0, "a part of the rows, above 0 and at most 1: 0.4 is 40 %"},
	} {
		if zero.is {
			errs = append(errs, usagef(`--%s: "0"; must be %s`, zero.flag, zero.should))
		}
	}
	if r.onInvalid == "" {
		errs = append(errs, usagef(`--on-invalid: ""; must be stop or skip`))
	}
	p.LookBackDays, err = parseDays("look-back", r.lookBack)
	errs = append(errs, err)
	p.MaxTotal, err = parseTotals(r.maxTotal)
	errs = append(errs, err)
	if r.policy != "" {
		policy, err := readPolicy(r.policy)
		p.Policy = &policy
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

var (
	days      = regexp.MustCompile(`^([1-9][0-9]{0,4})d$`)
	urlScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)
)

func parseDays(flag, text string) (int, error) {
	match := days.FindStringSubmatch(text)
	if match == nil {
		return 0, usagef("--%s: %q; must be days, such as 35d", flag, shorten(text))
	}
	return strconv.Atoi(match[1])
}

// parseTotals reads CUR=AMOUNT. What a currency is, the client says.
func parseTotals(pairs []string) (map[string]int64, error) {
	totals := make(map[string]int64, len(pairs))
	var errs []error
	for _, pair := range pairs {
		name, text, found := strings.Cut(pair, "=")
		name = strings.ToLower(name)
		amount, err := money.ParseAmount(text)
		if _, twice := totals[name]; !found || twice || err != nil {
			errs = append(errs, usagef("--max-total: %q; must be CUR=AMOUNT in minor units, such as usd=5000000, each currency once", shorten(pair)))
			continue
		}
		totals[name] = amount
	}
	return totals, errors.Join(errs...)
}

// manifestURL makes an absolute file:// URL of a bare path; everything else stays as it is.
func manifestURL(text string) (string, error) {
	if text == "" || urlScheme.MatchString(text) && !filepath.IsAbs(text) {
		return text, nil
	}
	path, err := filepath.Abs(text)
	if err != nil {
		return "", usagef("--manifest: %q: %w", shorten(text), err)
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	// Schedules fill in {{date}}, which a URL would escape.
	return strings.NewReplacer("%7B%7B", "{{", "%7D%7D", "}}").Replace(u.String()), nil
}

// startedRun is what start answers in JSON.
type startedRun struct {
	client.Started
	shownRun
}

func (s startedRun) text() string {
	return startedText(s.Started) + facts(
		"state", s.stateText(),
		"goes on with", s.Command,
	) + fmt.Sprintf("See starter run show %s\n", s.Reference)
}

// answerRunStart prints what was started, and where it stands if a worker says so soon.
func (a *app) answerRunStart(ctx context.Context, c runs, p client.RunParams, started client.Started) error {
	soon, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	run, err := c.Run(soon, p.Reference)
	if err != nil {
		a.note("note: started, but no worker has answered yet (%v); ask again with starter run show %s", err, p.Reference)
		run = client.Run{}
		run.Reference, run.Manifest, run.State = p.Reference, p.Manifest, workflows.RunValidating
		if started.AlreadyStarted {
			run.State = ""
		}
	}
	answer := startedRun{started, showRun(run)}
	return a.answer(answer, answer.text)
}
