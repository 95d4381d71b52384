package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newSaveCardShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show REFERENCE",
		Short:   "Show where saving a payment method stands",
		Example: "  starter save-card show gym-17 --output json",
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(func(c *client.Client) error {
				saved, err := c.SavedPaymentMethod(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.answer(showSave(saved), func() string { return savedText(saved) })
			})
		},
	}
}

func savedText(s client.SavedPaymentMethod) string {
	return fmt.Sprintf("Saving a payment method, %s: %s\n", s.Reference, stateText(string(s.State), s.Reason)) + facts(
		"customer", s.Customer,
		"payment method", methodText(s.PaymentMethod, s.Type, s.Brand, s.Last4, s.ExpMonth, s.ExpYear),
		"mandate", s.Mandate,
		"session", s.Session,
		"deadline", timeText(s.Deadline, s.TimeZone),
		"next action", timeText(s.NextActionAt, s.TimeZone),
		"link", s.Link,
		"owner", s.Owner,
		"consent text", s.ConsentVersion,
		"not delivered", strings.Join(s.Undelivered, ", "),
	) + auditText(s.Audit, s.TimeZone)
}

// methodText is "pm_1 (visa card •••• 4242, expires 12/2030)", as far as it is known.
func methodText(id, kind, brand, last4 string, expMonth, expYear int64) string {
	if last4 == "" {
		return id
	}
	text := id + strings.TrimRight(fmt.Sprintf(" (%s •••• %s", strings.TrimSpace(brand+" "+kind), last4), " ")
	if expYear != 0 {
		text += ", expires " + strconv.FormatInt(expMonth, 10) + "/" + strconv.FormatInt(expYear, 10)
	}
	return text + ")"
}
