package stripesandbox_test

import (
	"encoding/json"
	"slices"

	"pgregory.net/rapid"
)

// What the API shows, as far as the invariants need it.

type billedSubscription struct {
	ID         string `json:"id"`
	Status     string `json:"status"`
	Customer   string `json:"customer"`
	TestClock  string `json:"test_clock"`
	Latest     string `json:"latest_invoice"`
	Pending    string `json:"pending_setup_intent"`
	Collection string `json:"collection_method"`
	Anchor     int64  `json:"billing_cycle_anchor"`
	TrialEnd   int64  `json:"trial_end"`
	EndedAt    int64  `json:"ended_at"`
	Items      struct {
		Data []struct {
			ID    string `json:"id"`
			Start int64  `json:"current_period_start"`
			End   int64  `json:"current_period_end"`
		} `json:"data"`
	} `json:"items"`
}

func (sub billedSubscription) over() bool {
	return sub.Status == "canceled" || sub.Status == "incomplete_expired"
}

type billedEvent struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Data struct {
		Object   json.RawMessage `json:"object"`
		Previous map[string]any  `json:"previous_attributes"`
	} `json:"data"`
}

type amount struct {
	Amount int `json:"amount"`
}

type billedInvoice struct {
	raw        string
	ID         string   `json:"id"`
	Status     string   `json:"status"`
	Reason     string   `json:"billing_reason"`
	Collection string   `json:"collection_method"`
	Customer   string   `json:"customer"`
	Created    int64    `json:"created"`
	Subtotal   int      `json:"subtotal"`
	Total      int      `json:"total"`
	Due        int      `json:"amount_due"`
	Paid       int      `json:"amount_paid"`
	Remaining  int      `json:"amount_remaining"`
	Starting   int      `json:"starting_balance"`
	Ending     int      `json:"ending_balance"`
	Attempted  bool     `json:"attempted"`
	Off        []amount `json:"total_discount_amounts"`
	Lines      struct {
		Data []billedLine `json:"data"`
	} `json:"lines"`
	Parent struct {
		Details struct {
			Subscription string `json:"subscription"`
		} `json:"subscription_details"`
	} `json:"parent"`
	Payments struct {
		Data []struct {
			Status    string `json:"status"`
			Requested int    `json:"amount_requested"`
			Payment   struct {
				Intent string `json:"payment_intent"`
			} `json:"payment"`
		} `json:"data"`
	} `json:"payments"`
}

type billedLine struct {
	Amount   int      `json:"amount"`
	Quantity int      `json:"quantity"`
	Off      []amount `json:"discount_amounts"`
	Period   struct {
		Start int64 `json:"start"`
		End   int64 `json:"end"`
	} `json:"period"`
	Parent struct {
		Details struct {
			Item string `json:"subscription_item"`
		} `json:"subscription_item_details"`
	} `json:"parent"`
	Pricing struct {
		Details struct {
			Price string `json:"price"`
		} `json:"price_details"`
	} `json:"pricing"`
}

func (inv billedInvoice) over() bool { return inv.Status == "paid" || inv.Status == "void" }

func (inv billedInvoice) subscription() string { return inv.Parent.Details.Subscription }

func (inv billedInvoice) intent() string {
	if len(inv.Payments.Data) == 0 {
		return ""
	}
	return inv.Payments.Data[0].Payment.Intent
}

// everything lists more than a page, oldest first.
func everything(t *rapid.T, i *invariants, path string) []json.RawMessage {
	var all []json.RawMessage
	for after := ""; ; {
		part := parsed[page](t, i, i.get(path+after))
		all = append(all, part.Data...)
		if !part.HasMore {
			slices.Reverse(all)
			return all
		}
		after = "&starting_after=" + parsed[shownObject](t, i, all[len(all)-1]).ID
	}
}

func as[T any](t *rapid.T, i *invariants, all []json.RawMessage) []T {
	list := make([]T, len(all))
	for n, raw := range all {
		list[n] = parsed[T](t, i, raw)
	}
	return list
}
