package service

import (
	"fmt"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/amountsource"
	"github.com/offsession/offsession/internal/config"
)

// newAmountSource is nil when no app is configured to ask.
func newAmountSource(c config.Config) (activities.AmountSource, error) {
	if c.AmountWebhookURL == "" {
		return nil, nil //nolint:nilnil // the port is optional
	}
	source, err := amountsource.NewWebhook(c.AmountWebhookURL, c.AmountWebhookSecret, nil)
	if err != nil {
		return nil, fmt.Errorf("AMOUNT_WEBHOOK_URL, AMOUNT_WEBHOOK_SECRET: %w", err)
	}
	return source, nil
}
