package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// startPatience is how long start waits for a worker to show where the agreement stands; it has been started before.
const startPatience = 10 * time.Second

func newAgreementStart(a *app) *cobra.Command {
	var reference, file string
	cmd := &cobra.Command{
		Use:   "start --reference R --file F",
		Short: "Start charging a customer on every date of a schedule",
		Long: `Starts an agreement from a definition file, YAML or JSON; its schema is starter/client/agreement.schema.json, and starter agreement
preview shows its dates first. Repeated with the same values, the command answers the agreement that exists, whatever
operators have changed since; with other values it is refused.`,
		Example: `  starter agreement start --reference gym-17 --file agreement.yaml
  starter agreement start --reference gym-17 --file agreement.json --output json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef(`--file: ""; must be the definition, a YAML or JSON file`)
			}
			p, err := readDefinition("file", file, client.ParseAgreement)
			if err != nil {
				return err
			}
			p.Reference = reference
			return a.withClient(func(c *client.Client) error {
				started, err := c.StartAgreement(cmd.Context(), p)
				if err != nil {
					return err
				}
				return a.answerStart(cmd.Context(), c, p, started)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&reference, "reference", "", "your own id of the agreement: 1 to 100 of A-Z a-z 0-9 . _ - (required)")
	f.StringVar(&file, "file", "", "definition, a YAML or JSON file (required)")
	return cmd
}

// startedAgreement is what start answers in JSON.
type startedAgreement struct {
	client.Started
	shownAgreement
}

// answerStart prints what was started, and where it stands if a worker says so soon.
func (a *app) answerStart(ctx context.Context, c agreements, p client.AgreementParams, started client.Started) error {
	soon, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	agreement, err := begun(soon, c, p.Reference)
	if err != nil {
		a.note("note: started, but no worker has answered yet (%v); ask again with starter agreement show %s", err, p.Reference)
		agreement = client.Agreement{}
		agreement.Reference, agreement.Customer, agreement.PaymentMethod = p.Reference, p.Customer, p.PaymentMethod
		agreement.Amount, agreement.AmountFrom, agreement.Currency = p.Amount, p.AmountFrom, p.Currency
		if agreement.State = workflows.AgreementActive; p.SaveCard {
			agreement.State = workflows.AgreementSavingCard
		}
		if started.AlreadyStarted {
			agreement.State = ""
		}
	}
	shown := showAgreement(agreement)
	return a.answer(startedAgreement{started, shown}, func() string {
		return startedText(started) + facts(
			"state", stateText(string(shown.State), shown.Reason),
			"customer saves a method", shown.Link,
			"next charge", timeText(agreement.NextDueAt, agreement.TimeZone),
		)
	})
}

// begun asks for the agreement until it has a next date, or has asked the customer for a payment method. When that takes
// longer than ctx lasts, it answers what was seen last.
func begun(ctx context.Context, c agreements, reference string) (client.Agreement, error) {
	const pause = 100 * time.Millisecond
	seen, err := c.Agreement(ctx, reference)
	for err == nil && !hasBegun(seen) {
		select {
		case <-ctx.Done():
			return seen, nil
		case <-time.After(pause):
		}
		again, err := c.Agreement(ctx, reference)
		if err != nil {
			return seen, nil //nolint:nilerr // it answered before, and will again
		}
		seen = again
	}
	return seen, err
}

func hasBegun(s client.Agreement) bool {
	waits := s.State == workflows.AgreementActive && s.CancelAt.IsZero() || s.State == workflows.AgreementSavingCard
	return !waits || s.SavePaymentMethod != "" || !s.NextDueAt.IsZero()
}
