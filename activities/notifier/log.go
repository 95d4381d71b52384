package notifier

import (
	"context"
	"log/slog"

	"github.com/offsession/offsession/activities"
)

// Log writes every notification to the log: kind, ids, state and amount, never the link, the address or the
// description.
type Log struct {
	logger *slog.Logger
}

// NewLog writes to logger at level info.
func NewLog(logger *slog.Logger) *Log { return &Log{logger: logger} }

// Channel is "log".
func (l *Log) Channel() string { return "log" }

// Deliver writes one line; a repeat writes it again. It never fails.
func (l *Log) Deliver(ctx context.Context, n activities.Notification) error {
	attrs := []slog.Attr{
		slog.String("notification_id", n.ID),
		slog.String("kind", string(n.Kind)),
		slog.String("workflow_id", n.WorkflowID),
		slog.String("state", n.State),
	}
	for _, optional := range []struct{ key, value string }{
		{"customer", n.Customer},
		{"payment_intent", n.PaymentIntent},
		{"payment_method", n.PaymentMethod},
		{"owner", n.Owner},
		{"decline_code", n.DeclineCode},
		{"reason", n.Reason},
	} {
		if optional.value != "" {
			attrs = append(attrs, slog.String(optional.key, optional.value))
		}
	}
	if n.Amount != 0 {
		attrs = append(attrs, slog.Int64("amount", n.Amount), slog.String("currency", n.Currency))
	}
	if n.Attempt != 0 {
		attrs = append(attrs, slog.Int("attempt", n.Attempt))
	}
	if !n.DueAt.IsZero() {
		attrs = append(attrs, slog.Time("due_at", n.DueAt))
	}
	if !n.NextAttemptAt.IsZero() {
		attrs = append(attrs, slog.Time("next_attempt_at", n.NextAttemptAt))
	}
	if !n.Deadline.IsZero() {
		attrs = append(attrs, slog.Time("deadline", n.Deadline))
	}
	if !n.TrialEnd.IsZero() {
		attrs = append(attrs, slog.Time("trial_end", n.TrialEnd))
	}
	if n.Reminder {
		attrs = append(attrs, slog.Bool("reminder", true))
	}
	l.logger.LogAttrs(ctx, slog.LevelInfo, "notification", attrs...)
	return nil
}
