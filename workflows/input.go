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

// loadZone finds a time zone in the database that the binaries carry.
func loadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name) //workflowcheck:ignore the embedded database, the same for every replay
	if err != nil {
		return nil, invalidInput(fmt.Errorf("time_zone: %s is not an IANA time zone", quoteShort(name)))
	}
	return zone, nil
}
