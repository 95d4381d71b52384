package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

// WatchSubscriptionParams describes one subscription to watch. Subscription is required.
type WatchSubscriptionParams struct {
	// Subscription is its id, sub_….
	Subscription string
	// DefaultOn is where a new payment method becomes the default. Defaults to the subscription.
	DefaultOn workflows.DefaultOn
	// PaymentMethodTypes are Stripe's names of what the customer may save. Defaults to card.
	PaymentMethodTypes []string
	// Description says what the subscription is, in messages and on the page. At most 1000 characters, without personal data:
	// Temporal's history keeps it.
	Description string
	// TimeZone is the customer's IANA zone. Defaults to metadata time_zone of the Stripe customer, then Options.TimeZone.
	TimeZone string
	// CheckoutUI is how the customer sees Checkout. Defaults to Options.CheckoutUI.
	CheckoutUI activities.CheckoutUI
	// Policy says when the customer is reminded. Defaults to dunning.DefaultSubscriptionPolicy.
	Policy *dunning.SubscriptionPolicy
}

// WatchedSubscription is the workflow that WatchSubscription led to, and how its customer can act.
type WatchedSubscription struct {
	Started
	// Link is the customer's durable link; empty without links. It says so when there is nothing to do.
	Link string `json:"link"`
}

// linkFor is how long a link is valid that a watch begins with, counted as those of its messages are: from the end of the trial
// or of the period, whichever comes later.
const linkFor = 60 * 24 * time.Hour

// WatchSubscription watches a subscription that the app has made, until its first invoice above zero is paid. It changes
// nothing in Stripe by itself. While the watch goes on, a repeat with the same values answers it, and one with others is
// refused; when an earlier watch has ended, another one begins. It returns when Temporal has the watch.
//
// It needs Options.Stripe, and is refused for a subscription that has ended, that sends invoices instead of charging, or
// whose customer was deleted. The error is an InvalidError when Stripe does not know the subscription under its key.
//
// Values left out are resolved now and frozen, as in StartPayment.
func (c *Client) WatchSubscription(ctx context.Context, p WatchSubscriptionParams) (WatchedSubscription, error) {
	in, err := c.watchInput(p)
	if err != nil {
		return WatchedSubscription{}, err
	}
	if c.options.Stripe == nil {
		return WatchedSubscription{}, withoutStripeRefused(in.Reference, "watched: only Stripe knows its customer")
	}
	sub, err := c.options.Stripe.Subscription(ctx, in.Reference)
	missing := activities.IsStripeError(err, activities.StripeMissing)
	if err != nil && !missing {
		return WatchedSubscription{}, fmt.Errorf("look up %s: %w", in.Reference, err)
	}
	in.Customer = sub.Customer
	if refused := whyNotWatched(in.Reference, sub, missing); refused != nil {
		// What became of the subscription since does not make a repeat another watch.
		if s, found, err := c.openWatch(ctx, in); found {
			return c.watched(s, sub), err
		}
		return WatchedSubscription{}, refused
	}
	if in.TimeZone, err = c.zoneFor(ctx, in.TimeZone, in.Customer); err != nil {
		return WatchedSubscription{}, err
	}
	started, err := c.startWatch(ctx, in)
	if err != nil {
		return WatchedSubscription{}, err
	}
	return c.watched(started, sub), nil
}

func (c *Client) watched(s Started, sub activities.Subscription) WatchedSubscription {
	from := time.Now()
	for _, end := range []time.Time{sub.TrialEnd, sub.PeriodEnd} {
		if end.After(from) {
			from = end
		}
	}
	return WatchedSubscription{Started: s, Link: c.link(s.WorkflowID, from.Add(linkFor))}
}

// whyNotWatched says why a subscription, or one that is missing in Stripe, is not watched; nil when it can be.
func whyNotWatched(id string, sub activities.Subscription, missing bool) error {
	switch {
	case missing:
		var i invalid
		i.add("subscription", id, "Stripe has no such subscription under this key")
		return i.result()
	case sub.Status.Ended():
		return &RefusedError{Message: fmt.Sprintf("%s has ended (%s): there is nothing to watch", id, sub.Status)}
	case sub.SendInvoice:
		return &RefusedError{Message: fmt.Sprintf("%s has collection_method send_invoice: Stripe charges no payment method for it", id)}
	case sub.CustomerDeleted:
		return &RefusedError{Message: fmt.Sprintf("the customer of %s, %s, was deleted in Stripe", id, sub.Customer)}
	}
	return nil
}

// withoutStripeRefused refuses what a client without Options.Stripe cannot do.
func withoutStripeRefused(subscription, what string) error {
	return &RefusedError{Message: fmt.Sprintf("%s cannot be %s, and this client has no Stripe; set STRIPE_API_KEY, or Options.Stripe", subscription, what)}
}

// zoneFor is the time zone given, else the customer's own, else ours. A customer who was deleted at this moment has none.
func (c *Client) zoneFor(ctx context.Context, given, customer string) (string, error) {
	if given != "" {
		return given, nil
	}
	zone, err := c.askStripe(ctx, "customer", customer, "")
	if err != nil && !isInvalid(err) {
		return "", err
	}
	return cmp.Or(zone, c.options.TimeZone), nil
}

// startWatch starts the workflow, or answers the open one when it has the same first input.
func (c *Client) startWatch(ctx context.Context, in workflows.DeferredSubscriptionInput) (Started, error) {
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return Started{}, err
	}
	workflowID := workflows.SubscriptionID(in.Reference)
	input, err := starts.FirstOf(in, watchDefaults())
	if err != nil {
		return Started{}, err
	}
	options := c.startOptions(workflowID, input, in.StartSearchAttributes(), "watch a subscription, "+in.Customer)
	options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	const tries = 3
	for range tries {
		run, err := temporal.ExecuteWorkflow(ctx, options, workflows.TypeDeferredSubscription, in.Short())
		if _, taken := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); taken {
			if s, found, err := c.openWatch(ctx, in); found || err != nil {
				return s, err
			}
			continue // the open one has ended at this moment, which makes room for this one
		}
		if err != nil {
			return Started{}, fmt.Errorf("start %s: %w", workflowID, err)
		}
		return Started{WorkflowID: run.GetID(), RunID: run.GetRunID()}, nil
	}
	return Started{}, fmt.Errorf("start %s: watches of it begin and end at this moment; ask again", workflowID)
}

// openWatch describes the watch that goes on, and compares its first input with the one given, as existing does. What
// Stripe did not tell, so that it is empty, is not compared. found is false when none is open: one that has ended does not
// count.
func (c *Client) openWatch(ctx context.Context, in workflows.DeferredSubscriptionInput) (_ Started, found bool, _ error) {
	workflowID := workflows.SubscriptionID(in.Reference)
	description, found, err := c.describe(ctx, workflowID)
	if err != nil || !found || description.Status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return Started{}, false, err
	}
	before, err := starts.FirstIn(description.Memo)
	if err != nil {
		return Started{}, true, notOurs(workflowID, err)
	}
	now, err := starts.FirstOf(in, watchDefaults())
	if err != nil {
		return Started{}, true, err
	}
	for name, value := range map[string]string{"customer": in.Customer, "time_zone": in.TimeZone} {
		if value == "" {
			now[name] = before[name]
		}
	}
	diff, different, err := starts.Differ(before, now, watchDefaults())
	if err != nil {
		return Started{}, true, fmt.Errorf("compare with %s: %w", workflowID, err)
	}
	if different {
		return Started{}, true, &RefusedError{Message: fmt.Sprintf("%s is watched already, with %s", in.Reference, diff)}
	}
	return Started{WorkflowID: workflowID, RunID: description.WorkflowExecution.RunID, AlreadyStarted: true}, true, nil
}

var subscriptionID = regexp.MustCompile(`^sub_[A-Za-z0-9_-]{1,116}$`)

func checkSubscription(i *invalid, id string) {
	if !subscriptionID.MatchString(id) {
		i.add("subscription", id, "must be the id of a Stripe subscription, sub_…")
	}
}

// knownSubscription checks an id alone.
func knownSubscription(id string) error {
	var i invalid
	checkSubscription(&i, id)
	return i.result()
}

// watchInput checks and normalises what can be without asking anybody. The customer stays empty, and so does the time zone
// when it is not given.
func (c *Client) watchInput(p WatchSubscriptionParams) (workflows.DeferredSubscriptionInput, error) {
	in := workflows.DeferredSubscriptionInput{
		Reference:          p.Subscription,
		DefaultOn:          cmp.Or(p.DefaultOn, workflows.DefaultOnSubscription),
		PaymentMethodTypes: slices.Clone(p.PaymentMethodTypes),
		CheckoutUI:         cmp.Or(p.CheckoutUI, c.options.CheckoutUI),
		TimeZone:           p.TimeZone,
		Description:        p.Description,
		Policy:             dunning.DefaultSubscriptionPolicy(),
	}
	if len(in.PaymentMethodTypes) == 0 {
		in.PaymentMethodTypes = []string{defaultMethodType}
	}
	if p.Policy != nil {
		in.Policy = *p.Policy
	}
	var i invalid
	checkSubscription(&i, in.Reference)
	oneOf(&i, "default_on", in.DefaultOn, workflows.DefaultOnSubscription, workflows.DefaultOnCustomer)
	checkMethodTypes(&i, in.PaymentMethodTypes)
	checkDescription(&i, in.Description)
	if in.TimeZone != "" {
		checkTimeZone(&i, in.TimeZone)
	}
	checkCheckoutUI(&i, in.CheckoutUI)
	i.within("policy", in.Policy.Validate())
	return in, i.result()
}

// watchDefaults are the values that the memo does not repeat. They must never change. There is none for the policy, whose
// default may.
func watchDefaults() workflows.DeferredSubscriptionInput {
	return workflows.DeferredSubscriptionInput{
		DefaultOn:          workflows.DefaultOnSubscription,
		PaymentMethodTypes: []string{"card"},
		CheckoutUI:         activities.CheckoutUICustom,
		TimeZone:           "UTC",
	}
}
