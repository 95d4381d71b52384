package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/starter/web"
)

const paidEvent = `{"id":"evt_1","object":"event","type":"payment_intent.succeeded","created":1700000000,"livemode":false,` +
	`"data":{"object":{"id":"pi_1","object":"payment_intent","metadata":{"offsession_workflow_id":"payment:r1"}}}}`

func (b *bundle) webhook(payload, signature string) answer {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/stripe", strings.NewReader(payload))
	if signature != "" {
		r.Header.Set("Stripe-Signature", signature)
	}
	return b.send(r)
}

func TestWebhookIsDelivered(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]string{"the new secret": webhookSecret, "the one being rolled out": oldSecret} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newWeb(t)
			b.temporal.set("payment:r1", nil)
			answer := b.webhook(paidEvent, sign(paidEvent, secret, time.Now()))
			require.Equal(t, http.StatusOK, answer.status)
			require.Len(t, b.temporal.sent(), 1)
			require.Equal(t, "evt_1", b.temporal.sent()[0].event.ID)
			require.Equal(t, "pi_1", b.temporal.sent()[0].event.ObjectID)
			require.Contains(t, b.do(http.MethodGet, "/metrics", "").body, `offsession_webhooks_total{class="way",result="delivered"} 1`)
		})
	}
}

func TestWebhookIsRefused(t *testing.T) {
	t.Parallel()
	now := time.Now()
	tampered := strings.Replace(paidEvent, "payment:r1", "payment:r2", 1)
	tooLarge := `{"id":"` + strings.Repeat("x", 2<<20) + `"}`
	for name, c := range map[string]struct {
		payload, signature string
		status             int
		result             string
	}{
		"no signature":             {paidEvent, "", http.StatusBadRequest, "refused"},
		"not a signature":          {paidEvent, "abc", http.StatusBadRequest, "refused"},
		"another secret":           {paidEvent, sign(paidEvent, "whsec_other", now), http.StatusBadRequest, "refused"},
		"another body":             {tampered, sign(paidEvent, webhookSecret, now), http.StatusBadRequest, "refused"},
		"stale":                    {paidEvent, sign(paidEvent, webhookSecret, now.Add(-6*time.Minute)), http.StatusBadRequest, "refused"},
		"from the future":          {paidEvent, sign(paidEvent, webhookSecret, now.Add(time.Hour)), http.StatusBadRequest, "refused"},
		"not JSON":                 {"payment=ok", sign("payment=ok", webhookSecret, now), http.StatusBadRequest, "refused"},
		"JSON, but not an event":   {`{"id":1}`, sign(`{"id":1}`, webhookSecret, now), http.StatusBadRequest, "refused"},
		"empty":                    {"", sign("", webhookSecret, now), http.StatusBadRequest, "refused"},
		"2 MB":                     {tooLarge, sign(tooLarge, webhookSecret, now), http.StatusRequestEntityTooLarge, "too_large"},
		"one byte more than 1 MiB": {paidEvent + strings.Repeat(" ", 1<<20+1-len(paidEvent)), "", http.StatusRequestEntityTooLarge, "too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newWeb(t)
			b.temporal.set("payment:r1", nil)
			b.temporal.set("payment:r2", nil)
			answer := b.webhook(c.payload, c.signature)
			require.Equal(t, c.status, answer.status)
			require.NotEmpty(t, answer.body)
			require.Empty(t, b.temporal.sent())
			require.Contains(t, b.do(http.MethodGet, "/metrics", "").body, `offsession_webhooks_total{class="unread",result="`+c.result+`"} 1`)
		})
	}
}

func TestWebhookOfExactlyOneMiBIsRead(t *testing.T) {
	t.Parallel()
	b := newWeb(t)
	b.temporal.set("payment:r1", nil)
	payload := paidEvent + strings.Repeat(" ", 1<<20-len(paidEvent))
	require.Equal(t, http.StatusOK, b.webhook(payload, sign(payload, webhookSecret, time.Now())).status)
	require.Len(t, b.temporal.sent(), 1)
}

func TestWebhookWithoutSecretsIsRefused(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][]string{nil, {""}} {
		b := newWeb(t, func(c *web.Config) { c.WebhookSecrets = secrets })
		b.temporal.set("payment:r1", nil)
		require.Equal(t, http.StatusBadRequest, b.webhook(paidEvent, sign(paidEvent, "", time.Now())).status)
		require.Empty(t, b.temporal.sent())
	}
}

func TestForeignWebhookIsAcceptedAndCounted(t *testing.T) {
	t.Parallel()
	b := newWeb(t)
	foreign := `{"id":"evt_9","object":"event","type":"invoice.created","data":{"object":{"id":"in_1","object":"invoice"}}}`
	require.Equal(t, http.StatusOK, b.webhook(foreign, sign(foreign, webhookSecret, time.Now())).status)
	require.Equal(t, http.StatusOK, b.webhook(paidEvent, sign(paidEvent, webhookSecret, time.Now())).status, "its workflow does not run")
	shown := b.do(http.MethodGet, "/metrics", "").body
	require.Contains(t, shown, `offsession_webhooks_total{class="foreign",result="foreign"} 1`)
	require.Contains(t, shown, `offsession_webhooks_total{class="way",result="foreign"} 1`)
}

func TestWebhookComesAgainWhenTemporalIsDown(t *testing.T) {
	t.Parallel()
	b := newWeb(t)
	b.temporal.set("payment:r1", nil)
	b.temporal.down = errDown
	answer := b.webhook(paidEvent, sign(paidEvent, webhookSecret, time.Now()))
	require.Equal(t, http.StatusServiceUnavailable, answer.status)
	require.NotEmpty(t, answer.header.Get("Retry-After"))
	require.Contains(t, b.do(http.MethodGet, "/metrics", "").body, `offsession_webhooks_total{class="way",result="unavailable"} 1`)

	b.temporal.down = nil
	require.Equal(t, http.StatusOK, b.webhook(paidEvent, sign(paidEvent, webhookSecret, time.Now())).status)
	require.Len(t, b.temporal.sent(), 1)
}

func TestWebhookIsPostOnly(t *testing.T) {
	t.Parallel()
	require.Equal(t, http.StatusMethodNotAllowed, newWeb(t).do(http.MethodGet, "/webhooks/stripe", "").status)
}
