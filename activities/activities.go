package activities

import (
	"time"

	"go.temporal.io/sdk/worker"
)

// Ports are the adapters that the activities work through.
type Ports struct {
	PaymentIntents   PaymentIntents
	CheckoutSessions CheckoutSessions
	SetupIntents     SetupIntents
	PaymentMethods   PaymentMethods
	Customers        Customers
	Refunds          Refunds
	Disputes         Disputes
	Mandates         Mandates
	Subscriptions    Subscriptions
	Invoices         Invoices
	Links            Links
	Notifiers        []Notifier
	// Workflows reaches offsession's other workflows.
	Workflows Workflows
	// Amounts asks the app what to charge; nil when no app is configured.
	Amounts AmountSource
	// RunFiles keeps the files of billing runs.
	RunFiles RunFiles
	// AccountPaymentIntents is for the look-back of billing runs.
	AccountPaymentIntents AccountPaymentIntents
	// RunRateLimit is what all billing runs together may send, in writes per second. Live says that real money moves.
	RunRateLimit float64
	Live         bool
	// ReturnURL is where Stripe sends a customer back when no link can be minted; may be empty.
	ReturnURL string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Activities holds every activity, grouped by what they act on.
type Activities struct {
	Payments      *Payments
	Checkouts     *Checkouts
	Setups        *Setups
	Notifications *Notifications
	Handovers     *Handovers
	Amounts       *Amounts
	Subscriptions *DeferredSubscriptions
	Runs          *BillingRuns
}

// Payments are the activities around PaymentIntents.
type Payments struct{ ports Ports }

// Checkouts are the activities around Checkout Sessions of either mode.
type Checkouts struct{ ports Ports }

// Setups are the activities around SetupIntents and saved payment methods.
type Setups struct{ ports Ports }

// Notifications are the activities that tell customers and the app.
type Notifications struct{ ports Ports }

// DeferredSubscriptions are the activities around Stripe's subscriptions.
type DeferredSubscriptions struct{ ports Ports }

// New wires the activities to their ports.
func New(ports Ports) *Activities {
	if ports.Now == nil {
		ports.Now = time.Now
	}
	return &Activities{
		Payments:      &Payments{ports},
		Checkouts:     &Checkouts{ports},
		Setups:        &Setups{ports},
		Notifications: &Notifications{ports},
		Handovers:     &Handovers{ports},
		Amounts:       &Amounts{ports},
		Subscriptions: &DeferredSubscriptions{ports},
		Runs:          &BillingRuns{ports: ports, limits: newPageLimits()},
	}
}

// RegisterMain registers what customers and operators wait for: everything but automatic charge attempts.
func (a *Activities) RegisterMain(r worker.ActivityRegistry) {
	r.RegisterActivity(a.Payments.LookUpPayment)
	r.RegisterActivity(a.Payments.CloseWay)
	r.RegisterActivity(a.Payments.ReadWays)
	r.RegisterActivity(a.Payments.RefundDuplicate)
	r.RegisterActivity(a.Payments.ReadChosenMethod)
	r.RegisterActivity(a.Checkouts.OpenCheckoutSession)
	r.RegisterActivity(a.Setups.ReadSetup)
	r.RegisterActivity(a.Setups.AttachPaymentMethod)
	r.RegisterActivity(a.Setups.CreateCustomer)
	r.RegisterActivity(a.Setups.SetDefaultPaymentMethod)
	r.RegisterActivity(a.Setups.CloseSetup)
	r.RegisterActivity(a.Notifications.Notify)
	r.RegisterActivity(a.Handovers.TellPaymentEnded)
	r.RegisterActivity(a.Handovers.TellPaymentMethodSaved)
	r.RegisterActivity(a.Handovers.ReadOwned)
	r.RegisterActivity(a.Handovers.Instruct)
	r.RegisterActivity(a.Handovers.StartRun)
	r.RegisterActivity(a.Payments.ReadDispute)
	r.RegisterActivity(a.Payments.LookBackOwner)
	r.RegisterActivity(a.Setups.ReadMandate)
	r.RegisterActivity(a.Amounts.RequestAmount)
	r.RegisterActivity(a.Subscriptions.ReadSubscription)
	r.RegisterActivity(a.Subscriptions.SetSubscriptionDefault)
	r.RegisterActivity(a.Subscriptions.ConfirmSetup)
	r.RegisterActivity(a.Subscriptions.CancelSetup)
	r.RegisterActivity(a.Subscriptions.ReadSetupMethod)
	r.RegisterActivity(a.Runs.ValidateManifest)
	r.RegisterActivity(a.Runs.LookBackRun)
	r.RegisterActivity(a.Runs.ReadRunPages)
	r.RegisterActivity(a.Runs.WriteRunReport)
	r.RegisterActivity(a.Runs.TakeTurn)
}

// RegisterStripeWrites registers the automatic charge attempts and the pages of billing runs, which run on the rate-limited queue.
func (a *Activities) RegisterStripeWrites(r worker.ActivityRegistry) {
	r.RegisterActivity(a.Payments.Charge)
	r.RegisterActivity(a.Runs.ChargePage)
}
