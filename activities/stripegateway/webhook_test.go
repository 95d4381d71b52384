package stripegateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82/webhook"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/stripegateway"
)

const (
	oldSecret = "whsec_old"
	newSecret = "whsec_new"
)

// signature is Stripe-Signature for body at a time relative to now.
func signature(body, secret string, at time.Duration) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: secret, Timestamp: time.Now().Add(at)}).Header
}

// v1 is the signature inside the header, without its time.
func v1(header string) string {
	_, signature, _ := strings.Cut(header, ",")
	return signature
}

func TestParseEventChecksTheSignature(t *testing.T) {
	t.Parallel()
	const body = `{"id":"evt_1","object":"event","type":"payment_intent.succeeded","api_version":"2024-06-20","created":1760000000,"data":{"object":{"id":"pi_1","object":"payment_intent"}}}`
	both := []string{newSecret, oldSecret}
	signed := func(secret string, at time.Duration) func(string) string {
		return func(body string) string { return signature(body, secret, at) }
	}
	for _, test := range []struct {
		name string
		body string
		// header is made when the test runs: waiting for its turn would make it older.
		header  func(body string) string
		secrets []string
		want    error
	}{
		{name: "good, of a foreign API version", body: body, header: signed(newSecret, 0), secrets: both},
		{name: "still signed with the old secret", body: body, header: signed(oldSecret, 0), secrets: both},
		{name: "signed with both", body: body, header: func(body string) string {
			return signed(newSecret, 0)(body) + "," + v1(signed(oldSecret, 0)(body))
		}, secrets: []string{oldSecret}},
		{name: "almost stale", body: body, header: signed(newSecret, -270*time.Second), secrets: both},
		{name: "almost from the future", body: body, header: signed(newSecret, 270*time.Second), secrets: both},
		{name: "stale", body: body, header: signed(newSecret, -301*time.Second), secrets: both, want: stripegateway.ErrStale},
		{name: "from the future", body: body, header: signed(newSecret, 330*time.Second), secrets: both, want: stripegateway.ErrStale},
		{name: "from far in the future", body: body, header: signed(newSecret, 24*365*time.Hour), secrets: both, want: stripegateway.ErrStale},
		{name: "other secret", body: body, header: signed("whsec_other", 0), secrets: both, want: stripegateway.ErrBadSignature},
		{name: "stale and forged", body: body, header: signed("whsec_other", -time.Hour), secrets: both, want: stripegateway.ErrBadSignature},
		{name: "changed body", body: body, header: func(body string) string { return signed(newSecret, 0)(body + " ") }, secrets: both, want: stripegateway.ErrBadSignature},
		{name: "no header", body: body, header: func(string) string { return "" }, secrets: both, want: stripegateway.ErrBadSignature},
		{name: "header of something else", body: body, header: func(string) string { return "Bearer x" }, secrets: both, want: stripegateway.ErrBadSignature},
		{name: "no time", body: body, header: func(body string) string { return v1(signed(newSecret, 0)(body)) }, secrets: both, want: stripegateway.ErrBadSignature},
		{name: "no secrets", body: body, header: signed(newSecret, 0), want: stripegateway.ErrBadSignature},
		{name: "empty secret", body: body, header: signed("", 0), secrets: []string{""}, want: stripegateway.ErrBadSignature},
		{name: "not JSON", body: "hello", header: signed(newSecret, 0), secrets: both, want: stripegateway.ErrMalformed},
		{name: "not JSON and forged", body: "hello", header: signed("whsec_other", 0), secrets: both, want: stripegateway.ErrBadSignature},
		{name: "empty", body: "", header: signed(newSecret, 0), secrets: both, want: stripegateway.ErrMalformed},
		{name: "another object", body: `{"id":"pi_1","object":"payment_intent","type":"x"}`, header: signed(newSecret, 0), secrets: both, want: stripegateway.ErrMalformed},
		{name: "no type", body: `{"id":"evt_1","object":"event"}`, header: signed(newSecret, 0), secrets: both, want: stripegateway.ErrMalformed},
		{name: "no id", body: `{"object":"event","type":"x"}`, header: signed(newSecret, 0), secrets: both, want: stripegateway.ErrMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			event, err := stripegateway.ParseEvent([]byte(test.body), test.header(test.body), test.secrets)
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
				require.Zero(t, event)
				return
			}
			require.NoError(t, err)
			require.Equal(t, activities.Event{
				ID: "evt_1", Type: "payment_intent.succeeded", ObjectID: "pi_1", ObjectType: "payment_intent", Created: time.Unix(1760000000, 0).UTC(),
			}, event)
		})
	}
}

// eventBodies are data of events, and what offsession reads of each.
var eventBodies = []struct {
	kind string
	data string
	want activities.Event
}{
	{"payment_intent.succeeded",
		`"object":{"id":"pi_1","object":"payment_intent","customer":"cus_1","payment_method":"pm_1","client_secret":"pi_1_secret_hush","metadata":{"offsession_workflow_id":"payment:a-1","offsession_owner":"agreement:a"}}`,
		activities.Event{ObjectID: "pi_1", ObjectType: "payment_intent", Customer: "cus_1", WorkflowID: "payment:a-1", Owner: "agreement:a"}},
	{"checkout.session.completed",
		`"object":{"id":"cs_1","object":"checkout.session","customer":null,"payment_intent":null,"metadata":{"offsession_workflow_id":"save-payment-method:x"}}`,
		activities.Event{ObjectID: "cs_1", ObjectType: "checkout.session", WorkflowID: "save-payment-method:x"}},
	{"charge.dispute.created",
		`"object":{"id":"du_1","object":"dispute","charge":"ch_1","payment_intent":"pi_1","metadata":{}}`,
		activities.Event{ObjectID: "du_1", ObjectType: "dispute", PaymentIntent: "pi_1"}},
	{"charge.refunded",
		`"object":{"id":"ch_1","object":"charge","customer":"cus_1","payment_intent":"pi_1","payment_method":"pm_1","metadata":{"offsession_workflow_id":"payment:a-1"}}`,
		activities.Event{ObjectID: "ch_1", ObjectType: "charge", Customer: "cus_1", PaymentIntent: "pi_1", WorkflowID: "payment:a-1"}},
	{"refund.failed",
		`"object":{"id":"re_1","object":"refund","charge":"ch_1","payment_intent":"pi_1","metadata":{"offsession_workflow_id":"payment:a-1"}},"previous_attributes":{"status":"pending"}`,
		activities.Event{ObjectID: "re_1", ObjectType: "refund", PaymentIntent: "pi_1", WorkflowID: "payment:a-1"}},
	{"radar.early_fraud_warning.created",
		`"object":{"id":"issfr_1","object":"radar.early_fraud_warning","charge":"ch_1","payment_intent":"pi_1"}`,
		activities.Event{ObjectID: "issfr_1", ObjectType: "radar.early_fraud_warning", PaymentIntent: "pi_1"}},
	{"payment_method.detached",
		`"object":{"id":"pm_1","object":"payment_method","customer":null,"billing_details":{"email":"buyer@example.com"}},"previous_attributes":{"customer":"cus_1"}`,
		activities.Event{ObjectID: "pm_1", ObjectType: "payment_method", PreviousCustomer: "cus_1"}},
	{"payment_method.automatically_updated",
		`"object":{"id":"pm_1","object":"payment_method","customer":"cus_1"},"previous_attributes":{"card":{"exp_year":2026}}`,
		activities.Event{ObjectID: "pm_1", ObjectType: "payment_method", Customer: "cus_1"}},
	{"customer.updated",
		`"object":{"id":"cus_1","object":"customer","email":"buyer@example.com","metadata":{"time_zone":"Europe/Berlin"}},"previous_attributes":{"invoice_settings":{"default_payment_method":null}}`,
		activities.Event{ObjectID: "cus_1", ObjectType: "customer", Customer: "cus_1"}},
	{"customer.deleted",
		`"object":{"id":"cus_1","object":"customer"}`,
		activities.Event{ObjectID: "cus_1", ObjectType: "customer", Customer: "cus_1"}},
	{"customer.subscription.deleted",
		`"object":{"id":"sub_1","object":"subscription","customer":"cus_1","metadata":{}}`,
		activities.Event{ObjectID: "sub_1", ObjectType: "subscription", Customer: "cus_1", Subscription: "sub_1"}},
	{"invoice.payment_failed",
		`"object":{"id":"in_1","object":"invoice","customer":"cus_1","customer_email":"buyer@example.com","hosted_invoice_url":"https://invoice.example/hush","parent":{"type":"subscription_details","subscription_details":{"subscription":"sub_1","metadata":{"offsession_workflow_id":"app"}}}}`,
		activities.Event{ObjectID: "in_1", ObjectType: "invoice", Customer: "cus_1", Subscription: "sub_1"}},
	{"invoice.paid",
		`"object":{"id":"in_1","object":"invoice","customer":"cus_1","parent":{"subscription_details":{"subscription":{"id":"sub_1","object":"subscription"}}}}`,
		activities.Event{ObjectID: "in_1", ObjectType: "invoice", Customer: "cus_1", Subscription: "sub_1"}},
	{"invoice.finalized",
		`"object":{"id":"in_1","object":"invoice","customer":"cus_1","subscription":"sub_1"}`,
		activities.Event{ObjectID: "in_1", ObjectType: "invoice", Customer: "cus_1", Subscription: "sub_1"}},
	{"invoice.created",
		`"object":{"id":"in_1","object":"invoice","customer":"cus_1","parent":null,"subscription":null}`,
		activities.Event{ObjectID: "in_1", ObjectType: "invoice", Customer: "cus_1"}},
	{"invoice.updated",
		`"object":{"id":"in_1","object":"invoice","customer":"cus_1","parent":{"quote_details":{"quote":"qt_1"},"subscription_details":null}}`,
		activities.Event{ObjectID: "in_1", ObjectType: "invoice", Customer: "cus_1"}},
	{"invoice.sent",
		`"object":{"id":"in_1","object":"invoice","customer":"cus_1","parent":["sub_1"],"subscription":{"id":7}}`,
		activities.Event{ObjectID: "in_1", ObjectType: "invoice", Customer: "cus_1"}},
	{"invoice.voided",
		`"object":{"id":"in_1","object":"invoice","customer":"cus_1","parent":{"subscription_details":{"subscription":["sub_1"]}}}`,
		activities.Event{ObjectID: "in_1", ObjectType: "invoice", Customer: "cus_1"}},
	{"invoiceitem.created",
		`"object":{"id":"ii_1","object":"invoiceitem","customer":"cus_1","subscription":"sub_1","parent":{"subscription_details":{"subscription":"sub_1"}}}`,
		activities.Event{ObjectID: "ii_1", ObjectType: "invoiceitem", Customer: "cus_1"}},
	{"mandate.updated",
		`"object":{"id":"mandate_1","object":"mandate","payment_method":"pm_1","status":"inactive"},"previous_attributes":{"status":"active"}`,
		activities.Event{ObjectID: "mandate_1", ObjectType: "mandate", PaymentMethod: "pm_1"}},
	{"an.event.of.tomorrow",
		`"object":{"id":"x_1","object":"x","customer":{"id":"cus_1","object":"customer"},"metadata":{"a":{"b":1}},"payment_intent":7}`,
		activities.Event{ObjectID: "x_1", ObjectType: "x", Customer: "cus_1"}},
}

func TestParseEventReadsIDs(t *testing.T) {
	t.Parallel()
	for i, test := range eventBodies {
		t.Run(test.kind, func(t *testing.T) {
			t.Parallel()
			body := eventJSON(i)
			event, err := stripegateway.ParseEvent([]byte(body), signature(body, newSecret, 0), []string{newSecret})
			require.NoError(t, err)
			require.Equal(t, wantEvent(i), event)
		})
	}
}

// The list gives what the webhooks gave.
func TestEventsReadsIDs(t *testing.T) {
	t.Parallel()
	var list []string
	for i := range eventBodies {
		list = append(list, eventJSON(i))
	}
	queries := make(chan string, 8)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		queries <- r.URL.RawQuery
		if r.URL.Query().Get("starting_after") == "" {
			fmt.Fprintf(w, `{"object":"list","url":"/v1/events","has_more":true,"data":[%s]}`, strings.Join(list[:10], ","))
			return
		}
		fmt.Fprintf(w, `{"object":"list","url":"/v1/events","has_more":false,"data":[%s]}`, strings.Join(list[10:], ","))
	}))
	t.Cleanup(server.Close)
	g := newGateway(t, server.URL)

	var got, want []activities.Event
	for event, err := range g.Events(t.Context(), time.Unix(1760000000, 0), []string{"a.b", "c.d"}) {
		require.NoError(t, err)
		got = append(got, event)
	}
	require.Empty(t, got, "types that were not asked for")
	first := <-queries
	require.Contains(t, first, "created[gte]=1760000000")
	require.Contains(t, first, "types[0]=a.b&types[1]=c.d")
	require.Contains(t, <-queries, "starting_after=evt_9")

	for event, err := range g.Events(t.Context(), time.Unix(1760000000, 0), nil) {
		require.NoError(t, err)
		got = append(got, event)
	}
	for i := range eventBodies {
		want = append(want, wantEvent(i))
	}
	require.Equal(t, want, got)
	<-queries
	<-queries

	// Stripe accepts 20 types at most: more are sorted out here.
	many := append(make([]string, 25), "customer.updated")
	for event, err := range g.Events(t.Context(), time.Unix(1760000000, 0), many) {
		require.NoError(t, err)
		require.Equal(t, "customer.updated", event.Type)
		break // Ends the sequence without reading the second page.
	}
	require.NotContains(t, <-queries, "types")
	require.Empty(t, queries)
}

func eventJSON(i int) string {
	return fmt.Sprintf(`{"id":"evt_%d","object":"event","type":%q,"created":1760000000,"livemode":true,"data":{%s}}`, i, eventBodies[i].kind, eventBodies[i].data)
}

func wantEvent(i int) activities.Event {
	want := eventBodies[i].want
	want.ID = fmt.Sprintf("evt_%d", i)
	want.Type = eventBodies[i].kind
	want.Livemode = true
	want.Created = time.Unix(1760000000, 0).UTC()
	return want
}
