package service

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/notifier"
	"github.com/offsession/offsession/internal/config"
)

// webhookTimeout is how long the app may take to accept a message. It is repeated for a day.
const webhookTimeout = 10 * time.Second

// newNotifiers makes the channels that are configured; the log is always one.
func newNotifiers(c config.Config, customers activities.Customers, links activities.Links, logger *slog.Logger) ([]activities.Notifier, error) {
	notifiers := []activities.Notifier{notifier.NewLog(logger)}
	if c.SMTPURL != "" {
		smtp, err := notifier.ParseSMTPURL(c.SMTPURL)
		if err != nil {
			return nil, fmt.Errorf("SMTP_URL: %w", err)
		}
		mail, err := notifier.NewEmail(smtp, c.NotifyFrom, customers, links)
		if err != nil {
			return nil, fmt.Errorf("SMTP_URL, NOTIFY_FROM: %w", err)
		}
		notifiers = append(notifiers, mail)
	}
	if c.NotifyWebhookURL != "" {
		webhook, err := notifier.NewWebhook(c.NotifyWebhookURL, c.NotifyWebhookSecret, links, &http.Client{Timeout: webhookTimeout})
		if err != nil {
			return nil, fmt.Errorf("NOTIFY_WEBHOOK_URL, NOTIFY_WEBHOOK_SECRET: %w", err)
		}
		notifiers = append(notifiers, webhook)
	}
	return notifiers, nil
}
