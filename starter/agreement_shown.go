package main

import (
	"time"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// shownAgreement is an agreement in JSON. Scripts find every documented key in it, also those that the workflow leaves out
// when they are empty.
type shownAgreement struct {
	client.Agreement
	// NextDueAt is null when there is no date any more, or none is known; NextActionAt when it does nothing by itself.
	NextDueAt    *time.Time              `json:"next_due_at"`
	NextActionAt *time.Time              `json:"next_action_at"`
	Payments     []shownAgreementPayment `json:"payments"`
	// The rest is what an operation answered.
	Payment       string                          `json:"payment,omitempty"`
	PaymentState  workflows.AgreementPaymentState `json:"payment_state,omitempty"`
	NotWrittenOff []string                        `json:"not_written_off,omitempty"`
	Pending       bool                            `json:"pending,omitempty"`
}

type shownAgreementPayment struct {
	workflows.AgreementPayment
	Amount        int64  `json:"amount"`
	PaymentIntent string `json:"payment_intent"`
	// PaymentState, NextActionAt and Link are those of the payment's own workflow, while it is being collected.
	PaymentState workflows.PaymentState `json:"payment_state,omitempty"`
	NextActionAt time.Time              `json:"next_action_at,omitzero"`
	Link         string                 `json:"link,omitempty"`
}

func showAgreement(agreement client.Agreement) shownAgreement {
	s := shownAgreement{
		Agreement: agreement, Payments: []shownAgreementPayment{},
		NextDueAt: unlessZero(agreement.NextDueAt), NextActionAt: unlessZero(agreement.NextActionAt),
	}
	for _, p := range agreement.Payments {
		s.Payments = append(s.Payments, shownAgreementPayment{AgreementPayment: p, Amount: p.Amount, PaymentIntent: p.PaymentIntent})
	}
	return s
}

// answered puts an operation's answer in place of what was read after it.
func (s shownAgreement) answered(answer client.AgreementAnswer) shownAgreement {
	s.State, s.NextDueAt = answer.State, unlessZero(answer.NextDueAt)
	s.Payment, s.PaymentState, s.NotWrittenOff, s.Pending = answer.Payment, answer.PaymentState, answer.NotWrittenOff, answer.Pending
	if answer.SavePaymentMethod != "" {
		s.SavePaymentMethod = answer.SavePaymentMethod
	}
	return s
}

// unlessZero is nil for the zero time.
func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
