package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
	"github.com/offsession/offsession/workflows/money"
)

const (
	// defaultSetupCurrency decides which methods Stripe offers; a card saved with it pays in any currency.
	defaultSetupCurrency = "usd"
	defaultMethodType    = "card"
	maxReminders         = 10
	maxSetupDays         = 365
)

// DefaultSetupDeadline is how long a customer has to save a payment method when the call does not say.
func DefaultSetupDeadline() dunning.Duration { return dunning.Days(14) }

// DefaultSetupReminders are when a customer who was sent the link is reminded; only those before the deadline.
func DefaultSetupReminders() []dunning.Duration {
	return []dunning.Duration{dunning.Days(2), dunning.Days(7), dunning.Days(13)}
}

// SavePaymentMethodParams describes one payment method to save. Reference and exactly one of Customer, AttachTo and
// CreateCustomer are required.
type SavePaymentMethodParams struct {
	// Reference is the caller's own id: 1 to 120 of A-Z a-z 0-9 . _ -. It is spent for ever.
	Reference string
	// Customer is the Stripe customer for whom Checkout opens.
	Customer string
	// AttachTo is the Stripe customer to attach the saved method to, when Checkout shall open without one.
	AttachTo string
	// CreateCustomer makes a Stripe customer for the saved method.
	CreateCustomer bool
	// Currency decides which payment methods Stripe offers. Defaults to usd.
	Currency string
	// PaymentMethodTypes are Stripe's names of what the customer may save. Defaults to card.
	PaymentMethodTypes []string
	// KeepDefault leaves the customer's default payment method as it is; otherwise the saved one becomes it.
	KeepDefault bool
	// Notify sends the customer the link and the reminders; needs Customer or AttachTo.
	Notify bool
	// Reminders are counted from the start, in rising order. Default to DefaultSetupReminders when Notify is set.
	Reminders []dunning.Duration
	// Deadline is how long the customer has, at most 365 days. Defaults to DefaultSetupDeadline.
	Deadline dunning.Duration
	// TimeZone is the customer's IANA zone. Defaults to metadata time_zone of the Stripe customer, then Options.TimeZone.
	TimeZone string
	// Events says what the app's webhook is told. Defaults to exceptions.
	Events workflows.Events
	// CheckoutUI is how the customer sees Checkout. Defaults to Options.CheckoutUI.
	CheckoutUI activities.CheckoutUI
}

// StartedSave is the workflow that SavePaymentMethod led to, and how its customer can act.
type StartedSave struct {
	Started
	// SessionID is the open Checkout Session; empty when none is open, because the earlier call's has expired or saving
	// has ended: then the link opens the next one, or says so.
	SessionID string `json:"session_id"`
	// Link is the customer's durable link; empty without links.
	Link string `json:"link"`
}

// SavePaymentMethod opens a Checkout Session in which the customer saves a payment method, and follows it until the
// method is attached. Repeated with the same values it answers the same workflow, with others it is refused. It needs a
// running worker and waits for it up to ctx's deadline, 45 s without one.
func (c *Client) SavePaymentMethod(ctx context.Context, p SavePaymentMethodParams) (StartedSave, error) {
	in, err := c.setupInput(p)
	if err != nil {
		return StartedSave{}, err
	}
	field := "customer"
	if in.AttachTo != "" {
		field = "attach_to"
	}
	zone, stripeErr := c.askStripe(ctx, field, cmp.Or(in.Customer, in.AttachTo), "")
	if stripeErr != nil && !isInvalid(stripeErr) {
		return StartedSave{}, stripeErr
	}
	in.TimeZone = cmp.Or(in.TimeZone, zone, c.options.TimeZone)
	workflowID := workflows.SavePaymentMethodID(in.Reference)
	input, err := starts.FirstOf(in, setupDefaults())
	if err != nil {
		return StartedSave{}, err
	}

	// Update-with-Start does not tell an existing workflow from a new one, so that one with other values would be asked
	// to open its Checkout: look first.
	started, found, err := c.existing(ctx, workflowID, input, setupDefaults())
	if err != nil {
		return StartedSave{}, err
	}
	if !found && stripeErr != nil {
		return StartedSave{}, stripeErr
	}
	ctx, cancel := withAnswerTimeout(ctx)
	defer cancel()
	var opened workflows.OpenCheckoutResponse
	if !found {
		call := rand.Text()
		if opened, err = c.openFirstCheckout(ctx, workflowID, call, in, input); err != nil {
			return StartedSave{}, err
		}
		// Another caller may have been faster.
		if started, _, err = c.existing(ctx, workflowID, input, setupDefaults()); err != nil {
			return StartedSave{}, err
		}
		started.AlreadyStarted = started.call != call
	}
	started.call = ""
	status, err := c.SavedPaymentMethod(ctx, in.Reference)
	if err == nil && found && status.State == workflows.SetupOpen && status.Session == "" {
		// Another caller may have started it in this moment: its first Checkout Session is being opened.
		if err = c.awaitFirstCheckout(ctx, workflowID, in.Reference); err == nil {
			status, err = c.SavedPaymentMethod(ctx, in.Reference)
		}
	}
	if err != nil {
		return StartedSave{}, err
	}
	return StartedSave{Started: started, SessionID: cmp.Or(opened.SessionID, status.Session), Link: status.Link}, nil
}

// openFirstCheckout starts the workflow and waits for its first Checkout Session; call names this call. When the workflow has been started in
// this moment by another caller, it answers that one's.
func (c *Client) openFirstCheckout(ctx context.Context, workflowID, call string, in workflows.SavePaymentMethodInput, input starts.First) (workflows.OpenCheckoutResponse, error) {
	options := c.startOptions(workflowID, input, in.StartSearchAttributes(), setupSummary(in))
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	options.Memo[memoCall] = call
	var opened workflows.OpenCheckoutResponse
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return opened, err
	}
	handle, err := temporal.UpdateWithStartWorkflow(ctx, sdk.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: temporal.NewWithStartWorkflowOperation(options, workflows.TypeSavePaymentMethod, in),
		UpdateOptions: sdk.UpdateWorkflowOptions{
			UpdateID:     firstCheckout(in.Reference),
			WorkflowID:   workflowID,
			UpdateName:   workflows.UpdateOpenCheckout,
			Args:         []any{workflows.OpenCheckoutRequest{}},
			WaitForStage: sdk.WorkflowUpdateStageCompleted,
		},
	})
	if err == nil {
		err = handle.Get(ctx, &opened)
	}
	var taken *serviceerror.WorkflowExecutionAlreadyStarted
	switch refused := refusal(err); {
	case err == nil:
		return opened, nil
	case refused != nil:
		return opened, refused
	case errors.As(err, &taken):
		return opened, nil
	}
	return opened, c.noAnswer(workflowID, err)
}

// firstCheckout is the id of the Update that opens the first Checkout Session, whoever starts the workflow.
func firstCheckout(reference string) string { return "start:" + reference }

// awaitFirstCheckout waits until the Update that started the workflow is answered. How it was answered is the other
// caller's affair, and one that is not known any more is long over.
func (c *Client) awaitFirstCheckout(ctx context.Context, workflowID, reference string) error {
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return err
	}
	var opened workflows.OpenCheckoutResponse
	_ = temporal.GetWorkflowUpdateHandle(sdk.GetWorkflowUpdateHandleOptions{WorkflowID: workflowID, UpdateID: firstCheckout(reference)}).Get(ctx, &opened)
	return nil
}

func setupSummary(in workflows.SavePaymentMethodInput) string {
	if customer := cmp.Or(in.Customer, in.AttachTo); customer != "" {
		return "save a payment method, " + customer
	}
	return "save a payment method, new customer"
}

// setupInput checks and normalises what can be without asking anybody. The time zone stays empty when not given.
func (c *Client) setupInput(p SavePaymentMethodParams) (workflows.SavePaymentMethodInput, error) {
	in := workflows.SavePaymentMethodInput{
		Reference:          p.Reference,
		Customer:           p.Customer,
		AttachTo:           p.AttachTo,
		CreateCustomer:     p.CreateCustomer,
		Currency:           cmp.Or(p.Currency, defaultSetupCurrency),
		PaymentMethodTypes: slices.Clone(p.PaymentMethodTypes),
		CheckoutUI:         cmp.Or(p.CheckoutUI, c.options.CheckoutUI),
		KeepDefault:        p.KeepDefault,
		Notify:             p.Notify,
		Reminders:          slices.Clone(p.Reminders),
		Deadline:           cmp.Or(p.Deadline, DefaultSetupDeadline()),
		TimeZone:           p.TimeZone,
		Events:             cmp.Or(p.Events, workflows.EventsExceptions),
	}
	if len(in.PaymentMethodTypes) == 0 {
		in.PaymentMethodTypes = []string{defaultMethodType}
	}
	if in.Notify && in.Reminders == nil {
		in.Reminders = slices.DeleteFunc(DefaultSetupReminders(), func(r dunning.Duration) bool { return length(r) >= length(in.Deadline) })
	}

	var i invalid
	checkReference(&i, in.Reference)
	checkWhose(&i, in)
	if currency, err := money.NormalizeCurrency(in.Currency); err != nil {
		i.err("currency", in.Currency, err)
	} else {
		in.Currency = currency
	}
	checkMethodTypes(&i, in.PaymentMethodTypes)
	checkDeadline(&i, in.Deadline, in.Reminders)
	if len(in.Reminders) > 0 && !in.Notify {
		i.add("reminders", in.Reminders[0].String(), "must not be given without notify: nobody would be sent them")
	}
	if in.TimeZone != "" {
		checkTimeZone(&i, in.TimeZone)
	}
	checkCheckoutUI(&i, in.CheckoutUI)
	checkEvents(&i, in.Events)
	return in, i.result()
}

// checkWhose demands exactly one answer to the question whose method it will be.
func checkWhose(i *invalid, in workflows.SavePaymentMethodInput) {
	var given []string
	if in.Customer != "" {
		given = append(given, "customer")
		checkCustomer(i, "customer", in.Customer)
	}
	if in.AttachTo != "" {
		given = append(given, "attach_to")
		checkCustomer(i, "attach_to", in.AttachTo)
	}
	if in.CreateCustomer {
		given = append(given, "create_customer")
	}
	if len(given) != 1 {
		i.add("customer", fmt.Sprint(given), "must be exactly one of customer, attach_to and create_customer")
	}
	if in.Notify && in.Customer == "" && in.AttachTo == "" {
		i.add("notify", "true", "needs customer or attach_to: there is nobody to write to yet")
	}
}

func checkDeadline(i *invalid, deadline dunning.Duration, reminders []dunning.Duration) {
	if length(deadline) <= 0 || length(deadline) > length(dunning.Days(maxSetupDays)) {
		i.add("deadline", deadline.String(), fmt.Sprintf("must be more than 0 and at most %dd", maxSetupDays))
	}
	if len(reminders) > maxReminders {
		i.add("reminders", strconv.Itoa(len(reminders))+" reminders", fmt.Sprintf("must be at most %d", maxReminders))
	}
	for n, r := range reminders {
		if length(r) <= 0 || length(r) >= length(deadline) || n > 0 && length(r) <= length(reminders[n-1]) {
			i.add("reminders", r.String(), fmt.Sprintf("must be more than 0, in rising order, and less than the deadline (%s)", deadline))
		}
	}
}

// length is a wait with days of 24 hours, for comparing.
func length(d dunning.Duration) time.Duration {
	epoch := time.Unix(0, 0)
	return d.After(epoch, time.UTC).Sub(epoch)
}

// setupDefaults are the values that the memo does not repeat. They must never change, unlike the defaults of
// SavePaymentMethodParams.
func setupDefaults() workflows.SavePaymentMethodInput {
	return workflows.SavePaymentMethodInput{
		Currency:           "usd",
		PaymentMethodTypes: []string{"card"},
		CheckoutUI:         activities.CheckoutUICustom,
		Deadline:           dunning.Days(14),
		TimeZone:           "UTC",
		Events:             workflows.EventsExceptions,
	}
}
