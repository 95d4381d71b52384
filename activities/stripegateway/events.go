package stripegateway

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// maxEventTypes is how many types Stripe accepts in one list request.
const maxEventTypes = 20

// Events lists the events created at since or later, of the types given or of all when there are none, page by page and
// newest first, as Stripe does. Stripe keeps them for 30 days. The first error ends the sequence.
// https://docs.stripe.com/api/events/list
func (g *Gateway) Events(ctx context.Context, since time.Time, types []string) iter.Seq2[activities.Event, error] {
	return func(yield func(activities.Event, error) bool) {
		params := &stripe.EventListParams{CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: since.Unix()}}
		params.Limit = stripe.Int64(pageSize)
		if len(types) <= maxEventTypes {
			params.Types = optionalList(types)
		}
		call := operation{name: "list_events"}
		for listed, err := range g.client.V1Events.List(ctx, params) {
			if err != nil {
				yield(activities.Event{}, g.failure(call, err))
				return
			}
			if len(types) > 0 && !slices.Contains(types, string(listed.Type)) {
				continue
			}
			event := wireEvent{ID: listed.ID, Type: string(listed.Type), Created: listed.Created, Livemode: listed.Livemode}
			if listed.Data != nil {
				if json.Unmarshal(listed.Data.Raw, &event.Data.Object) != nil {
					yield(activities.Event{}, g.failure(call, errIncomplete))
					return
				}
				previous, _ := listed.Data.PreviousAttributes["customer"].(string)
				event.Data.PreviousAttributes.Customer = reference(previous)
			}
			if !yield(event.event(), nil) {
				return
			}
		}
	}
}

// wireEvent is the little that is read of an event's JSON, whatever API version it was made for.
type wireEvent struct {
	ID       string `json:"id"`
	Object   string `json:"object"`
	Type     string `json:"type"`
	Created  int64  `json:"created"`
	Livemode bool   `json:"livemode"`
	Data     struct {
		Object             wireObject `json:"object"`
		PreviousAttributes struct {
			Customer reference `json:"customer"`
		} `json:"previous_attributes"`
	} `json:"data"`
}

type wireObject struct {
	ID            reference `json:"id"`
	Object        reference `json:"object"`
	Metadata      labels    `json:"metadata"`
	Customer      reference `json:"customer"`
	PaymentIntent reference `json:"payment_intent"`
	PaymentMethod reference `json:"payment_method"`
	Subscription  reference `json:"subscription"`
	Parent        parent    `json:"parent"`
}

func (e wireEvent) event() activities.Event {
	object := e.Data.Object
	out := activities.Event{
		ID:               e.ID,
		Type:             e.Type,
		ObjectID:         string(object.ID),
		ObjectType:       string(object.Object),
		WorkflowID:       object.Metadata[activities.MetadataWorkflowID],
		Owner:            object.Metadata[activities.MetadataOwner],
		Customer:         string(object.Customer),
		PreviousCustomer: string(e.Data.PreviousAttributes.Customer),
		Livemode:         e.Livemode,
		Created:          instant(e.Created),
	}
	switch object.Object {
	case "customer":
		out.Customer = string(object.ID)
	case "charge", "refund", "dispute", "radar.early_fraud_warning":
		out.PaymentIntent = string(object.PaymentIntent)
	case "mandate":
		out.PaymentMethod = string(object.PaymentMethod)
	case "subscription":
		out.Subscription = string(object.ID)
	case "invoice":
		// Endpoints of an older API version are told it by the invoice itself.
		out.Subscription = cmp.Or(string(object.Parent.Subscription), string(object.Subscription))
	}
	return out
}

// reference is an id, or the id of an object in its place. Foreign events may hold anything there: that is no id.
type reference string

// UnmarshalJSON never fails.
func (r *reference) UnmarshalJSON(data []byte) error {
	var id string
	if json.Unmarshal(data, &id) != nil {
		var object struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(data, &object) == nil {
			id = object.ID
		}
	}
	*r = reference(id)
	return nil
}

// parent is what made an invoice. What is no object has no subscription.
// https://docs.stripe.com/api/invoices/object#invoice_object-parent
type parent struct{ Subscription reference }

// UnmarshalJSON never fails.
func (p *parent) UnmarshalJSON(data []byte) error {
	var object struct {
		Details struct {
			Subscription reference `json:"subscription"`
		} `json:"subscription_details"`
	}
	if json.Unmarshal(data, &object) == nil {
		p.Subscription = object.Details.Subscription
	}
	return nil
}

// labels are metadata. What is not a map of strings has none.
type labels map[string]string

// UnmarshalJSON never fails.
func (l *labels) UnmarshalJSON(data []byte) error {
	var m map[string]string
	if json.Unmarshal(data, &m) == nil {
		*l = m
	}
	return nil
}
