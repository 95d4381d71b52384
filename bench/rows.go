package bench

import (
	"strconv"

	"github.com/offsession/offsession/activities"
)

// Row is a charge of a benchmark: a row of a manifest, a job of a queue, or a turn of a loop.
type Row struct {
	Reference     string `json:"reference"`
	Customer      string `json:"customer"`
	PaymentMethod string `json:"payment_method"`
	Amount        int64  `json:"amount"`
	Currency      string `json:"currency"`
}

// RowOf is row i (from 0) of a round. Every row has a customer of its own.
func RowOf(round string, i int) Row {
	n := strconv.Itoa(i)
	return Row{
		Reference: round + "-" + n, Customer: "cus_bench" + n, PaymentMethod: "pm_bench" + n,
		Amount: int64(999 + i%9000), Currency: "usd",
	}
}

// Request is what a billing run sends to Stripe for the row.
func (r Row) Request(round string) activities.CreatePaymentIntentRequest {
	return activities.CreatePaymentIntentRequest{
		Amount: r.Amount, Currency: r.Currency, Customer: r.Customer, PaymentMethod: r.PaymentMethod,
		IdempotencyKey: "payment:" + r.Reference + ":charge:1",
		Metadata: map[string]string{
			activities.MetadataWorkflowID: "payment:" + r.Reference,
			activities.MetadataReference:  r.Reference,
			activities.MetadataOwner:      "billing-run:" + round,
			activities.MetadataAttempt:    "1",
		},
	}
}
