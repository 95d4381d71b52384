package workflows_test

import (
	"errors"
	"log/slog"
	"maps"
	"slices"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// theOwner is the agreement that the tests' payments come from.
const theOwner = "agreement:gym"

// ownersTries is how often the owner sends its attempt before it hands the payment over as unknown.
const ownersTries = 3

func ownedInput() workflows.CollectPaymentInput {
	in := paymentInput()
	in.Owner = theOwner
	return in
}

// ownersCharge is the attempt that the owner makes: the values that the payment is handed over with.
func ownersCharge(in workflows.CollectPaymentInput) activities.ChargeInput {
	return activities.ChargeInput{
		Reference: in.Reference, Attempt: 1, Owner: in.Owner, Amount: in.Amount, Currency: in.Currency, Customer: in.Customer,
		PaymentMethod: in.PaymentMethod, Description: in.Description, StatementSuffix: in.StatementSuffix, Metadata: in.Metadata,
	}
}

// send runs the charge activity once, outside the workflow under test.
func (b *bench) send(charge activities.ChargeInput) (activities.ChargeResult, error) {
	b.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	acts := activities.New(b.stripe.ports())
	env.RegisterActivity(acts.Payments.Charge)
	value, err := env.ExecuteActivity(acts.Payments.Charge, charge)
	if err != nil {
		return activities.ChargeResult{}, err //nolint:wrapcheck // the test looks at it
	}
	var res activities.ChargeResult
	require.NoError(b, value.Get(&res))
	return res, nil
}

// handOver makes the first attempt as the owner does, and hands the payment over with what became of it.
func (b *bench) handOver(in workflows.CollectPaymentInput, change ...func(*activities.ChargeInput)) workflows.CollectPaymentInput {
	b.Helper()
	charge := ownersCharge(in)
	for _, c := range change {
		c(&charge)
	}
	in.AttemptOne = &workflows.AttemptOne{At: b.start, ChargeResult: activities.ChargeResult{Outcome: activities.ChargeUnknown}}
	for range ownersTries {
		res, err := b.send(charge)
		if err == nil {
			in.AttemptOne.ChargeResult = res
			return in
		}
		if app, ok := errors.AsType[*temporal.ApplicationError](err); ok && app.NonRetryable() {
			return in
		}
		in.AttemptOne.FirstSentAt = b.start
	}
	return in
}

// requireOwned: whatever can be paid names the owner, so that an event about it finds somebody.
func (b *bench) requireOwned() {
	b.Helper()
	for _, id := range slices.Sorted(maps.Keys(b.stripe.intents)) {
		if pi := b.stripe.intents[id]; b.stripe.owner(id) == nil && pi.Metadata[activities.MetadataAttempt] != "" {
			require.Equal(b, theOwner, pi.Metadata[activities.MetadataOwner], id)
		}
	}
	for _, s := range b.stripe.opened {
		require.Equal(b, theOwner, s.Metadata[activities.MetadataOwner], s.IdempotencyKey)
	}
}
