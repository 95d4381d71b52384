package demo

import (
	"fmt"
	"time"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/dunning"
)

// customers are the walks of the tour.
var customers = []struct {
	title string
	walk  func(*visit) error
}{
	{"saves a card today, is charged later", happyPath},
	{"has too little money, the second attempt succeeds", softDecline},
	{"has a card that was reported lost, pays with another one", hardDecline},
	{"has a bank that wants to see the customer", authenticationRequired},
	{"leaves the checkout, comes back by the reminder", abandonedSetup},
	{"agrees to pay every month; the first charge takes two attempts", agreementRecovers},
	{"begins a trial with a card that the bank wants to confirm first", subscriptionReady},
	{"begins such a trial, and leaves before confirming", subscriptionCanceled},
}

// quick is a dunning policy of seconds instead of days.
func quick() *dunning.Policy {
	p := dunning.DefaultPolicy()
	p.Name = "demo"
	p.Soft.After = []dunning.Duration{dunning.Exactly(3 * time.Second)}
	p.Issuer.After = p.Soft.After
	p.CustomerWindow = dunning.Exactly(2 * time.Minute)
	p.Reminders = nil
	return &p
}

func happyPath(v *visit) error {
	save := v.reference("card")
	started, err := v.Client.SavePaymentMethod(v.ctx, client.SavePaymentMethodParams{Reference: save, CreateCustomer: true, Events: workflows.EventsAll})
	if err != nil {
		return fmt.Errorf("save payment method: %w", err)
	}
	v.say("save-payment-method:%s opened a Checkout Session in setup mode; the app shows the link to the customer", save)
	if err := v.finishCheckout(started.Link, purchase{Number: "4242424242424242", Email: v.email()}); err != nil {
		return err
	}
	v.say("the customer entered card 4242 4242 4242 4242; nothing is charged")
	saved, err := v.Client.WaitSaved(v.ctx, save)
	if err != nil {
		return fmt.Errorf("wait until saved: %w", err)
	}
	v.say("saved: %s ending in %s, attached to the new customer %s and made the default", saved.Brand, saved.Last4, saved.Customer)
	v.ended(saved.WorkflowID, string(workflows.SetupSaved), string(saved.State), saved.PaymentMethod)

	reference := v.reference("payment")
	due := time.Now().Add(3 * time.Second).Truncate(time.Second)
	if _, err := v.Client.StartPayment(v.ctx, client.PaymentParams{
		Reference: reference, Customer: saved.Customer, Amount: 1099, Currency: "usd", Due: due, Policy: quick(), Description: "Plan, January",
	}); err != nil {
		return fmt.Errorf("start payment: %w", err)
	}
	v.say("payment:%s over 10.99 USD is due in about 3 s; the customer has left long ago", reference)
	return v.awaitPaid(reference)
}

func softDecline(v *visit) error {
	customer, method, err := v.customerWithCard("pm_sandbox_decline_insufficient_funds_times_1")
	if err != nil {
		return err
	}
	reference, err := v.charge(customer, method)
	if err != nil {
		return err
	}
	p, err := v.awaitState(reference, workflows.PaymentRetryScheduled)
	if err != nil {
		return err
	}
	last := p.Attempts[len(p.Attempts)-1]
	v.say("attempt 1 was declined (%s): %s", last.Reason(), last.Explanation)
	return v.awaitPaid(reference)
}

func hardDecline(v *visit) error {
	customer, method, err := v.customerWithCard("pm_sandbox_decline_lost_card")
	if err != nil {
		return err
	}
	return v.payByMail(customer, method, purchase{Number: "5555555555554444"}, "card 5555 5555 5555 4444")
}

func authenticationRequired(v *visit) error {
	customer, method, err := v.customerWithCard("pm_card_authenticationRequired")
	if err != nil {
		return err
	}
	return v.payByMail(customer, method, purchase{Number: "4000002760003184", Authenticate: "pass"}, "the same card, and approved it in the bank's app (3D Secure)")
}

// payByMail charges a card that says no, and lets the customer pay by the link in the mail.
func (v *visit) payByMail(customer, method string, p purchase, how string) error {
	reference, err := v.charge(customer, method)
	if err != nil {
		return err
	}
	asked, err := v.awaitState(reference, workflows.PaymentAwaitingCustomer)
	if err != nil {
		return err
	}
	last := asked.Attempts[len(asked.Attempts)-1]
	v.say("attempt 1 was declined (%s): %s", last.Reason(), last.Explanation)
	mail, err := v.Stack.Mailbox.Await(v.ctx, v.email(), 1)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	v.say("mail to the customer: %q, with a durable link", mail.Subject)
	if err := v.finishCheckout(mail.Link(), p); err != nil {
		return err
	}
	v.say("the customer pressed the button: the old PaymentIntent was canceled, then a Checkout Session opened; paid with %s", how)
	return v.awaitPaid(reference)
}

func abandonedSetup(v *visit) error {
	customer, err := v.createCustomer()
	if err != nil {
		return err
	}
	save := v.reference("card")
	started, err := v.Client.SavePaymentMethod(v.ctx, client.SavePaymentMethodParams{
		Reference: save, Customer: customer, Notify: true,
		Reminders: []dunning.Duration{dunning.Exactly(4 * time.Second)}, Deadline: dunning.Exactly(2 * time.Minute), Events: workflows.EventsAll,
	})
	if err != nil {
		return fmt.Errorf("save payment method: %w", err)
	}
	if _, err := v.Stack.Mailbox.Await(v.ctx, v.email(), 1); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	v.say("the link went out by mail; the customer opened it and closed the window")
	if err := v.expire(started.SessionID); err != nil {
		return err
	}
	v.say("the Checkout Session expired (Stripe keeps one for 24 h; here it is ended by hand); the link lives on")
	mail, err := v.Stack.Mailbox.Await(v.ctx, v.email(), 2)
	if err != nil {
		return fmt.Errorf("reminder: %w", err)
	}
	v.say("reminder by mail: %q", mail.Subject)
	if err := v.finishCheckout(mail.Link(), purchase{Number: "4242424242424242"}); err != nil {
		return err
	}
	v.say("the customer pressed the button, a new Checkout Session opened, and a card was entered")
	saved, err := v.Client.WaitSaved(v.ctx, save)
	if err != nil {
		return fmt.Errorf("wait until saved: %w", err)
	}
	v.say("saved: %s ending in %s", saved.Brand, saved.Last4)
	v.ended(saved.WorkflowID, string(workflows.SetupSaved), string(saved.State), saved.PaymentMethod)
	return nil
}

func agreementRecovers(v *visit) error {
	customer, method, err := v.customerWithCard("pm_sandbox_decline_insufficient_funds_times_1")
	if err != nil {
		return err
	}
	reference := v.reference("agreement")
	started, err := v.Client.StartAgreement(v.ctx, client.AgreementParams{
		Reference: reference, Customer: customer, PaymentMethod: method, Amount: 1099, Currency: "usd", Description: "Plan", Policy: quick(),
		Schedule: calendar.Schedule{Every: "month", On: "31"}, FirstCharge: workflows.FirstChargeNow,
	})
	if err != nil {
		return fmt.Errorf("start agreement: %w", err)
	}
	v.say("agreement:%s charges 10.99 USD now, and on the 31st of every month, or on its last day", reference)
	handed, err := v.awaitAgreement(reference, func(a client.Agreement) bool {
		return len(a.Payments) == 1 && a.Payments[0].State != workflows.AgreementPaymentCharging
	})
	if err != nil {
		return err
	}
	payment := handed.Payments[0].Reference
	v.say("the first charge was declined; payment:%s collects it, and the agreement goes on", payment)
	if err := v.awaitPaid(payment); err != nil {
		return err
	}
	paid, err := v.awaitAgreement(reference, func(a client.Agreement) bool { return a.Paid == 1 })
	if err != nil {
		return err
	}
	v.say("agreement:%s is %s, its next charge is due on %s", reference, paid.State, paid.NextDueAt.Format("2 January 2006, 15:04 MST"))
	answer, err := v.Client.CancelAgreement(v.ctx, reference, client.AgreementOperation{Actor: "demo", Reason: "the tour is over"})
	if err != nil {
		return fmt.Errorf("cancel agreement: %w", err)
	}
	v.say("the customer gave notice: agreement:%s is %s, nothing is charged any more", reference, answer.State)
	v.ended(started.WorkflowID, string(workflows.AgreementCanceled), string(answer.State), fmt.Sprintf("%d of %d charges paid", paid.Paid, paid.Charges))
	return nil
}

// charge starts a payment that is due now.
func (v *visit) charge(customer, method string) (string, error) {
	reference := v.reference("payment")
	if _, err := v.Client.StartPayment(v.ctx, client.PaymentParams{
		Reference: reference, Customer: customer, PaymentMethod: method, Amount: 1099, Currency: "usd", Policy: quick(), Description: "Plan, January",
	}); err != nil {
		return "", fmt.Errorf("start payment: %w", err)
	}
	v.say("payment:%s over 10.99 USD is due now", reference)
	return reference, nil
}
