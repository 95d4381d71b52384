package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"

	"go.temporal.io/api/serviceerror"
	"golang.org/x/time/rate"

	"github.com/offsession/offsession/activities"
)

const (
	// defaultAdoptRate leaves the account's other traffic alone: Stripe reads 25 requests a second in test mode,
	// https://docs.stripe.com/rate-limits
	defaultAdoptRate = 10
	maxAdoptRate     = 100
)

// AdoptAllParams says how AdoptAll goes about it. The zero value is a dry run.
type AdoptAllParams struct {
	// Start starts watching; otherwise nothing is changed, and what would be is reported.
	Start bool
	// Rate is how many requests a second go to Stripe, at most 100. Defaults to 10.
	Rate float64
}

// Adoption is what was decided about one subscription.
type Adoption struct {
	Subscription string                        `json:"subscription"`
	Decision     AdoptDecision                 `json:"decision"`
	Customer     string                        `json:"customer"`
	Status       activities.SubscriptionStatus `json:"status"`
	// PendingSetupIntent and SetupIntentStatus are as they were listed.
	PendingSetupIntent string                       `json:"pending_setup_intent"`
	SetupIntentStatus  activities.SetupIntentStatus `json:"setup_intent_status"`
	// Code says what went wrong when Decision is failed: stripe_unauthorized, stripe_rate_limited, … or temporal.
	Code string `json:"code,omitempty"`
	// Err is the error behind Code.
	Err error `json:"-"`
}

// AdoptAll lists all subscriptions of the account that have not ended, newest first, and decides about each as
// AdoptSubscription does. It needs Options.Stripe. What fails for one is its decision, and the next one's turn comes; the
// error of the sequence, which ends it, says that the list cannot be read to its end. It can be run again at any time: what is
// watched already stays as it is. Subscriptions on test clocks are not listed by Stripe.
func (c *Client) AdoptAll(ctx context.Context, p AdoptAllParams) iter.Seq2[Adoption, error] {
	return func(yield func(Adoption, error) bool) {
		if p.Rate == 0 {
			p.Rate = defaultAdoptRate
		}
		if err := c.mayAdoptAll(ctx, p); err != nil {
			yield(Adoption{}, err)
			return
		}
		pace := rate.NewLimiter(rate.Limit(p.Rate), 1).Wait
		for sub, err := range c.options.Stripe.ListSubscriptions(ctx, pace) {
			if err != nil {
				yield(Adoption{}, fmt.Errorf("list Stripe's subscriptions: %w", err))
				return
			}
			adoption := c.consider(ctx, sub, p.Start, pace)
			if adoption.Err != nil && ctx.Err() != nil {
				yield(Adoption{}, fmt.Errorf("adopt %s: %w", sub.ID, context.Cause(ctx)))
				return
			}
			if !yield(adoption, nil) {
				return
			}
		}
	}
}

// mayAdoptAll reports what would fail for each one.
func (c *Client) mayAdoptAll(ctx context.Context, p AdoptAllParams) error {
	var i invalid
	if !(p.Rate > 0 && p.Rate <= maxAdoptRate) || math.IsNaN(p.Rate) {
		i.add("rate", strconv.FormatFloat(p.Rate, 'g', -1, 64), fmt.Sprintf("must be requests per second, more than 0 and at most %d", maxAdoptRate))
	}
	if err := i.result(); err != nil {
		return err
	}
	if c.options.Stripe == nil {
		return withoutStripeRefused("subscriptions", "listed")
	}
	_, err := c.connection.get(ctx)
	return err
}

// consider decides about a listed subscription. What the list shows as settled is not read again.
func (c *Client) consider(ctx context.Context, sub activities.Subscription, start bool, pace func(context.Context) error) Adoption {
	a := Adoption{Subscription: sub.ID, Customer: sub.Customer, Status: sub.Status}
	if sub.PendingSetupIntent != nil {
		a.PendingSetupIntent, a.SetupIntentStatus = sub.PendingSetupIntent.ID, sub.PendingSetupIntent.Status
	}
	if a.Decision, a.Err = c.whetherToAdopt(ctx, sub); a.Err == nil && a.Decision == AdoptWould && start {
		a.Decision, a.Err = c.adopt(ctx, sub.ID, pace)
	}
	if a.Err != nil {
		a.Decision, a.Code = AdoptFailed, faultCode(a.Err)
	}
	return a
}

// faultCode is a short name of what went wrong.
func faultCode(err error) string {
	if fault, ok := errors.AsType[*activities.StripeError](err); ok {
		return "stripe_" + string(fault.Kind)
	}
	if _, ok := errors.AsType[serviceerror.ServiceError](err); ok || errors.Is(err, context.DeadlineExceeded) {
		return "temporal"
	}
	return "refused"
}
