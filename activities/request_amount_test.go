package activities_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// amountStub is an app that says one thing.
type amountStub struct {
	res activities.RequestAmountResult
	err error
}

func (s amountStub) RequestAmount(context.Context, activities.RequestAmountInput) (activities.RequestAmountResult, error) {
	return s.res, s.err
}

func TestRequestAmount(t *testing.T) {
	t.Parallel()
	in := activities.RequestAmountInput{Agreement: "gym-17", Reference: "gym-17~20260331", Customer: "cus_123", Currency: "usd"}
	ask := func(source activities.AmountSource) (activities.RequestAmountResult, error) {
		return do(t, &run{}, activities.New(activities.Ports{Amounts: source}).Amounts.RequestAmount, in)
	}

	want := activities.RequestAmountResult{Amount: 1099, Description: "March"}
	got, err := ask(amountStub{res: want})
	require.NoError(t, err)
	require.Equal(t, want, got)

	_, err = ask(amountStub{err: &activities.UnusableAmountError{Reason: "amount: -1"}})
	requireError(t, err, activities.ErrorAmountInvalid, false)
	require.ErrorContains(t, err, "amount of the app: amount: -1")

	_, err = ask(amountStub{err: errors.New("answered 503")})
	requireError(t, err, activities.ErrorAmountUnavailable, true)
	require.ErrorContains(t, err, "answered 503")

	_, err = ask(nil)
	requireError(t, err, activities.ErrorAmountInvalid, false)
	require.ErrorContains(t, err, "AMOUNT_WEBHOOK_URL: not set")
}
