package web_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/link"
	"github.com/offsession/offsession/starter/web"
	"github.com/offsession/offsession/workflows"
)

const (
	publicURL     = "https://pay.example.com"
	linkSecret    = "link-secret-of-the-tests"
	webhookSecret = "whsec_new"
	oldSecret     = "whsec_old"
)

// signal is one that the fake Temporal accepted.
type signal struct {
	workflowID string
	event      workflows.StripeEvent
}

// fakeTemporal holds workflows as the statuses that they answer.
type fakeTemporal struct {
	mu       sync.Mutex
	statuses map[string]any
	rejected map[string]enumspb.WorkflowExecutionStatus
	listed   []*workflowpb.WorkflowExecutionInfo
	// down is the error of every call; signalErr that of signals to one workflow.
	down      error
	signalErr map[string]error
	// onUpdate answers open_checkout.
	onUpdate func(ctx context.Context, workflowID string, r workflows.OpenCheckoutRequest) (workflows.OpenCheckoutResponse, error)

	signals []signal
	updates []client.UpdateWorkflowOptions
	queries []string
	lists   []*workflowservice.ListWorkflowExecutionsRequest
}

func (f *fakeTemporal) SignalWorkflow(_ context.Context, workflowID, runID, name string, arg any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return f.down
	}
	if err := f.signalErr[workflowID]; err != nil {
		return err
	}
	if _, ok := f.statuses[workflowID]; !ok || runID != "" || name != workflows.SignalStripeEvent {
		return serviceerror.NewNotFound("workflow not found for ID: " + workflowID)
	}
	f.signals = append(f.signals, signal{workflowID, arg.(workflows.StripeEvent)})
	return nil
}

func (f *fakeTemporal) ListWorkflow(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return nil, f.down
	}
	f.lists = append(f.lists, r)
	return &workflowservice.ListWorkflowExecutionsResponse{Executions: f.listed}, nil
}

func (f *fakeTemporal) QueryWorkflowWithOptions(_ context.Context, r *client.QueryWorkflowWithOptionsRequest) (*client.QueryWorkflowWithOptionsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return nil, f.down
	}
	f.queries = append(f.queries, r.WorkflowID)
	if status, ok := f.rejected[r.WorkflowID]; ok && r.QueryRejectCondition == enumspb.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY {
		return &client.QueryWorkflowWithOptionsResponse{QueryRejected: &querypb.QueryRejected{Status: status}}, nil
	}
	status, ok := f.statuses[r.WorkflowID]
	if !ok || r.QueryType != workflows.QueryStatus {
		return nil, serviceerror.NewNotFound("workflow not found for ID: " + r.WorkflowID)
	}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(status)
	if err != nil {
		return nil, err
	}
	return &client.QueryWorkflowWithOptionsResponse{QueryResult: client.NewValue(payloads)}, nil
}

func (f *fakeTemporal) UpdateWorkflow(ctx context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	f.mu.Lock()
	f.updates = append(f.updates, o)
	down, answer := f.down, f.onUpdate
	f.mu.Unlock()
	if down != nil {
		return nil, down
	}
	response, err := answer(ctx, o.WorkflowID, o.Args[0].(workflows.OpenCheckoutRequest))
	return updateHandle{response, err}, nil
}

func (f *fakeTemporal) CheckHealth(context.Context, *client.CheckHealthRequest) (*client.CheckHealthResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &client.CheckHealthResponse{}, f.down
}

func (f *fakeTemporal) set(workflowID string, status any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.statuses == nil {
		f.statuses = make(map[string]any)
	}
	f.statuses[workflowID] = status
}

func (f *fakeTemporal) sent() []signal {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]signal(nil), f.signals...)
}

func (f *fakeTemporal) updateCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.updates)
}

type updateHandle struct {
	response workflows.OpenCheckoutResponse
	err      error
}

func (updateHandle) WorkflowID() string { return "" }
func (updateHandle) RunID() string      { return "" }
func (updateHandle) UpdateID() string   { return "" }
func (h updateHandle) Get(_ context.Context, to any) error {
	*to.(*workflows.OpenCheckoutResponse) = h.response
	return h.err
}

// fakeStripe answers reads.
type fakeStripe struct {
	secrets map[string]activities.CheckoutSecret
	intents map[string]activities.PaymentIntent
	methods map[string]activities.PaymentMethod
	// setups are client secrets of SetupIntents, invoices addresses of hosted pages.
	setups, invoices map[string]string
	// err is the error of every read.
	err error
}

func (f *fakeStripe) CheckoutSecret(_ context.Context, id string) (activities.CheckoutSecret, error) {
	return read(f.secrets, id, f.err)
}

func (f *fakeStripe) PaymentIntent(_ context.Context, id string) (activities.PaymentIntent, error) {
	return read(f.intents, id, f.err)
}

func (f *fakeStripe) PaymentMethod(_ context.Context, id string) (activities.PaymentMethod, error) {
	return read(f.methods, id, f.err)
}

func (f *fakeStripe) SetupIntentSecret(_ context.Context, id string) (string, error) {
	return read(f.setups, id, f.err)
}

func (f *fakeStripe) InvoiceURL(_ context.Context, id string) (string, error) {
	return read(f.invoices, id, f.err)
}

func read[T any](from map[string]T, id string, err error) (T, error) {
	v, ok := from[id]
	if err == nil && !ok {
		err = &activities.StripeError{Kind: activities.StripeMissing, HTTPStatus: http.StatusNotFound}
	}
	return v, err
}

// bundle is one web with its fakes.
type bundle struct {
	handler  http.Handler
	temporal *fakeTemporal
	stripe   *fakeStripe
	logs     *syncBuffer
}

// newWeb starts from a good configuration, which change may bend.
func newWeb(t *testing.T, change ...func(*web.Config)) *bundle {
	t.Helper()
	b := &bundle{
		temporal: &fakeTemporal{},
		stripe: &fakeStripe{
			secrets: map[string]activities.CheckoutSecret{"cs_1": {ClientSecret: "cs_1_secret_x"}},
		},
		logs: &syncBuffer{},
	}
	b.temporal.onUpdate = func(context.Context, string, workflows.OpenCheckoutRequest) (workflows.OpenCheckoutResponse, error) {
		return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, SessionID: "cs_1", State: "open"}, nil
	}
	config := web.Config{
		Temporal:       b.temporal,
		Stripe:         b.stripe,
		ParseEvent:     stripegateway.ParseEvent,
		Links:          link.NewMinter(publicURL, []string{linkSecret}),
		PublishableKey: "pk_test_1",
		WebhookSecrets: []string{webhookSecret, oldSecret},
		Logger:         slog.New(slog.NewJSONHandler(b.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registry:       prometheus.NewRegistry(),
	}
	for _, f := range change {
		f(&config)
	}
	handler, err := web.New(config)
	require.NoError(t, err)
	b.handler = handler
	return b
}

// do answers one request; a body makes it JSON.
func (b *bundle) do(method, path, body string) answer {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, reader)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return b.send(r)
}

func (b *bundle) send(r *http.Request) answer {
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return answer{status: w.Code, header: w.Result().Header, body: w.Body.String()}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// pagePath is the path of a valid link to the workflow.
func pagePath(t *testing.T, workflowID string) string {
	t.Helper()
	path, ok := strings.CutPrefix(link.NewMinter(publicURL, []string{linkSecret}).Link(workflowID, time.Now().Add(time.Hour)), publicURL)
	require.True(t, ok)
	return path
}

// sign makes the Stripe-Signature header as Stripe documents it.
func sign(payload, secret string, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), payload)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

// syncBuffer collects logs of concurrent requests.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
