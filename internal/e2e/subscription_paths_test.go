package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// subscriptionPath is how a customer gets a subscription ready.
type subscriptionPath struct {
	token   string
	pending string
	state   workflows.SubscriptionState
	need    workflows.SubscriptionNeed
	walk    func(u *subscriber, link string)
	// saves says that a new card is saved, and becomes the default.
	saves bool
}

var subscriptionPaths = map[string]subscriptionPath{
	"3ds": {
		token: setupAuthCard, pending: "requires_action", state: workflows.SubscriptionRequiresAction, need: workflows.NeedConfirmation,
		walk: func(u *subscriber, link string) {
			require.Equal(u.t, http.StatusOK, u.asksBank(link, stripesandbox.AuthenticationPassed))
		},
	},
	"3ds_failed_then_new_card": {
		token: setupAuthCard, pending: "requires_action", state: workflows.SubscriptionRequiresAction, need: workflows.NeedConfirmation,
		walk: func(u *subscriber, link string) {
			require.Equal(u.t, http.StatusPaymentRequired, u.asksBank(link, stripesandbox.AuthenticationFailed))
			require.False(u.t, u.ready())
			u.saves(link, purchase{Number: goodCard})
		},
		saves: true,
	},
	"new_card": {
		pending: "requires_payment_method", state: workflows.SubscriptionRequiresPaymentMethod, need: workflows.NeedPaymentMethod,
		walk:  func(u *subscriber, link string) { u.saves(link, purchase{Number: goodCard}) },
		saves: true,
	},
	"refused_then_new_card": {
		token: refusedCard, pending: "requires_payment_method", state: workflows.SubscriptionRequiresPaymentMethod, need: workflows.NeedPaymentMethod,
		walk: func(u *subscriber, link string) {
			session := u.press(link).SessionID
			refused := u.http(http.MethodPost, u.sandbox.URL+"/_sandbox/checkout/"+session+"/pay",
				http.Header{"Content-Type": {"application/json"}}, `{"number":"`+declinedCard+`"}`)
			require.Equal(u.t, http.StatusPaymentRequired, refused.status, refused.body)
			require.Equal(u.t, session, u.press(link).SessionID, "the same session is still open")
			u.pay(session, purchase{Number: goodCard})
		},
		saves: true,
	},
}

// TestSubscriptionPaths walks each path with webhooks as they should be, lost, doubled and shuffled: the end is the same, and
// each write was made once.
func TestSubscriptionPaths(t *testing.T) {
	t.Parallel()
	for _, behaviour := range []stripesandbox.WebhookBehaviour{
		{Mode: stripesandbox.WebhooksNormal}, {Mode: stripesandbox.WebhooksLost}, {Mode: stripesandbox.WebhooksDuplicated},
		{Mode: stripesandbox.WebhooksShuffled, WindowMS: 1500},
	} {
		t.Run(string(behaviour.Mode), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{})
			s.webhooks(behaviour)
			for name, path := range subscriptionPaths {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					u := s.with(t).onTestClock(path.token).subscribes(trial, incomplete)
					path.check(u, behaviour.Mode)
					if behaviour.Mode == stripesandbox.WebhooksNormal {
						record(t, u.workflow(), "deferred_subscription_"+name)
					}
				})
			}
		})
	}
}

func (path subscriptionPath) check(u *subscriber, mode stripesandbox.WebhookMode) {
	t := u.t
	t.Helper()
	pending := u.pending()["id"]
	require.Equal(t, path.pending, u.pending()["status"])
	u.watched()
	u.is(path.state, path.need)
	require.False(t, u.ready())

	link := u.mail(u.reference, 1)
	path.walk(u, link)
	if mode == stripesandbox.WebhooksLost {
		require.Equal(t, "done", u.press(link).Answer, "the customer comes back to the page")
	}
	shown := u.is(workflows.SubscriptionReady, "")
	require.Empty(t, shown.Link)
	require.True(t, shown.Ready)
	require.True(t, u.ready())
	require.Nil(t, u.pending())
	if path.saves {
		saved := u.atStripe()["default_payment_method"]
		require.NotNil(t, saved)
		require.NotEqual(t, u.method, saved)
		require.Equal(t, saved, shown.PaymentMethod)
	} else {
		require.Nil(t, u.atStripe()["default_payment_method"], "the customer's default is what was set up")
		require.Equal(t, u.method, shown.PaymentMethod)
	}
	require.Equal(t, "done", u.pressOnce(link).Answer)

	u.passes(invoiced)
	if mode == stripesandbox.WebhooksLost {
		u.pressOnce(link)
	}
	u.ends(workflows.SubscriptionReadyAndPaid, "")
	require.Len(t, u.paidInvoices(), 1)
	u.closed()
	u.succeededOnce(pending)
	u.wroteOnce(path.saves)
	require.Equal(t, 1, u.mails())
}

// succeededOnce checks that the pending SetupIntent is the only one that the subscription ever had, and has succeeded.
func (u *subscriber) succeededOnce(pending any) {
	u.t.Helper()
	for _, setup := range u.setupIntents() {
		require.Equal(u.t, "succeeded", setup["status"])
		if !ours(setup) {
			require.Equal(u.t, pending, setup["id"])
		}
	}
}

// wroteOnce checks what was written to Stripe: with a new card one session, one default and one confirmation; nothing else.
func (u *subscriber) wroteOnce(saves bool) {
	u.t.Helper()
	keys := map[string][]string{}
	for _, r := range u.writes() {
		if rest, ok := strings.CutPrefix(r.IdempotencyKey, u.workflow()+":"); ok {
			operation := strings.Split(rest, ":")[1]
			keys[operation] = append(keys[operation], r.IdempotencyKey)
		}
	}
	if !saves {
		require.Empty(u.t, keys)
		return
	}
	require.Len(u.t, keys, 3, "%v", keys)
	for _, operation := range []string{"open_checkout", "set_default", "confirm_setup"} {
		require.Len(u.t, keys[operation], 1, operation)
	}
}

// TestSubscriptionDefaults: where the new method becomes the default.
func TestSubscriptionDefaults(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	for name, test := range map[string]struct {
		on workflows.DefaultOn
		// own says that the subscription has one of its own, which is refused.
		own                        bool
		onSubscription, onCustomer bool
	}{
		"on the subscription":               {on: workflows.DefaultOnSubscription, onSubscription: true},
		"on the customer":                   {on: workflows.DefaultOnCustomer, onCustomer: true},
		"on the customer, it has its own":   {on: workflows.DefaultOnCustomer, own: true, onSubscription: true, onCustomer: true},
		"on the subscription that has one":  {on: workflows.DefaultOnSubscription, own: true, onSubscription: true},
		"on the subscription if not stated": {onSubscription: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := s.with(t).subscriber(refusedCard)
			fields := [][]string{trial, incomplete}
			if test.own {
				fields = append(fields, []string{"default_payment_method", u.method})
			}
			u.subscribes(fields...).watched(func(p *client.WatchSubscriptionParams) { p.DefaultOn = test.on })
			u.saves(u.link(), purchase{Number: goodCard})
			saved := u.is(workflows.SubscriptionReady, "").PaymentMethod
			require.NotEqual(t, u.method, saved)
			require.Equal(t, test.onSubscription, u.atStripe()["default_payment_method"] == saved)
			settings := u.stripe(http.MethodGet, "/v1/customers/"+u.customer, nil)["invoice_settings"].(map[string]any)
			require.Equal(t, test.onCustomer, settings["default_payment_method"] == saved)
			require.Nil(t, u.pending())
		})
	}
}

// TestSubscriptionSetupCanceled: somebody else has canceled the pending SetupIntent. Our own setup of the default counts then.
func TestSubscriptionSetupCanceled(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	for name, token := range map[string]string{"before the customer came": authCard, "without a method": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := s.with(t).onTestClock(token).subscribes(trial, incomplete).watched()
			link := u.mail(u.reference, 1)
			u.stripe(http.MethodPost, "/v1/setup_intents/"+u.pending()["id"].(string)+"/cancel", nil)
			require.False(t, u.ready())
			u.saves(link, purchase{Number: goodCard})
			u.is(workflows.SubscriptionReady, "")
			require.Equal(t, "canceled", statusOf(u.pending()), "Stripe keeps it on the subscription")
			require.True(t, u.ready())
			u.passes(invoiced)
			u.ends(workflows.SubscriptionReadyAndPaid, "")
			u.closed()
		})
	}
}

// TestSubscriptionConfirmedElsewhere: the customer is asked by the app's own page, or gets another card in Stripe's portal.
func TestSubscriptionConfirmedElsewhere(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	t.Run("the bank was asked on the app's page", func(t *testing.T) {
		t.Parallel()
		u := s.with(t).subscriber(authCard).subscribes(trial, incomplete).watched()
		u.is(workflows.SubscriptionRequiresAction, workflows.NeedConfirmation)
		u.control("/setup_intents/"+u.pending()["id"].(string)+"/authenticate", map[string]string{"result": "pass"})
		u.is(workflows.SubscriptionReady, "")
		require.Nil(t, u.pending())
	})
	t.Run("another default from elsewhere", func(t *testing.T) {
		t.Parallel()
		u := s.with(t).subscriber("").subscribes(trial, incomplete).watched()
		session := u.press(u.link()).SessionID
		method := u.attach(u.customer, visa)
		u.stripe(http.MethodPost, "/v1/customers/"+u.customer, form("invoice_settings[default_payment_method]", method))
		shown := u.is(workflows.SubscriptionReady, "")
		require.Equal(t, method, shown.PaymentMethod)
		require.Nil(t, u.pending(), "it was confirmed with that one")
		require.Equal(t, session, shown.Session)
		u.cancels()
		u.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonCanceled)
		u.closed()
	})
	t.Run("a default whose bank must be asked", func(t *testing.T) {
		t.Parallel()
		u := s.with(t).subscriber("").subscribes(trial, incomplete).watched()
		link := u.mail(u.reference, 1)
		u.stripe(http.MethodPost, "/v1/subscriptions/"+u.id, form("default_payment_method", u.attach(u.customer, authCard)))
		u.is(workflows.SubscriptionRequiresAction, workflows.NeedConfirmation)
		require.Equal(t, http.StatusOK, u.asksBank(link, stripesandbox.AuthenticationPassed))
		u.is(workflows.SubscriptionReady, "")
	})
}

// TestSubscriptionBank: a bank account is confirmed later, or not.
func TestSubscriptionBank(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{sandbox: stripesandbox.Config{AsyncDelay: time.Hour}})
	bank := []string{"payment_settings[payment_method_types][0]", "us_bank_account"}
	var waiting []*subscriber
	tokens := []string{"pm_sandbox_setup_processing", "pm_sandbox_setup_processing_fails"}
	for _, token := range tokens {
		u := s.subscriber(token).subscribes(trial, incomplete, bank)
		require.Equal(t, "processing", statusOf(u.pending()))
		u.watched().is(workflows.SubscriptionProcessing, workflows.NeedBank)
		require.False(t, u.ready())
		waiting = append(waiting, u)
	}
	require.NoError(t, s.sandbox.AdvanceClock(time.Hour))
	for i, answer := range []string{"done", "open"} {
		t.Run(tokens[i], func(t *testing.T) {
			t.Parallel()
			u := waiting[i]
			u.site = s.with(t)
			eventually(t, func() error {
				if pressed := u.pressOnce(u.minted()); pressed.Answer != answer {
					return fmt.Errorf("%w: %+v", errNotYet, pressed)
				}
				return nil
			})
			require.Equal(t, answer == "done", u.ready())
			u.cancels()
			u.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonCanceled)
			u.closed()
		})
	}
}
