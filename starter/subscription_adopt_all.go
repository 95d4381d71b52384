package main

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

// adoptions says what became of the subscriptions of an account.
type adoptions struct {
	DryRun bool `json:"dry_run"`
	// Seen counts all that were listed. Each of them is in one of the other counts.
	Seen           int `json:"seen"`
	WouldAdopt     int `json:"would_adopt"`
	Adopted        int `json:"adopted"`
	WatchedAlready int `json:"watched_already"`
	NothingPending int `json:"nothing_pending"`
	SendInvoice    int `json:"send_invoice"`
	Unwatched      int `json:"unwatched"`
	Failed         int `json:"failed"`
	// Subscriptions are those that need their customer, watched already or not.
	Subscriptions []client.Adoption `json:"subscriptions"`
}

// note counts a decision.
func (s *adoptions) note(adoption client.Adoption) {
	s.Seen++
	counts := map[client.AdoptDecision]*int{
		client.AdoptWould: &s.WouldAdopt, client.Adopted: &s.Adopted, client.AdoptWatchedAlready: &s.WatchedAlready,
		client.AdoptNothingPending: &s.NothingPending, client.AdoptSendInvoice: &s.SendInvoice, client.AdoptUnwatched: &s.Unwatched,
		client.AdoptFailed: &s.Failed,
	}
	*counts[adoption.Decision]++
	if adoption.Decision != client.AdoptNothingPending && adoption.Decision != client.AdoptSendInvoice {
		s.Subscriptions = append(s.Subscriptions, adoption)
	}
}

// totals is a line.
func (s *adoptions) totals() string {
	parts := []string{}
	for _, count := range []struct {
		n    int
		what string
	}{
		{s.WouldAdopt, "would be adopted"}, {s.Adopted, "adopted"}, {s.WatchedAlready, "watched already"}, {s.NothingPending, "with nothing pending"},
		{s.SendInvoice, "with collection_method send_invoice"}, {s.Unwatched, "unwatched by somebody"}, {s.Failed, "failed"},
	} {
		if count.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count.n, count.what))
		}
	}
	text := counted(s.Seen, "subscription") + " seen"
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text
}

func (s *adoptions) text() string {
	var text string
	if len(s.Subscriptions) > 0 {
		rows := []string{"subscription\tdecision\tstatus\tpending SetupIntent\tcustomer"}
		for _, a := range s.Subscriptions {
			rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", a.Subscription, stateText(string(a.Decision), a.Code), a.Status,
				dash(withStatus(a.PendingSetupIntent, string(a.SetupIntentStatus))), a.Customer))
		}
		text = table(rows...)
	}
	text += s.totals() + "\n"
	if s.DryRun && s.WouldAdopt > 0 {
		text += "This was a dry run; start watching them with --yes\n"
	}
	return text
}

// progressEvery is how often a long run says how far it is.
const progressEvery = 10 * time.Second

func newSubscriptionAdoptAll(a *app) *cobra.Command {
	var (
		yes, dryRun bool
		p           client.AdoptAllParams
	)
	cmd := &cobra.Command{
		Use:   "adopt-all",
		Short: "Watch every subscription whose pending SetupIntent is open",
		Long: `Lists all subscriptions of the Stripe account that have not ended, and says which of them would be watched: those whose pending
SetupIntent is open, that charge automatically, and that nobody watches. With --yes it starts to watch them, with the defaults of
starter subscription watch. It can be repeated at any time: what is watched already stays as it is, and what somebody has unwatched
is left alone. One that fails does not stop the others; the command then ends with 1. Stripe does not list subscriptions on test
clocks. Needs STRIPE_API_KEY.`,
		Example: `  starter subscription adopt-all
  starter subscription adopt-all --yes --rate 5 --output json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if yes && dryRun {
				return usagef("--yes: must not be given with --dry-run")
			}
			if p.Rate == 0 {
				return usagef(`--rate: "0"; must be more than 0`)
			}
			p.Start = yes
			return a.withStripe(func(c *client.Client) error {
				return a.adoptAll(c.AdoptAll(cmd.Context(), p), !yes, progressEvery)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&yes, "yes", false, "start watching; without it nothing is changed")
	f.BoolVar(&dryRun, "dry-run", false, "only say what would be done, which is the default")
	f.Float64Var(&p.Rate, "rate", 10, "requests to Stripe per second, at most 100")
	return cmd
}

// adoptAll prints what was decided, also when the list ends too early.
func (a *app) adoptAll(list iter.Seq2[client.Adoption, error], dryRun bool, every time.Duration) error {
	done := adoptions{DryRun: dryRun, Subscriptions: []client.Adoption{}}
	said := time.Now()
	for adoption, err := range list {
		if err != nil {
			if done.Seen == 0 {
				return err
			}
			if printErr := a.answer(done, done.text); printErr != nil {
				return printErr
			}
			return fmt.Errorf("after %s: %w; repeat the command", counted(done.Seen, "subscription"), err)
		}
		done.note(adoption)
		if adoption.Err != nil {
			a.note("%s: %v", adoption.Subscription, adoption.Err)
		}
		if time.Since(said) >= every {
			said = time.Now()
			a.note("%s", done.totals())
		}
	}
	if err := a.answer(done, done.text); err != nil {
		return err
	}
	if done.Failed > 0 {
		return fmt.Errorf("%d of %d subscriptions could not be decided about; repeat the command", done.Failed, done.Seen)
	}
	return nil
}
