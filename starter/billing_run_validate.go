package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newRunValidate(a *app) *cobra.Command {
	var manifest string
	cmd := &cobra.Command{
		Use:   "validate --manifest URL",
		Short: "Check a manifest: list everything that is wrong with it",
		Long: `Reads a manifest as a run would, and prints every problem with line, column, value and rule, the totals by currency, and the
fingerprint that starter run approve takes. It writes nothing and asks neither Temporal nor Stripe; starter run start --dry-run also
asks Stripe which rows were charged before.

` + manifestHelp + `

Exit code 1 when there are problems, 2 when there is no such file, or none that can be read.`,
		Example: `  starter run validate --manifest july.csv
  starter run validate --manifest s3://billing/july.jsonl.gz?region=eu-central-1 --output json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			address, err := manifestURL(manifest)
			if err != nil {
				return err
			}
			return a.withClient(func(c *client.Client) error {
				list := newProblemList(a)
				defer list.progress.clear()
				summary, err := c.ValidateManifest(cmd.Context(), address, list.watch())
				if _, invalid := errors.AsType[*client.InvalidError](err); err != nil && (!invalid || list.count == 0) {
					return err
				}
				checked := checkedAs(address, summary, list.count)
				return list.end(checked, func() string { return checked.text() })
			})
		},
	}
	cmd.Flags().StringVar(&manifest, "manifest", "", "the file: file:///data/july.csv, s3://bucket/july.jsonl.gz, or a path (required)")
	return cmd
}
