package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/starter/client"
)

// app is what all commands share.
type app struct {
	stdout, stderr io.Writer
	output         string
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "starter",
		Short: "Save a customer's payment method today, charge it later",
		Long: `Starts, shows and steers the workflows of offsession, and serves its webhooks and customer pages.

Everything is configured by environment variables: STRIPE_…, TEMPORAL_…, OFFSESSION_…; see the README.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 not found, 4 refused.`,
		Example: `  starter save-card start --reference gym-17 --customer cus_123
  starter payment start --reference order-17 --customer cus_123 --amount 1099 --currency usd
  starter payment show order-17
  starter agreement start --reference gym-17 --file agreement.yaml
  starter run start --manifest july.csv --reference july-2026
  starter subscription watch sub_123`,
		Version:           config.Version(),
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see %s --help", err, cmd.CommandPath())
	})
	root.PersistentFlags().StringVar(&a.output, "output", outputText, "form of the answer: text or json")
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return a.checkOutput() }
	group(root, newSaveCard(a), newPayment(a), newAgreement(a), newRun(a), newSchedule(a), newSubscription(a),
		newServe(a), newSandbox(a), newEvents(a), newDeploy(a), newDev(a), newDemo(a))
	return root
}

// group makes cmd one that only has subcommands: without one, or with an unknown one, it is a mistake and not a page of
// help.
func group(cmd *cobra.Command, subcommands ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(subcommands...)
	cmd.Args = cobra.ArbitraryArgs
	cmd.SuggestionsMinimumDistance = 2 // letters apart
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			hint := ""
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				hint = fmt.Sprintf(", did you mean %q?", near[0])
			}
			return usagef("unknown command %q%s; see %s --help", cmd.CommandPath()+" "+args[0], hint, cmd.CommandPath())
		}
		names := make([]string, 0, len(subcommands))
		for _, sub := range subcommands {
			names = append(names, sub.Name())
		}
		return usagef("%s needs a command: %s", cmd.CommandPath(), strings.Join(names, ", "))
	}
	return cmd
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unexpected argument %q; see %s --help", args[0], cmd.CommandPath())
	}
	return nil
}

// oneReference demands exactly one argument.
func oneReference(cmd *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return usagef("%s needs a reference: %s", cmd.CommandPath(), cmd.UseLine())
	case 1:
		return nil
	}
	return usagef("unexpected argument %q; see %s --help", args[1], cmd.CommandPath())
}

// withClient runs f with a client that is made from the environment and connects when it is first used.
func (a *app) withClient(f func(*client.Client) error) error {
	return a.withClientFor(config.ForClient, f)
}

func (a *app) withClientFor(process config.Process, f func(*client.Client) error) error {
	cfg, err := config.Load(process)
	if err != nil {
		return usage(err)
	}
	c, err := client.FromConfig(cfg, cfg.Logger(a.stderr))
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}
