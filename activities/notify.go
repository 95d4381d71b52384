package activities

import (
	"context"
	"errors"
	"slices"
	"strings"

	"go.temporal.io/sdk/activity"
)

// Notify delivers a notification over every channel. A repeat skips the channels that have taken it, as far as the
// heartbeat tells; each delivery carries the notification's stable id, so that a receiver recognises a repetition.
// Errors: ErrorUndelivered is retried; ErrorUndeliverable is final, when what failed cannot be mended by trying again.
func (n *Notifications) Notify(ctx context.Context, in Notification) error {
	var settled []string
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &settled); err != nil {
			settled = nil
		}
	}
	var failed []string
	final := ""
	for _, ch := range n.ports.Notifiers {
		name := ch.Channel()
		if slices.Contains(settled, name) {
			continue
		}
		err := ch.Deliver(ctx, in)
		var lost *UndeliverableError
		switch {
		case err == nil:
			settled = append(settled, name)
		case errors.As(err, &lost):
			final = name + ": " + lost.Reason
		default:
			activity.GetLogger(ctx).Warn("notification not delivered", "channel", name, "kind", in.Kind, "notification_id", in.ID, "error", err)
			failed = append(failed, name)
		}
	}
	if len(failed) > 0 {
		activity.RecordHeartbeat(ctx, settled)
		return undelivered(strings.Join(failed, ", "))
	}
	if final != "" {
		return undeliverable(final)
	}
	return nil
}
