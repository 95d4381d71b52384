package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
)

// InvalidInputError is the type of the error with which a workflow refuses its input. The clients check first, so that
// it is seen only when a workflow was started by other means.
const InvalidInputError = "offsession.InvalidInput"

func invalidInput(err error) error {
	return temporal.NewNonRetryableApplicationError(err.Error(), InvalidInputError, nil)
}

// loadZone finds a time zone: in the machine's database, or in the one that the binaries carry. Two workers may know other
// rules; what a run sleeps on is carried in its input where that matters.
func loadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name) //workflowcheck:ignore see above
	if err != nil {
		return nil, invalidInput(fmt.Errorf("time_zone: %s is not an IANA time zone", quoteShort(name)))
	}
	return zone, nil
}
