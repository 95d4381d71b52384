package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/offsession/offsession/workflows"
)

// Lists show what they were started with until that changes, and the amount of today from then on.
func TestAgreementSearchAttributes(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	var written []map[string]any
	in := agreementInput()
	prepare := b.prepare
	b.prepare = func(env *testsuite.TestWorkflowEnvironment) {
		prepare(env)
		require.NoError(t, env.SetTypedSearchAttributesOnStart(in.StartSearchAttributes(b.start)))
		env.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(args mock.Arguments) {
			set := map[string]any{}
			for key, value := range args.Get(0).(temporal.SearchAttributes).GetUntypedValues() {
				set[key.GetName()] = value
			}
			written = append(written, set)
		}).Return(nil)
	}
	b.newRun(b.start)
	b.at(time.Hour, func() { b.operate(workflows.UpdateChangeAmount, "", workflows.AgreementOperation{Amount: 1299}) })
	b.at(2*time.Hour, func() { b.operate(workflows.UpdatePause, "", workflows.AgreementOperation{}) })
	b.at(3*time.Hour, func() { b.operate(workflows.UpdateCancel, "", workflows.AgreementOperation{}) })
	require.Equal(t, workflows.AgreementCanceled, b.agree(in).State)
	require.Equal(t, []map[string]any{
		{"OffsessionAmount": int64(1299)}, // The rest was set at the start.
		{"OffsessionState": "paused"},
		{"OffsessionState": "canceled"},
	}, written)
}
