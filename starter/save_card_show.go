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
	method := s.PaymentMethod
	if s.Last4 != "" {
		method += strings.TrimRight(fmt.Sprintf(" (%s •••• %s", strings.TrimSpace(s.Brand+" "+s.Type), s.Last4), " ")
		if s.ExpYear != 0 {
			method += ", expires " + strconv.FormatInt(s.ExpMonth, 10) + "/" + strconv.FormatInt(s.ExpYear, 10)
		}
		method += ")"
	}
	return fmt.Sprintf("Saving a payment method, %s: %s\n", s.Reference, stateText(string(s.State), s.Reason)) + facts(
		"customer", s.Customer,
		"payment method", method,
		"mandate", s.Mandate,
		"session", s.Session,
		"deadline", timeText(s.Deadline, s.TimeZone),
		"next action", timeText(s.NextActionAt, s.TimeZone),
		"link", s.Link,
		"consent text", s.ConsentVersion,
		"not delivered", strings.Join(s.Undelivered, ", "),
	) + auditText(s.Audit, s.TimeZone)
}
