package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/link"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
	"github.com/offsession/offsession/starter/web"
	"github.com/offsession/offsession/workflows"
)

// shop is the sandbox, the web, and in Temporal's place one workflow that acts like ours towards a customer.
type shop struct {
	t       *testing.T
	bundle  *bundle
	gateway *stripegateway.Gateway
	minter  *link.Minter
	sandbox string
	// look lets the workflow look at Stripe, as after a webhook; pressed is true when its customer makes it look.
	look func(ctx context.Context, pressed bool) (done bool)

	mu         sync.Mutex
	workflowID string
	ui         activities.CheckoutUI
	session    string
	pressed    int
	version    string
	busy       bool
	// webhooksAreLost: only a press makes the workflow look at Stripe.
	webhooksAreLost bool
}

func newShop(t *testing.T, change func(*web.Config)) *shop {
	t.Helper()
	sandbox, err := stripesandbox.Start(t.Context(), "127.0.0.1:0", stripesandbox.Config{Middleware: sandboxtest.Check(t)})
	require.NoError(t, err)
	t.Cleanup(sandbox.Close)
	gateway, err := stripegateway.New(stripegateway.Config{APIKey: stripesandbox.DefaultAPIKey, APIBase: sandbox.URL})
	require.NoError(t, err)

	s := &shop{t: t, gateway: gateway, sandbox: sandbox.URL}
	s.look = s.lookAtStripe
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.look(r.Context(), false)
		s.bundle.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.minter = link.NewMinter(server.URL, []string{linkSecret})
	s.bundle = newWeb(t, func(c *web.Config) {
		c.Stripe, c.Links = gateway, s.minter
		c.PublishableKey = stripesandbox.PublishableKey
		c.StripeJSURL, c.StripeAPIOrigin = sandbox.URL+"/basil/stripe.js", sandbox.URL
		if change != nil {
			change(c)
		}
	})
	s.bundle.temporal.onUpdate = s.press
	return s
}

func (s *shop) link(workflowID string) string {
	return s.minter.Link(workflowID, time.Now().Add(time.Hour))
}

func (s *shop) setup(ui activities.CheckoutUI) {
	s.workflowID, s.ui = setupID, ui
	s.bundle.temporal.set(setupID, setup(workflows.SetupOpen))
}

func (s *shop) payment(ui activities.CheckoutUI) {
	s.workflowID, s.ui = paymentID, ui
	s.bundle.temporal.set(paymentID, payment(workflows.PaymentAwaitingCustomer))
}

func (s *shop) charging(busy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = busy
	state := workflows.PaymentAwaitingCustomer
	if busy {
		state = workflows.PaymentCharging
	}
	s.bundle.temporal.set(paymentID, payment(state))
}

// unavailable makes Temporal refuse the next presses.
func (s *shop) unavailable(presses int) {
	s.bundle.temporal.onUpdate = func(ctx context.Context, id string, r workflows.OpenCheckoutRequest) (workflows.OpenCheckoutResponse, error) {
		if s.bundle.temporal.updateCount() <= presses {
			return workflows.OpenCheckoutResponse{}, errDown
		}
		return s.press(ctx, id, r)
	}
}

// press is open_checkout.
func (s *shop) press(ctx context.Context, _ string, r workflows.OpenCheckoutRequest) (workflows.OpenCheckoutResponse, error) {
	s.mu.Lock()
	s.pressed++
	s.version = r.ConsentVersion
	busy := s.busy
	s.mu.Unlock()
	if busy {
		return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutBusy, State: "charging"}, nil
	}
	if s.lookAtStripe(ctx, true) {
		return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutDone, State: "paid"}, nil
	}
	id, err := s.openSession(ctx)
	return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, SessionID: id, State: "awaiting_customer"}, err
}

// openSession answers the open session, making one when there is none.
func (s *shop) openSession(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != "" {
		cs, err := s.gateway.CheckoutSession(ctx, s.session)
		if err != nil || cs.Status == activities.CheckoutOpen {
			return s.session, err
		}
	}
	request := activities.CreateCheckoutSessionRequest{
		Mode: activities.CheckoutModeSetup, UI: s.ui, Currency: "usd", PaymentMethodTypes: []string{"card"},
		ReturnURL: s.link(s.workflowID) + "/return", IdempotencyKey: "open:" + s.session,
	}
	if s.workflowID == paymentID {
		customer, err := s.gateway.CreateCustomer(ctx, nil, "customer")
		if err != nil {
			return "", err
		}
		request.Mode, request.Customer, request.Amount, request.Description = activities.CheckoutModePayment, customer, 1099, "Gym, March"
		request.ExpiresAt = time.Now().Add(35 * time.Minute)
	}
	cs, err := s.gateway.CreateCheckoutSession(ctx, request)
	s.session = cs.ID
	return cs.ID, err
}

// lookAtStripe reads the session as a workflow does when it is told to, and reports whether all is done.
func (s *shop) lookAtStripe(ctx context.Context, pressed bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == "" || (s.webhooksAreLost && !pressed) {
		return false
	}
	cs, err := s.gateway.CheckoutSession(ctx, s.session)
	if err != nil || cs.Status != activities.CheckoutComplete {
		return false
	}
	if s.workflowID == paymentID {
		s.bundle.temporal.set(paymentID, payment(workflows.PaymentPaid))
	} else {
		s.bundle.temporal.set(setupID, saved())
	}
	return true
}

func (s *shop) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.gateway.ExpireCheckoutSession(s.t.Context(), s.session, "expire")
	require.NoError(s.t, err)
}

func (s *shop) presses() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pressed
}

func (s *shop) consent() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}
