package client

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
	"github.com/offsession/offsession/workflows/money"
)

// PaymentParams describes one amount owed. Reference, Customer, Amount and Currency are required.
type PaymentParams struct {
	// Reference is the caller's own id of the payment: 1 to 120 of A-Z a-z 0-9 . _ -. It is spent for ever.
	Reference string
	// Customer is the Stripe customer, cus_….
	Customer string
	// PaymentMethod is the saved method, pm_…. Empty takes the customer's default at the time of each attempt.
	PaymentMethod string
	// Amount is in minor units of Currency: 1099 is 10.99 USD.
	Amount int64
	// Currency is a three-letter code in either case.
	Currency string
	// Due is when to charge, to the second. The zero time, or one in the past, is now. At most 100 years ahead.
	Due time.Time
	// Description stands on the payment in Stripe and in messages to the customer. At most 1000 characters, without
	// personal data: Temporal's history keeps it.
	Description string
	// StatementSuffix is what the customer's statement shows after the account's prefix. At most 22 characters.
	StatementSuffix string
	// Metadata goes on the PaymentIntent: at most 46 keys, none of them starting with offsession_, and no personal data:
	// Temporal's history keeps it.
	Metadata map[string]string
	// TimeZone is the customer's IANA zone. Defaults to metadata time_zone of the Stripe customer, then Options.TimeZone.
	TimeZone string
	// Policy says how a failed payment is tried again. Defaults to dunning.DefaultPolicy.
	Policy *dunning.Policy
	// Events says what the app's webhook is told. Defaults to exceptions.
	Events workflows.Events
	// CheckoutUI is how the customer pays after a failure. Defaults to Options.CheckoutUI.
	CheckoutUI activities.CheckoutUI
}

// StartPayment starts the payment, once: repeated with the same values it answers the same workflow, with others it is
// refused, and so is a payment whose workflow was terminated. It returns when Temporal has the payment, which from then on cannot be lost; Wait or the app's webhook tell
// how it ends.
//
// Values left out are resolved now and frozen. When one of those has changed since the first call (the client's time
// zone, the policy), a repeat counts as different, and the error names it.
func (c *Client) StartPayment(ctx context.Context, p PaymentParams) (Started, error) {
	now := time.Now()
	in, err := c.paymentInput(p, now)
	if err != nil {
		return Started{}, err
	}
	zone, stripeErr := c.askStripe(ctx, "customer", in.Customer, in.PaymentMethod)
	if stripeErr != nil && !isInvalid(stripeErr) {
		return Started{}, stripeErr
	}
	in.TimeZone = cmp.Or(in.TimeZone, zone, c.options.TimeZone)

	workflowID := workflows.PaymentID(in.Reference)
	input, err := starts.FirstOfPayment(in)
	if err != nil {
		return Started{}, err
	}
	if stripeErr != nil {
		// What Stripe has forgotten since does not make a repeat another payment.
		if s, found, err := c.existing(ctx, workflowID, input, starts.PaymentDefaults()); found {
			return s, err
		}
		return Started{}, stripeErr
	}
	options, err := starts.Payment(in, c.options.TaskQueue, now)
	if err != nil {
		return Started{}, err
	}
	return c.startOnce(ctx, options, workflows.TypeCollectPayment, in.Short(), starts.PaymentDefaults())
}

// paymentInput checks and normalises what can be without asking anybody. The time zone stays empty when not given.
func (c *Client) paymentInput(p PaymentParams, now time.Time) (workflows.CollectPaymentInput, error) {
	in := workflows.CollectPaymentInput{
		Reference:       p.Reference,
		Customer:        p.Customer,
		PaymentMethod:   p.PaymentMethod,
		Amount:          p.Amount,
		Currency:        p.Currency,
		Description:     p.Description,
		StatementSuffix: p.StatementSuffix,
		Metadata:        maps.Clone(p.Metadata),
		TimeZone:        p.TimeZone,
		CheckoutUI:      cmp.Or(p.CheckoutUI, c.options.CheckoutUI),
		Events:          cmp.Or(p.Events, workflows.EventsExceptions),
		Policy:          dunning.DefaultPolicy(),
	}
	if !p.Due.IsZero() {
		in.Due = p.Due.UTC().Truncate(time.Second)
	}
	if p.Policy != nil {
		in.Policy = *p.Policy
	}

	var i invalid
	checkReference(&i, in.Reference)
	checkCustomer(&i, "customer", in.Customer)
	if in.PaymentMethod != "" {
		checkPaymentMethod(&i, in.PaymentMethod)
	}
	if currency, err := money.NormalizeCurrency(in.Currency); err != nil {
		i.err("currency", in.Currency, err)
		if in.Amount <= 0 {
			i.add("amount", strconv.FormatInt(in.Amount, 10), "must be positive, in minor units")
		}
	} else {
		in.Currency = currency
		i.err("amount", strconv.FormatInt(in.Amount, 10), money.Check(in.Amount, currency))
	}
	checkDue(&i, in.Due, now)
	checkDescription(&i, in.Description)
	checkStatementSuffix(&i, in.StatementSuffix)
	checkMetadata(&i, in.Metadata)
	if in.TimeZone != "" {
		checkTimeZone(&i, in.TimeZone)
	}
	checkCheckoutUI(&i, in.CheckoutUI)
	checkEvents(&i, in.Events)
	if err := in.Policy.Validate(); err != nil {
		i.err("policy", in.Policy.Name, fmt.Errorf("policy: %w", err))
	} else if in.Policy.FinalAction != dunning.FinalUncollectible {
		i.add("policy.final_action", string(in.Policy.FinalAction), fmt.Sprintf("must be %s for a payment that belongs to no agreement", dunning.FinalUncollectible))
	}
	return in, i.result()
}
