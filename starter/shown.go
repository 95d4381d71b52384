package main

import (
	"time"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// shownPayment is a payment in JSON. Scripts find every documented key in it, also those that workflows leave out when
// they are empty, to keep histories small.
type shownPayment struct {
	client.Payment
	PaymentIntent string             `json:"payment_intent"`
	Attempts      []shownAttempt     `json:"attempts"`
	Refunds       []workflows.Refund `json:"refunds"`
	// NextActionAt is null when the payment does nothing by itself.
	NextActionAt *time.Time `json:"next_action_at"`
}

type shownAttempt struct {
	workflows.Attempt
	DeclineCode string `json:"decline_code"`
	AdviceCode  string `json:"advice_code"`
	Rule        string `json:"rule"`
	Reason      string `json:"reason"`
}

func showPayment(p client.Payment) shownPayment {
	s := shownPayment{Payment: p, PaymentIntent: p.PaymentIntent, Attempts: []shownAttempt{}, Refunds: []workflows.Refund{}}
	for _, a := range p.Attempts {
		s.Attempts = append(s.Attempts, shownAttempt{Attempt: a, DeclineCode: a.DeclineCode, AdviceCode: a.AdviceCode, Rule: a.Rule, Reason: a.Explanation})
	}
	s.Refunds = append(s.Refunds, p.Refunds...)
	if !p.NextActionAt.IsZero() {
		s.NextActionAt = &p.NextActionAt
	}
	return s
}

// shownSave is where saving a payment method stands, in JSON, with every documented key.
type shownSave struct {
	client.SavedPaymentMethod
	Customer      string `json:"customer"`
	PaymentMethod string `json:"payment_method"`
	Session       string `json:"session_id"`
	// Pending says that an operation goes on, since Stripe has not answered it yet.
	Pending bool `json:"pending,omitempty"`
}

func showSave(s client.SavedPaymentMethod) shownSave {
	return shownSave{SavedPaymentMethod: s, Customer: s.Customer, PaymentMethod: s.PaymentMethod, Session: s.Session}
}
