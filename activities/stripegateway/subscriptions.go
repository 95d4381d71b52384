package stripegateway

import (
	"context"
	"iter"
	"slices"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// Subscription reads one with its customer, its pending SetupIntent and its test clock.
// https://docs.stripe.com/api/subscriptions/retrieve
func (g *Gateway) Subscription(ctx context.Context, id string) (activities.Subscription, error) {
	if err := required("subscription", id); err != nil {
		return activities.Subscription{}, err
	}
	response, err := g.client.V1Subscriptions.Retrieve(ctx, id, &stripe.SubscriptionRetrieveParams{Expand: subscriptionParts("")})
	return answer(g, operation{name: "retrieve_subscription", object: "subscription"}, response, err, subscription)
}

// ListSubscriptions lists all that have not ended, newest first, page by page. Stripe leaves out those on test clocks.
func (g *Gateway) ListSubscriptions(ctx context.Context, pause func(context.Context) error) iter.Seq2[activities.Subscription, error] {
	return func(yield func(activities.Subscription, error) bool) {
		// Without a status Stripe lists what is not canceled.
		params := &stripe.SubscriptionListParams{Expand: subscriptionParts("data.")}
		params.Limit = stripe.Int64(pageSize)
		call := operation{name: "list_subscriptions"}
		taken := 0
		for listed, err := range g.client.V1Subscriptions.List(ctx, params) {
			if err != nil {
				yield(activities.Subscription{}, g.failure(call, err))
				return
			}
			s, ok := subscription(listed)
			if !ok {
				yield(activities.Subscription{}, g.failure(call, errIncomplete))
				return
			}
			if !s.Status.Ended() && !yield(s, nil) {
				return
			}
			// After a full page the next one is asked for.
			if taken++; taken%pageSize != 0 || pause == nil {
				continue
			}
			if err := pause(ctx); err != nil {
				yield(activities.Subscription{}, err)
				return
			}
		}
	}
}

// SetSubscriptionDefaultPaymentMethod writes default_payment_method. A method that is not attached to the subscription's
// customer is a StripeMissing. https://docs.stripe.com/api/subscriptions/update
func (g *Gateway) SetSubscriptionDefaultPaymentMethod(ctx context.Context, id, paymentMethod, idempotencyKey string) error {
	if err := required("subscription", id, "payment_method", paymentMethod, "idempotency_key", idempotencyKey); err != nil {
		return err
	}
	params := &stripe.SubscriptionUpdateParams{DefaultPaymentMethod: stripe.String(paymentMethod)}
	params.SetIdempotencyKey(idempotencyKey)
	response, err := g.client.V1Subscriptions.Update(ctx, id, params)
	_, err = answer(g, operation{name: "update_subscription", object: "subscription"}, response, err, func(s *stripe.Subscription) (string, bool) {
		return s.ID, s.ID != ""
	})
	return err
}

// subscriptionParts are the objects to expand in a subscription.
func subscriptionParts(prefix string) []*string {
	return stripe.StringSlice([]string{prefix + "customer", prefix + "pending_setup_intent", prefix + "test_clock"})
}

// subscription is false when Stripe sent no subscription, or one whose parts it did not expand: those would look empty.
func subscription(s *stripe.Subscription) (activities.Subscription, bool) {
	if s.ID == "" || s.Status == "" || s.Customer == nil || s.Customer.Object == "" || s.TestClock != nil && s.TestClock.Object == "" {
		return activities.Subscription{}, false
	}
	out := activities.Subscription{
		ID:              s.ID,
		Customer:        s.Customer.ID,
		Status:          activities.SubscriptionStatus(s.Status),
		SendInvoice:     s.CollectionMethod == stripe.SubscriptionCollectionMethodSendInvoice,
		Currency:        string(s.Currency),
		TrialEnd:        instant(s.TrialEnd),
		CustomerDefault: customerDefault(s.Customer),
		CustomerDeleted: s.Customer.Deleted,
		Free:            free(s.Items),
		Metered:         metered(s.Items),
	}
	switch {
	case s.DefaultPaymentMethod != nil:
		out.DefaultPaymentMethod = s.DefaultPaymentMethod.ID
	case s.DefaultSource != nil:
		out.DefaultPaymentMethod = s.DefaultSource.ID
	}
	if s.Items != nil {
		for _, item := range s.Items.Data {
			if end := instant(item.CurrentPeriodEnd); out.PeriodEnd.IsZero() || end.Before(out.PeriodEnd) {
				out.PeriodEnd = end
			}
		}
	}
	if out.CancelsAt = instant(s.CancelAt); out.CancelsAt.IsZero() && s.CancelAtPeriodEnd {
		out.CancelsAt = out.PeriodEnd
	}
	if s.TestClock != nil {
		out.TestClock = instant(s.TestClock.FrozenTime)
	}
	if s.PendingSetupIntent != nil {
		si, ok := setupIntent(s.PendingSetupIntent, adviceIn(raw(s.LastResponse), "pending_setup_intent", "last_setup_error"))
		if !ok {
			return activities.Subscription{}, false
		}
		out.PendingSetupIntent = &si
	}
	return out, true
}

// customerDefault is what Stripe charges for a subscription that has no method of its own.
func customerDefault(c *stripe.Customer) string {
	switch {
	case c.InvoiceSettings != nil && c.InvoiceSettings.DefaultPaymentMethod != nil:
		return c.InvoiceSettings.DefaultPaymentMethod.ID
	case c.DefaultSource != nil:
		return c.DefaultSource.ID
	default:
		return ""
	}
}

// metered reports whether the usage of an item is billed.
func metered(items *stripe.SubscriptionItemList) bool {
	return items != nil && slices.ContainsFunc(items.Data, func(item *stripe.SubscriptionItem) bool {
		return item.Price != nil && item.Price.Recurring != nil && item.Price.Recurring.UsageType == stripe.PriceRecurringUsageTypeMetered
	})
}

// free reports whether no item can ever take money. Of a list that Stripe has cut off nobody knows.
func free(items *stripe.SubscriptionItemList) bool {
	if items == nil || len(items.Data) == 0 || items.HasMore {
		return false
	}
	for _, item := range items.Data {
		p := item.Price
		// unit_amount is null when unit_amount_decimal is a fraction of the smallest unit.
		if p == nil || p.UnitAmount != 0 || p.UnitAmountDecimal != 0 || p.BillingScheme != stripe.PriceBillingSchemePerUnit ||
			p.Recurring == nil || p.Recurring.UsageType != stripe.PriceRecurringUsageTypeLicensed {
			return false
		}
	}
	return true
}
