package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

type session struct {
	Answer         string `json:"answer"`
	State          string `json:"state"`
	Mode           string `json:"mode"`
	SessionID      string `json:"session_id"`
	SetupIntent    string `json:"setup_intent"`
	ClientSecret   string `json:"client_secret"`
	URL            string `json:"url"`
	PublishableKey string `json:"publishable_key"`
	Amount         int64  `json:"amount"`
	Currency       string `json:"currency"`
}

func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	var v T
	require.NoError(t, json.Unmarshal([]byte(a.body), &v))
	return v
}

// answering makes open_checkout answer always the same.
func (b *bundle) answering(response workflows.OpenCheckoutResponse, err error) {
	b.temporal.onUpdate = func(context.Context, string, workflows.OpenCheckoutRequest) (workflows.OpenCheckoutResponse, error) {
		return response, err
	}
}

func TestButtonOpensASetup(t *testing.T) {
	t.Parallel()
	for workflowID, status := range map[string]workflows.SetupStatus{setupID: setup(workflows.SetupOpen), askedID: asked(workflows.SetupOpen)} {
		b := newWeb(t)
		b.temporal.set(workflowID, status)
		got := decode[session](t, b.do(http.MethodPost, pagePath(t, workflowID)+"/session", `{"consent_version":"2026-11-22"}`))
		require.Equal(t, session{
			Answer: "open", State: "open", Mode: "setup", SessionID: "cs_1", ClientSecret: "cs_1_secret_x", PublishableKey: "pk_test_1", Currency: "usd",
		}, got)
		require.Len(t, b.temporal.updates, 1)
		update := b.temporal.updates[0]
		require.Equal(t, workflowID, update.WorkflowID)
		require.Equal(t, workflows.UpdateOpenCheckout, update.UpdateName)
		require.Equal(t, client.WorkflowUpdateStageCompleted, update.WaitForStage)
		require.Equal(t, []any{workflows.OpenCheckoutRequest{ConsentVersion: "2026-11-22"}}, update.Args)
	}
}

func TestButtonOpensAPaymentOnStripesPage(t *testing.T) {
	t.Parallel()
	b := newWeb(t)
	b.temporal.set(paymentID, payment(workflows.PaymentAwaitingCustomer))
	b.stripe.secrets["cs_1"] = activities.CheckoutSecret{URL: "https://checkout.stripe.com/c/pay/cs_1"}
	b.answering(workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, SessionID: "cs_1", State: "awaiting_customer"}, nil)
	got := decode[session](t, b.do(http.MethodPost, pagePath(t, paymentID)+"/session", ""))
	require.Equal(t, session{
		Answer: "open", State: "awaiting_customer", Mode: "payment", SessionID: "cs_1", URL: "https://checkout.stripe.com/c/pay/cs_1",
		PublishableKey: "pk_test_1", Amount: 1099, Currency: "usd",
	}, got)
}

func TestWhatTheWorkflowAnswers(t *testing.T) {
	t.Parallel()
	refused := temporal.NewNonRetryableApplicationError("payment r1 is needs_attention: reference_conflict", workflows.RefusedError, nil)
	for name, c := range map[string]struct {
		answer workflows.CheckoutAnswer
		err    error
		status int
		want   string
	}{
		"busy":               {workflows.CheckoutBusy, nil, http.StatusOK, `"answer":"busy"`},
		"pending":            {workflows.CheckoutPending, nil, http.StatusOK, `"answer":"pending"`},
		"processing":         {workflows.CheckoutProcessing, nil, http.StatusOK, `"answer":"processing"`},
		"done":               {workflows.CheckoutDone, nil, http.StatusOK, `"answer":"done"`},
		"closed":             {workflows.CheckoutClosed, nil, http.StatusOK, `"answer":"closed"`},
		"refused":            {"", refused, http.StatusConflict, `"error":"payment r1 is needs_attention: reference_conflict"`},
		"late":               {"", client.NewWorkflowUpdateServiceTimeoutOrCanceledError(context.DeadlineExceeded), http.StatusOK, `"answer":"pending"`},
		"late in the handle": {"", context.DeadlineExceeded, http.StatusOK, `"answer":"pending"`},
		"broken":             {"", temporal.NewApplicationError("panic", "PanicError"), http.StatusServiceUnavailable, `"error":"not available`},
		"too many at once":   {"", serviceerror.NewResourceExhausted(0, "limit of in-flight updates"), http.StatusServiceUnavailable, `"error":"not available`},
		"connection went":    {"", errDown, http.StatusServiceUnavailable, `"error":"not available`},
		"between two runs":   {"", serviceerror.NewNotFound("workflow execution already completed"), http.StatusOK, `"answer":"pending"`},
		"lost in a new run":  {"", temporal.NewApplicationError("lost", "AcceptedUpdateCompletedWorkflow"), http.StatusOK, `"answer":"pending"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newWeb(t)
			b.temporal.set(paymentID, payment(workflows.PaymentAwaitingCustomer))
			b.stripe.err = errors.New("must not be asked")
			b.answering(workflows.OpenCheckoutResponse{Answer: c.answer, State: "some_state"}, c.err)
			answer := b.do(http.MethodPost, pagePath(t, paymentID)+"/session", "")
			require.Equal(t, c.status, answer.status)
			shown := answer.body
			require.Contains(t, shown, c.want)
			require.NotContains(t, shown, "session_id")
		})
	}
}

func TestWorkflowThatHasEndedIsNotAsked(t *testing.T) {
	t.Parallel()
	for _, c := range situations {
		if !c.ended {
			continue
		}
		b := newWeb(t)
		b.temporal.set(c.workflowID, c.status)
		want := "closed"
		if c.view == "done" {
			want = "done"
		}
		require.Equal(t, want, decode[session](t, b.do(http.MethodPost, pagePath(t, c.workflowID)+"/session", "")).Answer, c.name)
		require.Zero(t, b.temporal.updateCount())
	}
}

func TestWorkflowThatEndsMeanwhile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status workflows.PaymentStatus
		want   string
	}{
		{payment(workflows.PaymentPaid), "done"}, {payment(workflows.PaymentCanceled), "closed"},
		{attention(workflows.ReasonReferenceConflict), "closed"}, {attention(workflows.ReasonStripeFaults), "pending"},
	} {
		b := newWeb(t)
		b.temporal.set(paymentID, payment(workflows.PaymentAwaitingCustomer))
		b.temporal.onUpdate = func(context.Context, string, workflows.OpenCheckoutRequest) (workflows.OpenCheckoutResponse, error) {
			b.temporal.set(paymentID, c.status)
			return workflows.OpenCheckoutResponse{}, serviceerror.NewNotFound("workflow execution already completed")
		}
		got := decode[session](t, b.do(http.MethodPost, pagePath(t, paymentID)+"/session", ""))
		require.Equal(t, c.want, got.Answer)
		require.Equal(t, string(c.status.State), got.State)
	}
}

func TestUpdateIsGivenTwentyFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newWeb(t)
		b.temporal.set(paymentID, payment(workflows.PaymentAwaitingCustomer))
		b.temporal.onUpdate = func(ctx context.Context, _ string, _ workflows.OpenCheckoutRequest) (workflows.OpenCheckoutResponse, error) {
			<-ctx.Done()
			return workflows.OpenCheckoutResponse{}, ctx.Err()
		}
		start := time.Now()
		got := decode[session](t, b.do(http.MethodPost, pagePath(t, paymentID)+"/session", ""))
		require.Equal(t, "pending", got.Answer)
		require.Equal(t, 25*time.Second, time.Since(start))
	})
}

func TestSessionThatStripeCannotShow(t *testing.T) {
	t.Parallel()
	t.Run("it has just closed", func(t *testing.T) {
		t.Parallel()
		b := newWeb(t)
		b.temporal.set(setupID, setup(workflows.SetupOpen))
		b.stripe.secrets["cs_1"] = activities.CheckoutSecret{}
		got := decode[session](t, b.do(http.MethodPost, pagePath(t, setupID)+"/session", ""))
		require.Equal(t, "pending", got.Answer)
		require.Empty(t, got.SessionID)
	})
	t.Run("Stripe does not answer", func(t *testing.T) {
		t.Parallel()
		b := newWeb(t)
		b.temporal.set(setupID, setup(workflows.SetupOpen))
		b.stripe.err = &activities.StripeError{Kind: activities.StripeUnknown}
		answer := b.do(http.MethodPost, pagePath(t, setupID)+"/session", "")
		require.Equal(t, http.StatusServiceUnavailable, answer.status)
		require.NotContains(t, answer.body, "stripe")
	})
}

func TestBodiesOfTheButton(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, body string
		status     int
		says       string
	}{
		"empty":                {"", "", http.StatusOK, ""},
		"empty, as a form":     {"application/x-www-form-urlencoded", "", http.StatusOK, ""},
		"empty object":         {"application/json", "{}", http.StatusOK, ""},
		"with a charset":       {"application/json; charset=utf-8", `{"consent_version":"v1"}`, http.StatusOK, ""},
		"a form":               {"application/x-www-form-urlencoded", "consent_version=v1", http.StatusUnsupportedMediaType, "application/json"},
		"text":                 {"text/plain", "{}", http.StatusUnsupportedMediaType, "application/json"},
		"no type":              {"", "{}", http.StatusUnsupportedMediaType, "application/json"},
		"not JSON":             {"application/json", "{", http.StatusBadRequest, "body"},
		"not an object":        {"application/json", `"v1"`, http.StatusBadRequest, "body"},
		"two values":           {"application/json", "{} {}", http.StatusBadRequest, "more than one"},
		"an unknown key":       {"application/json", `{"amount":1}`, http.StatusBadRequest, "amount"},
		"a version with text":  {"application/json", `{"consent_version":"I agree"}`, http.StatusBadRequest, "consent_version"},
		"a version too long":   {"application/json", `{"consent_version":"` + strings.Repeat("1", 41) + `"}`, http.StatusBadRequest, "consent_version"},
		"a version of no type": {"application/json", `{"consent_version":7}`, http.StatusBadRequest, "consent_version"},
		"more than 4 KiB":      {"application/json", `{"consent_version":"` + strings.Repeat("1", 4<<10) + `"}`, http.StatusRequestEntityTooLarge, "4 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newWeb(t)
			b.temporal.set(setupID, setup(workflows.SetupOpen))
			r := httptest.NewRequest(http.MethodPost, pagePath(t, setupID)+"/session", strings.NewReader(c.body))
			if c.kind != "" {
				r.Header.Set("Content-Type", c.kind)
			}
			answer := b.send(r)
			require.Equal(t, c.status, answer.status)
			require.Contains(t, answer.body, c.says)
			want := 0
			if c.status == http.StatusOK {
				want = 1
			}
			require.Equal(t, want, b.temporal.updateCount())
		})
	}
}
