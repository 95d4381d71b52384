package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

func exampleSubscription(change ...func(*client.Subscription)) client.Subscription {
	s := client.Subscription{
		SubscriptionStatus: workflows.SubscriptionStatus{
			Reference: "sub_1", State: workflows.SubscriptionRequiresAction, Need: workflows.NeedConfirmation, Customer: "cus_1",
			Status: activities.SubscriptionTrialing, PendingSetupIntent: "seti_1", SetupIntentStatus: activities.SetupIntentRequiresAction,
			PaymentMethod: "pm_1", Currency: "usd", TrialEnd: noon.AddDate(0, 0, 14), PeriodEnd: noon.AddDate(0, 0, 14), ReadAt: noon,
			DefaultOn: workflows.DefaultOnSubscription, TimeZone: "Europe/Berlin", Description: "Plan Gold", AskedAt: noon, Messages: 2,
			SetupIntents: []workflows.SubscriptionSetup{{ID: "seti_1", Status: activities.SetupIntentRequiresAction}},
			Steps:        []workflows.SubscriptionStep{{At: noon, State: workflows.SubscriptionRequiresAction, Need: workflows.NeedConfirmation}},
			NextActionAt: noon.AddDate(0, 0, 1),
			Audit:        []workflows.AuditEntry{{At: noon, Update: "cancel", Actor: "support", Reason: "moved by hand", State: "ended"}},
		},
		WorkflowID: "subscription:sub_1", Link: "https://pay.example.com/c/x",
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

func TestSubscriptionText(t *testing.T) {
	t.Parallel()
	require.Equal(t, `Subscription sub_1: requires_action
  description          Plan Gold
  customer             cus_1
  status at Stripe     trialing
  give access          no
  waits for            confirmation
  pending SetupIntent  seti_1 (requires_action)
  payment method       pm_1
  new default on       subscription
  trial ends           2026-03-15 13:00:00 Europe/Berlin (2026-03-15 12:00:00 UTC)
  next invoice         2026-03-15 13:00:00 Europe/Berlin (2026-03-15 12:00:00 UTC)
  asked                2026-03-01 13:00:00 Europe/Berlin (2026-03-01 12:00:00 UTC), 2 messages
  link                 https://pay.example.com/c/x
  next action          2026-03-02 13:00:00 Europe/Berlin (2026-03-02 12:00:00 UTC)
  read from Stripe     2026-03-01 13:00:00 Europe/Berlin (2026-03-01 12:00:00 UTC)

Steps
  at                                                           state            because  waits for
  2026-03-01 13:00:00 Europe/Berlin (2026-03-01 12:00:00 UTC)  requires_action  -        confirmation

Operations
  at                                                           what    by       why            then
  2026-03-01 13:00:00 Europe/Berlin (2026-03-01 12:00:00 UTC)  cancel  support  moved by hand  ended
`, subscriptionText(exampleSubscription()))

	unpaid := subscriptionText(exampleSubscription(func(s *client.Subscription) {
		s.State, s.Reason, s.Need, s.Status = workflows.SubscriptionAtRisk, workflows.SubscriptionReasonInvoiceUnpaid, workflows.NeedInvoicePaid, activities.SubscriptionPastDue
		s.Invoice, s.Amount, s.NextPaymentAttempt, s.Messages = "in_1", 1099, noon.AddDate(0, 0, 3), 1
	}))
	require.Contains(t, unpaid, "Subscription sub_1: at_risk (invoice_unpaid)\n")
	require.Contains(t, unpaid, "  unpaid invoice         in_1, $10.99 (1099 usd)\n")
	require.Contains(t, unpaid, "  Stripe tries it again  2026-03-04 13:00:00 Europe/Berlin")
	require.Contains(t, unpaid, ", 1 message\n")

	earlier := subscriptionText(exampleSubscription(func(s *client.Subscription) {
		s.SetupIntents = append([]workflows.SubscriptionSetup{{ID: "seti_0", Status: activities.SetupIntentCanceled}}, s.SetupIntents...)
	}))
	require.Contains(t, earlier, `
SetupIntents that were pending
  SetupIntent  status when read last
  seti_0       canceled
  seti_1       requires_action
`)

	var terminated client.Subscription
	terminated.Reference, terminated.State, terminated.Reason = "sub_1", workflows.SubscriptionAtRisk, client.ReasonWorkflowTerminated
	require.Equal(t, "Subscription sub_1: at_risk (workflow_terminated)\n", subscriptionText(terminated))

	ready := exampleSubscription(func(s *client.Subscription) { s.State, s.Need, s.Ready = workflows.SubscriptionReady, "", true })
	require.Contains(t, subscriptionText(ready), "  give access          yes\n")
	require.NotContains(t, subscriptionText(ready), "  asked ")
}

func TestSubscriptionJSON(t *testing.T) {
	t.Parallel()
	got := encoded(t, showSubscription(exampleSubscription()))
	for key, want := range map[string]any{
		"reference": "sub_1", "workflow_id": "subscription:sub_1", "state": "requires_action", "need": "confirmation", "status": "trialing", "ready": false,
		"pending_setup_intent": "seti_1", "setup_intent_status": "requires_action", "link": "https://pay.example.com/c/x", "payment_method": "pm_1",
		"next_action_at": "2026-03-02T12:00:00Z", "trial_end": "2026-03-15T12:00:00Z", "description": "Plan Gold",
	} {
		require.Equal(t, want, got[key], key)
	}
	// Scripts read these keys without asking first whether they are there.
	empty := encoded(t, showSubscription(client.Subscription{}))
	for key, want := range map[string]any{
		"state": "", "reason": "", "need": "", "pending_setup_intent": "", "setup_intent_status": "", "link": "", "payment_method": "", "customer": "",
		"ready": false, "next_action_at": nil, "trial_end": nil, "workflow_id": "",
	} {
		require.Contains(t, empty, key)
		require.Equal(t, want, empty[key], key)
	}
}

func TestSubscriptionListText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "no subscriptions", subscriptionListText(nil))
	require.Equal(t, `subscription  state                 customer  next action
sub_1         ready                 cus_1     2026-03-01 12:00:00 UTC
sub_2         at_risk (Terminated)  cus_2     -
`, subscriptionListText([]client.SubscriptionSummary{
		{Reference: "sub_1", State: workflows.SubscriptionReady, Customer: "cus_1", NextActionAt: noon},
		{Reference: "sub_2", State: workflows.SubscriptionAtRisk, Customer: "cus_2", ExecutionStatus: "Terminated"},
	}))
}

func TestSubscriptionExplanation(t *testing.T) {
	t.Parallel()
	const (
		cancel = "cancel the subscription in Stripe, or end the watch: starter subscription unwatch sub_1 --actor A --reason R."
		link   = "send the customer the link: https://pay.example.com/c/x; "
		next   = "  The watch acts next at 2026-03-02 12:00:00 UTC, and at once when Stripe sends an event or the customer opens the link.\n"
		told   = ", since 2026-03-01 12:00:00 UTC, in 2 messages so far. Reminders go out as the policy of the watch says, at most one in 20 hours, until "
		trial  = "  Stripe makes an invoice when the trial ends, at 2026-03-15 12:00:00 UTC, and charges the default payment method."
		lost   = " Without any, trial_settings.end_behavior of the subscription says what happens: it is canceled, paused, or past_due.\n"
	)
	type sub = client.Subscription
	for _, test := range []struct {
		name   string
		change func(*sub)
		want   string
	}{
		{"RequiresAction", func(*sub) {}, `Subscription sub_1: requires_action
  The customer must confirm the payment method with the bank.
  Its pending SetupIntent waits for the customer: seti_1 (requires_action).
  The customer is asked to confirm the payment method with the bank` + told + "that is done or the subscription ends.\n" + next + trial + lost + "  You can: " + link + cancel + "\n"},
		{"RequiresPaymentMethod", func(s *sub) {
			s.State, s.Need, s.Reason, s.SetupIntentStatus = workflows.SubscriptionRequiresPaymentMethod, workflows.NeedPaymentMethod, "card_declined", activities.SetupIntentRequiresPaymentMethod
			s.Messages, s.Undelivered = 0, []string{"m1"}
		}, `Subscription sub_1: requires_payment_method
  The customer must give a payment method.
  Its payment method was refused: card_declined, seti_1 (requires_payment_method).
  The customer is asked to save a payment method, which becomes the default of the subscription, and has not been written to about it yet. 1 message could not be delivered.
` + next + trial + lost + "  You can: " + link + cancel + "\n"},
		{"Processing", func(s *sub) {
			s.State, s.Need, s.SetupIntentStatus, s.Link = workflows.SubscriptionProcessing, workflows.NeedBank, activities.SetupIntentProcessing, ""
		}, `Subscription sub_1: processing
  The bank is working on it; nobody can do anything but wait.
  Its payment method is being confirmed: seti_1 (processing).
  The customer is asked for nothing.
` + next + trial + lost + "  You can: " + cancel + "\n"},
		{"Ready", func(s *sub) {
			s.State, s.Need, s.PendingSetupIntent, s.SetupIntentStatus, s.Link = workflows.SubscriptionReady, "", "", "", ""
		}, `Subscription sub_1: ready
  What had to be done is done: Stripe can charge it. Its first invoice above zero is awaited.
  The customer is asked for nothing.
` + next + trial + "\n  You can: " + cancel + "\n"},
		{"AtRiskTrialEnding", func(s *sub) {
			s.State, s.Reason = workflows.SubscriptionAtRisk, workflows.SubscriptionReasonTrialEnding
		}, `Subscription sub_1: at_risk
  The subscription may be lost.
  The end of its trial is 2026-03-15 12:00:00 UTC, and Stripe cannot charge it yet.
  The customer is asked to confirm the payment method with the bank` + told + "that is done or the subscription ends.\n" + next + trial + lost + "  You can: " + link + cancel + "\n"},
		{"AtRiskInvoiceUnpaid", func(s *sub) {
			s.State, s.Reason, s.Need, s.Status = workflows.SubscriptionAtRisk, workflows.SubscriptionReasonInvoiceUnpaid, workflows.NeedInvoicePaid, activities.SubscriptionPastDue
			s.Invoice, s.Amount, s.NextPaymentAttempt = "in_1", 1099, noon.AddDate(0, 0, 3)
		}, `Subscription sub_1: at_risk
  The subscription may be lost.
  Stripe could not collect an invoice: in_1, $10.99 (1099 usd).
  The customer is asked to pay the invoice on Stripe's page` + told + "it is paid or the subscription ends.\n" + next +
			"  Stripe itself tries to collect the invoice again at 2026-03-04 12:00:00 UTC.\n  You can: " + link + cancel + "\n"},
		{"AtRiskPaused", func(s *sub) {
			s.State, s.Reason, s.Status = workflows.SubscriptionAtRisk, workflows.SubscriptionReasonPaused, activities.SubscriptionPaused
			s.Need, s.PendingSetupIntent, s.SetupIntentStatus, s.TrialEnd = workflows.NeedPaymentMethod, "", "", time.Time{}
		}, `Subscription sub_1: at_risk
  The subscription may be lost.
  Its trial ended without a payment method, and Stripe has paused it.
  The customer is asked to save a payment method, which becomes the default of the subscription` + told + "that is done or the subscription ends.\n" + next +
			"  Stripe bills nothing until the subscription is resumed.\n  You can: let the app resume the subscription in Stripe once there is a payment method; " + link + cancel + "\n"},
		{"Unwatched", func(s *sub) {
			s.State, s.Reason, s.Need, s.NextActionAt, s.Link = workflows.SubscriptionEnded, workflows.SubscriptionReasonUnwatched, "", time.Time{}, ""
		}, `Subscription sub_1: ended
  Nobody watches it any more.
  Somebody ended the watch (support: moved by hand); the subscription went on.
  You can: starter subscription watch sub_1 begins another watch.
`},
		{"CanceledWithOneLeft", func(s *sub) {
			s.State, s.Reason, s.Need, s.NextActionAt, s.Link = workflows.SubscriptionEnded, workflows.SubscriptionReasonCanceled, "", time.Time{}, ""
			s.SetupIntents = []workflows.SubscriptionSetup{{ID: "seti_1", Status: activities.SetupIntentCanceled}, {ID: "seti_2", Status: activities.SetupIntentProcessing}}
		}, `Subscription sub_1: ended
  Nobody watches it any more.
  The subscription was canceled. Stripe did not let these SetupIntents be canceled: seti_2 (processing).
`},
		{"ReadyAndPaid", func(s *sub) {
			s.State, s.Need, s.NextActionAt, s.Link = workflows.SubscriptionReadyAndPaid, "", time.Time{}, ""
		}, `Subscription sub_1: ready_and_paid
  Its first invoice above zero is paid. From here on it is Stripe's alone, and nobody watches it any more.
`},
		{"Terminated", func(s *sub) {
			*s = client.Subscription{}
			s.Reference, s.State, s.Reason = "sub_1", workflows.SubscriptionAtRisk, client.ReasonWorkflowTerminated
		}, `Subscription sub_1: at_risk
  The subscription may be lost.
  Its workflow was terminated or has failed: nobody watches it any more.
  You can: starter subscription watch sub_1 begins another watch.
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := exampleSubscription(func(s *client.Subscription) { s.TimeZone = "UTC" }, test.change)
			require.Equal(t, test.want, explainSubscription(s).text())
		})
	}
}

// Every state, need, reason and status has words, whatever they come with.
func TestSubscriptionExplanationIsComplete(t *testing.T) {
	t.Parallel()
	states := []workflows.SubscriptionState{
		workflows.SubscriptionNoActionNeeded, workflows.SubscriptionRequiresAction, workflows.SubscriptionRequiresPaymentMethod, workflows.SubscriptionProcessing,
		workflows.SubscriptionReady, workflows.SubscriptionAtRisk, workflows.SubscriptionReadyAndPaid, workflows.SubscriptionEnded,
	}
	for _, state := range states {
		require.NotEmpty(t, meaningText(exampleSubscription(func(s *client.Subscription) { s.State = state })), state)
	}
	for _, reason := range []string{
		workflows.SubscriptionReasonTrialEnding, workflows.SubscriptionReasonInvoiceUnpaid, workflows.SubscriptionReasonPaused, workflows.SubscriptionReasonCanceled,
		workflows.SubscriptionReasonIncompleteExpired, workflows.SubscriptionReasonMissing, workflows.SubscriptionReasonUnwatched, workflows.ReasonUnauthorized,
		workflows.ReasonInvalidRequest, client.ReasonWorkflowTerminated,
	} {
		require.NotEmpty(t, whyText(exampleSubscription(func(s *client.Subscription) { s.State, s.Reason, s.Need = workflows.SubscriptionAtRisk, reason, "" })), reason)
	}
	for _, need := range []workflows.SubscriptionNeed{
		workflows.NeedConfirmation, workflows.NeedPaymentMethod, workflows.NeedBank, workflows.NeedInvoicePaid,
	} {
		for _, setup := range []activities.SetupIntentStatus{"", activities.SetupIntentRequiresPaymentMethod, activities.SetupIntentCanceled} {
			for _, reason := range []string{"", "card_declined", string(activities.SubscriptionIncomplete)} {
				s := exampleSubscription(func(s *client.Subscription) {
					s.State, s.Need, s.Reason, s.SetupIntentStatus, s.Invoice, s.Amount = workflows.SubscriptionRequiresAction, need, reason, setup, "in_1", 1099
					if setup == "" {
						s.PendingSetupIntent = ""
					}
				})
				require.NotEmpty(t, whyText(s))
				require.NotEmpty(t, customerText(s))
				require.NotContains(t, explainSubscription(s).text(), "  .", "no part is empty: %s", explainSubscription(s).text())
			}
		}
	}
	for _, status := range []activities.SubscriptionStatus{
		activities.SubscriptionIncomplete, activities.SubscriptionTrialing, activities.SubscriptionActive, activities.SubscriptionPastDue, activities.SubscriptionUnpaid,
		activities.SubscriptionPaused,
	} {
		require.NotEmpty(t, stripeText(exampleSubscription(func(s *client.Subscription) { s.Status, s.Invoice = status, "in_1" })), status)
	}
	e := encoded(t, explainSubscription(exampleSubscription()))
	for _, key := range []string{"reference", "state", "meaning", "why", "customer", "next", "stripe", "operator"} {
		require.NotEmpty(t, e[key], key)
	}
}

// fakeReadings knows one subscription.
type fakeReadings struct {
	reading activities.SubscriptionReading
	err     error
}

func (f fakeReadings) ReadSubscription(context.Context, string) (activities.SubscriptionReading, error) {
	return f.reading, f.err
}

func TestSubscriptionReady(t *testing.T) {
	t.Parallel()
	type reading = activities.SubscriptionReading
	trialing := func(status activities.SetupIntentStatus) reading {
		return reading{Status: activities.SubscriptionTrialing, Customer: "cus_1", SetupIntent: "seti_1", SetupStatus: status, PaymentMethod: "pm_1"}
	}
	with := func(r reading, change func(*reading)) reading {
		change(&r)
		return r
	}
	for _, test := range []struct {
		name    string
		reading reading
		want    string
	}{
		{"NothingPending", reading{Status: activities.SubscriptionActive}, "yes: it is active, and no SetupIntent is pending"},
		{"Succeeded", trialing(activities.SetupIntentSucceeded), "yes: it is trialing, and its SetupIntent seti_1 has succeeded"},
		{"OwnSetup", with(trialing(activities.SetupIntentCanceled), func(r *reading) { r.OwnSetup = true }), "yes: it is trialing; its SetupIntent seti_1 is canceled, and our own setup of its payment method has succeeded"},
		{"Paid", with(trialing(activities.SetupIntentCanceled), func(r *reading) { r.PaidInvoice = "in_1" }), "yes: it is trialing; its SetupIntent seti_1 is canceled, and its invoice in_1 has been paid"},
		{"Canceled", trialing(activities.SetupIntentCanceled), "no: it is trialing; its SetupIntent seti_1 is canceled, and nothing shows that its payment method can be charged"},
		{"RequiresAction", trialing(activities.SetupIntentRequiresAction), "no: it is trialing, but the customer must confirm its payment method with the bank: seti_1 is requires_action"},
		{"RequiresConfirmation", trialing(activities.SetupIntentRequiresConfirmation), "no: it is trialing, but the customer must confirm its payment method with the bank: seti_1 is requires_confirmation"},
		{"RequiresPaymentMethod", trialing(activities.SetupIntentRequiresPaymentMethod), "no: it is trialing, but the customer must give a payment method: seti_1 is requires_payment_method"},
		{"Processing", trialing(activities.SetupIntentProcessing), "no: it is trialing, but the bank is still confirming its payment method: seti_1 is processing"},
		{"PastDue", reading{Status: activities.SubscriptionPastDue}, "no: its status is past_due, neither active nor trialing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := (&app{stdout: &out, output: outputText}).answerReady(t.Context(), fakeReadings{reading: test.reading}, "sub_1")
			require.Equal(t, test.want+"\n", out.String())
			yes := strings.HasPrefix(test.want, "yes")
			require.Equal(t, test.reading.Ready(), yes)
			if yes {
				require.NoError(t, err)
			} else {
				require.Equal(t, exitRefused, exitCode(err))
				require.EqualError(t, err, "sub_1 is not ready")
			}
			out.Reset()
			err = (&app{stdout: &out, output: outputJSON}).answerReady(t.Context(), fakeReadings{reading: test.reading}, "sub_1")
			require.Equal(t, yes, err == nil)
			var got map[string]any
			require.NoError(t, json.Unmarshal(out.Bytes(), &got))
			require.Equal(t, yes, got["ready"])
			require.Equal(t, string(test.reading.Status), got["status"])
			for _, key := range []string{"subscription", "reason", "customer", "pending_setup_intent", "setup_intent_status", "own_setup", "payment_method", "paid_invoice"} {
				require.Contains(t, got, key)
			}
		})
	}
	var out bytes.Buffer
	err := (&app{stdout: &out, output: outputText}).answerReady(t.Context(), fakeReadings{err: fmt.Errorf("sub_1 in Stripe: %w", client.ErrNotFound)}, "sub_1")
	require.Equal(t, exitNotFound, exitCode(err))
	require.Empty(t, out.String())
}

func listed(last error, decisions ...client.AdoptDecision) iter.Seq2[client.Adoption, error] {
	return func(yield func(client.Adoption, error) bool) {
		for i, decision := range decisions {
			a := client.Adoption{
				Subscription: fmt.Sprintf("sub_%d", i+1), Decision: decision, Customer: "cus_1", Status: activities.SubscriptionTrialing,
				PendingSetupIntent: "seti_1", SetupIntentStatus: activities.SetupIntentRequiresAction,
			}
			if decision == client.AdoptFailed {
				a.Code, a.Err = "temporal", errors.New("down")
			}
			if !yield(a, nil) {
				return
			}
		}
		if last != nil {
			yield(client.Adoption{}, last)
		}
	}
}

func TestSubscriptionAdoptAll(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	a := &app{stdout: &out, stderr: &errs, output: outputText}
	all := []client.AdoptDecision{
		client.AdoptWould, client.AdoptWatchedAlready, client.AdoptNothingPending, client.AdoptNothingPending, client.AdoptSendInvoice, client.AdoptUnwatched,
	}
	require.NoError(t, a.adoptAll(listed(nil, all...), true, time.Hour))
	require.Equal(t, `subscription  decision         status    pending SetupIntent       customer
sub_1         would_adopt      trialing  seti_1 (requires_action)  cus_1
sub_2         watched_already  trialing  seti_1 (requires_action)  cus_1
sub_6         unwatched        trialing  seti_1 (requires_action)  cus_1
6 subscriptions seen: 1 would be adopted, 1 watched already, 2 with nothing pending, 1 with collection_method send_invoice, 1 unwatched by somebody
This was a dry run; start watching them with --yes
`, out.String())
	require.Empty(t, errs.String())

	out.Reset()
	err := a.adoptAll(listed(nil, client.Adopted, client.AdoptFailed, client.Adopted), false, 0)
	require.EqualError(t, err, "1 of 3 subscriptions could not be decided about; repeat the command")
	require.Equal(t, exitFailed, exitCode(err))
	require.Contains(t, out.String(), "sub_2         failed (temporal)  trialing")
	require.Contains(t, out.String(), "\n3 subscriptions seen: 2 adopted, 1 failed\n")
	require.NotContains(t, out.String(), "dry run")
	require.Equal(t, "1 subscription seen: 1 adopted\nsub_2: down\n2 subscriptions seen: 1 adopted, 1 failed\n3 subscriptions seen: 2 adopted, 1 failed\n",
		errs.String(), "how far it is, and what went wrong")

	out.Reset()
	a.output = outputJSON
	require.NoError(t, a.adoptAll(listed(nil, all...), true, time.Hour))
	var got map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	for key, want := range map[string]any{
		"dry_run": true, "seen": 6., "would_adopt": 1., "adopted": 0., "watched_already": 1., "nothing_pending": 2., "send_invoice": 1., "unwatched": 1., "failed": 0.,
	} {
		require.Equal(t, want, got[key], key)
	}
	require.Equal(t, map[string]any{
		"subscription": "sub_1", "decision": "would_adopt", "customer": "cus_1", "status": "trialing", "pending_setup_intent": "seti_1",
		"setup_intent_status": "requires_action",
	}, got["subscriptions"].([]any)[0])

	out.Reset()
	require.NoError(t, a.adoptAll(listed(nil), true, time.Hour))
	require.Contains(t, out.String(), `"subscriptions": []`)
}

// What was adopted before the list came to a bad end is shown all the same.
func TestSubscriptionAdoptAllIsInterrupted(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	var out bytes.Buffer
	a := &app{stdout: &out, output: outputText}
	err := a.adoptAll(listed(down, client.Adopted), false, time.Hour)
	require.ErrorIs(t, err, down)
	require.EqualError(t, err, "after 1 subscription: down; repeat the command")
	require.Contains(t, out.String(), "1 subscription seen: 1 adopted")

	out.Reset()
	require.Equal(t, down, a.adoptAll(listed(down), false, time.Hour))
	require.Empty(t, out.String())
}
