package workflows_test

import (
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

const (
	setupProcessing = activities.SetupIntentProcessing
	// setupID is the workflow that the tests run.
	setupID = "save-payment-method:card-1"
)

// attachesTo is a setup whose session has no customer: we attach.
func attachesTo(in *workflows.SavePaymentMethodInput) { in.Customer, in.AttachTo = "", "cus_1" }

// createsCustomer is a setup whose customer is made when the method is saved.
func createsCustomer(in *workflows.SavePaymentMethodInput) { in.Customer, in.CreateCustomer = "", true }

func notifies(in *workflows.SavePaymentMethodInput) { in.Notify = true }

// setupWith is setupInput, changed.
func setupWith(changes ...func(*workflows.SavePaymentMethodInput)) workflows.SavePaymentMethodInput {
	in := setupInput()
	for _, c := range changes {
		c(&in)
	}
	return in
}

// requireSetupKeys: a key names the workflow and the operation, and stands for one request with one set of values.
func (b *bench) requireSetupKeys() {
	b.Helper()
	sent := map[string]string{}
	for _, w := range b.stripe.writes {
		require.Regexp(b, `^save-payment-method:card-1:(open_checkout|close|attach|set_default|create_customer):[0-9]+(:setup_intent)?$`, w.Key)
		what := w.Op + " " + w.What
		if before, ok := sent[w.Key]; ok {
			require.Equal(b, before, what, "%s is sent with other values", w.Key)
		}
		sent[w.Key] = what
	}
}

// keysOf are the keys of an operation as sent, without the workflow id.
func (b *bench) keysOf(op string) []string {
	var keys []string
	for _, w := range b.stripe.writes {
		if w.Op == op {
			keys = append(keys, strings.TrimPrefix(w.Key, setupID+":"))
		}
	}
	return keys
}

// finishes lets the customer finish the open session at a time, and Stripe report it.
func (b *bench) finishes(at time.Duration, status activities.SetupIntentStatus, method string) {
	b.at(at, func() {
		require.True(b, b.stripe.saves(status, method), "no session is open after %s", at)
		b.signal("evt_"+at.String(), "checkout.session.completed", "cs_x")
	})
}

// fails lets a port method fail from one time to another; 0 is never again well.
func (b *bench) fails(from, to time.Duration, method string, kind activities.StripeErrorKind, param ...string) {
	err := &activities.StripeError{Kind: kind, Param: strings.Join(param, "")}
	if from == 0 {
		b.stripe.down[method] = err
	} else {
		b.at(from, func() { b.stripe.edit(func() { b.stripe.down[method] = err }) })
	}
	if to > 0 {
		b.at(to, func() { b.stripe.edit(func() { delete(b.stripe.down, method) }) })
	}
}

// settles changes the SetupIntents that are being verified, as the bank or the customer does.
func (b *bench) settles(at time.Duration, status activities.SetupIntentStatus, codes activities.Codes) {
	b.at(at, func() {
		b.stripe.edit(func() {
			for _, si := range b.stripe.setups {
				if si.Status != setupProcessing && si.Status != activities.SetupIntentRequiresAction {
					continue
				}
				si.Status, si.LastError, si.NextAction = status, codes, ""
				if status == activities.SetupIntentRequiresPaymentMethod {
					si.PaymentMethod = ""
				}
			}
		})
	})
}

// microdeposits makes the SetupIntents that wait for an action wait for the amounts.
func (b *bench) microdeposits(at time.Duration) {
	b.at(at, func() {
		require.True(b, b.stripe.saves(activities.SetupIntentRequiresAction, "pm_bank"))
		b.stripe.edit(func() {
			for _, si := range b.stripe.setups {
				si.NextAction = "verify_with_microdeposits"
			}
		})
		b.signal("evt_micro", "checkout.session.completed", "cs_x")
	})
}

// openSessions counts the sessions in which the customer can act.
func (b *bench) openSessions() int {
	n := 0
	b.stripe.edit(func() {
		for _, s := range b.stripe.sessions {
			if s.Status == activities.CheckoutOpen && s.seen {
				n++
			}
		}
	})
	return n
}

// situation is a state in which a setup can stand for days, reached by two hours after the start.
type situation struct {
	change func(*workflows.SavePaymentMethodInput)
	reach  func(b *bench)
	state  workflows.SetupState
	reason string
	// answer is what a press on the button is answered, after Stripe has been asked.
	answer workflows.CheckoutAnswer
}

// reached is when every situation is reached; a session of the start has expired by then.
const reached = 30 * hour

// situations are all states in which a setup can stand.
func situations() map[string]situation {
	return map[string]situation{
		"session open": {
			reach: func(b *bench) { b.at(29*hour, func() { b.open() }) },
			state: workflows.SetupOpen, answer: workflows.CheckoutReady,
		},
		"session expired": {
			reach: func(*bench) {}, state: workflows.SetupOpen, answer: workflows.CheckoutReady,
		},
		"asked again": {
			reach: func(b *bench) {
				b.at(20*hour, func() { b.open() })
				b.finishes(20*hour+time.Minute, activities.SetupIntentRequiresPaymentMethod, "")
			},
			state: workflows.SetupOpen, reason: activities.CodePaymentMethodUnusable, answer: workflows.CheckoutReady,
		},
		"processing": {
			reach: func(b *bench) { b.finishes(hour, setupProcessing, "pm_bank") },
			state: workflows.SetupVerifying, answer: workflows.CheckoutProcessing,
		},
		"microdeposits": {
			reach: func(b *bench) { b.microdeposits(hour) },
			state: workflows.SetupVerifying, answer: workflows.CheckoutProcessing,
		},
		"no session": {
			reach: func(b *bench) { b.fails(0, 0, "CreateCheckoutSession", activities.StripeUnauthorized) },
			state: workflows.SetupNeedsAttention, reason: workflows.ReasonUnauthorized, answer: workflows.CheckoutClosed,
		},
		"not kept": {
			change: attachesTo,
			reach: func(b *bench) {
				b.fails(0, 0, "AttachPaymentMethod", activities.StripeUnauthorized)
				b.finishes(hour, succeeded, "pm_new")
			},
			state: workflows.SetupNeedsAttention, reason: workflows.ReasonUnauthorized, answer: workflows.CheckoutClosed,
		},
		"not closed": {
			reach: func(b *bench) {
				b.fails(0, 0, "ExpireCheckoutSession", activities.StripeUnauthorized)
				b.at(23*hour, func() { b.update(cancel, workflows.Operation{}) })
				b.at(24*hour-time.Minute, func() {
					b.stripe.edit(func() {
						for _, s := range b.stripe.sessions {
							s.ExpiresAt = s.ExpiresAt.Add(400 * day) // Stripe's clock stands still
						}
					})
				})
			},
			state: workflows.SetupNeedsAttention, reason: workflows.ReasonUnauthorized, answer: workflows.CheckoutClosed,
		},
	}
}

// mended ends every outage at a time.
func (b *bench) mended(at time.Duration) {
	b.at(at, func() { b.stripe.edit(func() { clear(b.stripe.down) }) })
}

// input is the situation's.
func (s situation) input() workflows.SavePaymentMethodInput {
	if s.change == nil {
		return setupInput()
	}
	return setupWith(s.change)
}

// distinctKeys are an operation's keys, each once.
func (b *bench) distinctKeys(op string) []string { return slices.Compact(b.keysOf(op)) }
