package activities

import (
	"context"
	"strconv"
	"strings"

	"go.temporal.io/sdk/activity"
)

// LookBackOwnerInput asks for payments that an agreement with the same reference made in an earlier life.
type LookBackOwnerInput struct {
	Customer string `json:"customer"`
	// Owner is the agreement's workflow id, Reference its reference.
	Owner     string `json:"owner"`
	Reference string `json:"reference"`
}

// LookBackOwnerResult is what was found.
type LookBackOwnerResult struct {
	// Found says that there are payments of this agreement already: every charge must look back before it sends.
	Found bool `json:"found,omitempty"`
	// LastNow is the highest k of <reference>~now<k> among them.
	LastNow int `json:"last_now,omitempty"`
}

// lookBackProgress travels in heartbeats: a repetition goes on where the try before ended, so that even a customer with
// very many PaymentIntents is read to the end.
type lookBackProgress struct {
	After string `json:"after,omitempty"`
	LookBackOwnerResult
}

// perHeartbeat is how many PaymentIntents are read between two heartbeats: a page.
const perHeartbeat = 100

// LookBackOwner reads all of the customer's PaymentIntents once, when an agreement starts. It changes nothing. A customer
// that does not exist has none. Errors as for Charge.
func (p *Payments) LookBackOwner(ctx context.Context, in LookBackOwnerInput) (LookBackOwnerResult, error) {
	var progress lookBackProgress
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &progress) != nil {
		progress = lookBackProgress{}
	}
	read := 0
	for intent, err := range p.ports.PaymentIntents.ListPaymentIntents(ctx, ListPaymentIntentsRequest{Customer: in.Customer, After: progress.After}) {
		if IsStripeError(err, StripeMissing) {
			return progress.LookBackOwnerResult, nil
		}
		if err != nil {
			activity.RecordHeartbeat(ctx, progress)
			return LookBackOwnerResult{}, applicationError(err)
		}
		of, ours := strings.CutPrefix(intent.Metadata[MetadataReference], in.Reference+"~")
		if ours || intent.Metadata[MetadataOwner] == in.Owner {
			progress.Found = true
		}
		if k, now := strings.CutPrefix(of, "now"); ours && now {
			if n, err := strconv.ParseUint(k, 10, 31); err == nil {
				progress.LastNow = max(progress.LastNow, int(n))
			}
		}
		progress.After = intent.ID
		if read++; read%perHeartbeat == 0 {
			activity.RecordHeartbeat(ctx, progress)
		}
	}
	return progress.LookBackOwnerResult, nil
}
