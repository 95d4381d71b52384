package workflows_test

import (
	"context"

	"github.com/offsession/offsession/activities"
)

func (f *fakeStripe) ConfirmSetupIntent(context.Context, string, string, string) (activities.SetupIntent, error) {
	panic("not expected")
}

func (f *fakeStripe) SetupIntentsOf(context.Context, string, string) ([]activities.SetupIntent, error) {
	panic("not expected")
}
