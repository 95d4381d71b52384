// Package workflows holds offsession's Temporal workflows, their messages and the decisions in them. Everything here is
// deterministic: what touches the world is an activity.
//
// # Lifecycle
//
// SavePaymentMethod brings a customer to a Checkout Session in setup mode and keeps what was saved:
//
//	open ──> verifying ──> saved
//	  │  <──────┘  │
//	  └────────────┴──> abandoned, canceled
//
// CollectPayment takes one amount owed. It charges off-session when the payment is due; what it does after a no is the
// dunning policy's decision, and what a customer or an operator can do meanwhile depends on the state:
//
//	scheduled ──> charging ──> paid
//	    │          │   │ │
//	    │          │   │ └──> processing ──> paid
//	    │          │   └────> retry_scheduled ──> charging
//	    │          └────────> awaiting_customer ──> paid, uncollectible
//	    └── every state but an end can become needs_attention, and is left by a person or by what Stripe tells later
//
// One whose owner, an agreement or a billing run, has made the first attempt begins in charging with what became of that. It
// tells an agreement how it ended; a run, which may have many thousands, is not told.
//
// BillingAgreement is a customer's permission to be charged again and again. It charges each date itself; a payment that
// does not succeed at once goes on in a CollectPayment, and the agreement hears how it ends:
//
//	saving_card ──> active ──> settling ──> completed
//	                │  ↑ ↑
//	                │  │ └──> on_hold            a date waits for an earlier payment
//	                │  └────> paused             by an operator, or after a failed payment
//	                └───────> needs_attention    something has stopped it
//
// and everything but an end can be canceled.
//
// DeferredSubscription watches a subscription of Stripe's whose first invoice takes no money, until one has been paid. What it
// waits for is read off Stripe each time; the customer is asked when it is theirs to do:
//
//	no_action_needed, ready <──> requires_action           confirm the card with the bank
//	        │                    requires_payment_method   save another one; it becomes the default
//	        │                    processing                the bank is at it
//	        │                    at_risk                   the trial ends soon, or an invoice was not paid
//	        ↓
//	ready_and_paid, and ended from every state: then no SetupIntent is left that could still be confirmed
//
// BillingRun charges a manifest of many amounts, a page of rows at a time. A row that does not succeed goes on in a CollectPayment,
// which the page starts; the run counts, and never holds a row itself:
//
//	validating ──> awaiting_approval ──> queued ──> charging ──> reporting ──> completed
//	    │  ↑                               ↑ │        │    ↑
//	    │  │                               │ └─> paused <─┘     by an operator, or by its own brake
//	    └─>needs_attention <───────────────┴──────────┘         the manifest, or a file, is not as it should be
//
// and everything but an end can be canceled: pages under way are finished, and what was not sent is reported as not charged.
// ScheduledRun is what a Temporal Schedule starts: it starts the billing run of its nominal time, and ends.
//
// The complete tables of moves stand in payment_moves.go, agreement_moves.go, subscription_moves.go and billing_run_state.go, and
// are drawn below.
//
// All but ScheduledRun are built alike. One coroutine, the main loop, does everything that changes state; Updates and signals are put
// into its queue, so that no two Stripe writes of a workflow overlap. Signals are hints: they make the loop re-read
// Stripe. Every wait has an end, which the search attribute OffsessionNextActionAt shows. State lives in one versioned
// struct, which is all that continue-as-new carries over.
//
// # Moves of a payment
//
//	scheduled          to charging retry_scheduled awaiting_customer processing needs_attention paid uncollectible canceled
//	charging           to retry_scheduled awaiting_customer processing needs_attention paid canceled
//	processing         to scheduled retry_scheduled awaiting_customer needs_attention paid uncollectible canceled
//	retry_scheduled    to charging awaiting_customer processing needs_attention paid uncollectible canceled
//	awaiting_customer  to scheduled retry_scheduled processing needs_attention paid uncollectible canceled
//	needs_attention    to scheduled retry_scheduled awaiting_customer processing paid uncollectible canceled
//
// # Moves of an agreement
//
//	saving_card        to active canceled
//	active             to on_hold paused needs_attention settling canceled
//	on_hold            to active paused needs_attention settling canceled
//	paused             to active needs_attention canceled
//	needs_attention    to active paused canceled
//	settling           to completed canceled
//
// # Moves of a subscription
//
//	no_action_needed         to requires_action requires_payment_method processing ready at_risk ready_and_paid ended
//	requires_action          to no_action_needed requires_payment_method processing ready at_risk ready_and_paid ended
//	requires_payment_method  to no_action_needed requires_action processing ready at_risk ready_and_paid ended
//	processing               to no_action_needed requires_action requires_payment_method ready at_risk ready_and_paid ended
//	ready                    to no_action_needed requires_action requires_payment_method processing at_risk ready_and_paid ended
//	at_risk                  to no_action_needed requires_action requires_payment_method processing ready ready_and_paid ended
//
// # Moves of a billing run
//
//	validating         to awaiting_approval queued needs_attention canceled
//	awaiting_approval  to queued reporting
//	queued             to charging paused reporting
//	charging           to paused needs_attention reporting
//	paused             to queued charging reporting
//	needs_attention    to validating queued reporting canceled
//	reporting          to completed canceled
package workflows
