package web

import (
	"context"
	"io"
	"net/http"
	"time"
)

const (
	// largestWebhook is far above what Stripe sends.
	largestWebhook = 1 << 20
	// webhookTimeout ends before Stripe gives up on an answer and tries again.
	webhookTimeout = 15 * time.Second
	// classUnread is the class, in metrics, of what could not be read.
	classUnread = "unread"
)

// receiveWebhook answers 200 only when Temporal has every signal, or when the event concerns nothing here. Stripe sends
// an event again, for up to three days, after any other answer. https://docs.stripe.com/webhooks
func (s *server) receiveWebhook(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), webhookTimeout)
	defer cancel()

	answer := func(status int, result, class, text string) {
		s.metrics.webhooks.WithLabelValues(result, class).Inc()
		writeText(w, status, text)
	}
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestWebhook))
	if isTooLarge(err) {
		answer(http.StatusRequestEntityTooLarge, "too_large", classUnread, "the body is larger than 1 MiB")
		return
	}
	if err != nil {
		answer(http.StatusBadRequest, "broken", classUnread, "the body could not be read")
		return
	}
	event, err := s.config.ParseEvent(payload, r.Header.Get("Stripe-Signature"), s.config.WebhookSecrets)
	if err != nil {
		s.log.WarnContext(ctx, "webhook refused", "error", err)
		answer(http.StatusBadRequest, "refused", classUnread, "not a Stripe event with a valid, fresh signature")
		return
	}

	class := classOf(event.Type)
	delivered, err := s.router.Route(ctx, event)
	log := s.log.With("event_id", event.ID, "event_type", event.Type, "delivered", delivered)
	switch {
	case err != nil:
		log.WarnContext(ctx, "webhook not delivered, Stripe will send it again", "error", err)
		w.Header().Set("Retry-After", "30")
		answer(http.StatusServiceUnavailable, "unavailable", string(class), "not delivered, send it again")
	case delivered == 0:
		log.DebugContext(ctx, "webhook concerns nothing here")
		answer(http.StatusOK, "foreign", string(class), "concerns nothing here")
	default:
		log.InfoContext(ctx, "webhook delivered")
		answer(http.StatusOK, "delivered", string(class), "delivered")
	}
}
