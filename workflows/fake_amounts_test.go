package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// errSilent is an app that does not answer.
var errSilent = errors.New("no answer")

// amountAnswer is what the app says to one request: an amount, silence or something unusable.
type amountAnswer struct {
	activities.RequestAmountResult
	err error
}

func answersAmount(amount int64) amountAnswer {
	return amountAnswer{RequestAmountResult: activities.RequestAmountResult{Amount: amount}}
}

func answersNothing() amountAnswer { return amountAnswer{err: errSilent} }

func answersGarbage() amountAnswer {
	return amountAnswer{err: &activities.UnusableAmountError{Reason: `amount: "10.99"; must be a whole number`}}
}

// fakeAmounts is the app behind activities.AmountSource. The next requests are answered as scripted, in order; when the
// script is empty, by standing. It remembers the amount it gave a reference and gives it again, and reports a request
// that asks for other values under the same reference.
type fakeAmounts struct {
	t        tb
	mu       sync.Mutex
	script   []amountAnswer
	standing amountAnswer
	given    map[string]amountAnswer
	first    map[string]activities.RequestAmountInput
	requests []activities.RequestAmountInput
}

func newFakeAmounts(t tb, standing amountAnswer) *fakeAmounts {
	t.Helper()
	return &fakeAmounts{t: t, standing: standing, given: map[string]amountAnswer{}, first: map[string]activities.RequestAmountInput{}}
}

// next scripts the answers to the next requests.
func (f *fakeAmounts) next(answers ...amountAnswer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.script = append(f.script, answers...)
}

// asked lists the requests so far.
func (f *fakeAmounts) asked() []activities.RequestAmountInput {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]activities.RequestAmountInput(nil), f.requests...)
}

// RequestAmount implements activities.AmountSource.
func (f *fakeAmounts) RequestAmount(_ context.Context, in activities.RequestAmountInput) (activities.RequestAmountResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, in)
	if first, ok := f.first[in.Reference]; ok && fmt.Sprint(first) != fmt.Sprint(in) {
		f.t.Errorf("%s was asked for with %v before, and now with %v", in.Reference, first, in)
	}
	f.first[in.Reference] = in
	if given, ok := f.given[in.Reference]; ok {
		return given.RequestAmountResult, nil
	}
	answer := f.standing
	if len(f.script) > 0 {
		answer, f.script = f.script[0], f.script[1:]
	}
	if answer.err == nil {
		f.given[in.Reference] = answer
	}
	return answer.RequestAmountResult, answer.err
}

func TestFakeAmountsKeepsItsWord(t *testing.T) {
	t.Parallel()
	f := newFakeAmounts(t, answersAmount(500))
	f.next(answersNothing(), answersGarbage(), answersAmount(1099))
	ask := func(reference string) (int64, error) {
		res, err := f.RequestAmount(t.Context(), activities.RequestAmountInput{Agreement: "gym-17", Reference: reference})
		return res.Amount, err
	}
	_, err := ask("gym-17~20260131")
	require.ErrorIs(t, err, errSilent)
	var unusable *activities.UnusableAmountError
	_, err = ask("gym-17~20260131")
	require.ErrorAs(t, err, &unusable)
	for range 2 {
		amount, err := ask("gym-17~20260131")
		require.NoError(t, err)
		require.EqualValues(t, 1099, amount)
	}
	amount, err := ask("gym-17~20260228")
	require.NoError(t, err)
	require.EqualValues(t, 500, amount)
	require.Len(t, f.asked(), 5)
}
