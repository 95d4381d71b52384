package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/dunning"
)

// An app saves a customer's card, and charges it when the order ships.
func Example() { //nolint:testableexamples // needs a server
	ctx := context.Background()
	billing, err := client.Dial(ctx)
	if err != nil {
		log.Fatal(err)
	}

	saved, err := billing.SavePaymentMethod(ctx, client.SavePaymentMethodParams{Reference: "gym-17", Customer: "cus_123"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("send the customer to", saved.Link)
	if _, err := billing.WaitSaved(ctx, "gym-17"); err != nil {
		log.Fatal(err)
	}

	if _, err := billing.StartPayment(ctx, client.PaymentParams{
		Reference: "order-17", Customer: "cus_123", Amount: 1099, Currency: "usd", Due: time.Now().AddDate(0, 0, 14),
	}); err != nil {
		log.Fatal(err)
	}
	payment, err := billing.Wait(ctx, "order-17")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(payment.State, payment.PaymentIntent)
	billing.Close()
}

// A retry of the same call is harmless. Another amount under the same reference is refused.
func ExampleClient_StartPayment() { //nolint:testableexamples // needs a server
	ctx := context.Background()
	billing, err := client.Dial(ctx)
	if err != nil {
		log.Fatal(err)
	}

	patient := dunning.DefaultPolicy()
	patient.CustomerWindow = dunning.Days(30)
	started, err := billing.StartPayment(ctx, client.PaymentParams{
		Reference: "order-18", Customer: "cus_123", PaymentMethod: "pm_123", Amount: 5000, Currency: "jpy",
		Description: "Order 18", Metadata: map[string]string{"order": "18"}, Policy: &patient, Events: workflows.EventsAll,
	})
	if refused, ok := errors.AsType[*client.RefusedError](err); ok {
		log.Fatal(refused.Message) // the reference belongs to another payment
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(started.WorkflowID, started.AlreadyStarted)
	billing.Close()
}

// A membership is charged on the last day of every month, 24 times. A file holds the same for starter agreement start.
func ExampleClient_StartAgreement() { //nolint:testableexamples // needs a server
	ctx := context.Background()
	billing, err := client.Dial(ctx)
	if err != nil {
		log.Fatal(err)
	}

	membership := client.AgreementParams{
		Reference: "gym-17", Customer: "cus_123", PaymentMethod: "pm_123", Amount: 1099, Currency: "usd", MaxAmountPerMonth: 5000,
		TimeZone: "Europe/Berlin", Schedule: calendar.Schedule{Every: "month", On: "31", At: "09:00", Count: 24},
	}
	if _, err := billing.StartAgreement(ctx, membership); err != nil {
		log.Fatal(err)
	}
	charged, err := billing.ChargeNow(ctx, "gym-17", client.AgreementOperation{
		Actor: "front desk", Reason: "locker key lost", RequestID: "locker-key-1", Amount: 500,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(charged.Payment, charged.PaymentState)
	billing.Close()
}

// The month's invoices stand in a file. Each is charged once, and what does not succeed goes on as a payment of its own.
func ExampleClient_StartRun() { //nolint:testableexamples // needs a server
	ctx := context.Background()
	billing, err := client.Dial(ctx)
	if err != nil {
		log.Fatal(err)
	}

	july := client.RunParams{
		Reference: "july-2026", Manifest: "s3://billing/july.csv?region=eu-central-1", Rate: 15, MaxTotal: map[string]int64{"usd": 5000000},
	}
	if _, err := billing.StartRun(ctx, july); err != nil {
		log.Fatal(err)
	}
	run, err := billing.WaitRun(ctx, "july-2026")
	if err != nil {
		log.Fatal(err)
	}
	if run.NeedsPerson() {
		log.Fatalf("%s (%s): look at starter run show july-2026", run.State, run.Reason)
	}
	fmt.Println(run.State, run.Totals.Rows(activities.ChargeSucceeded), run.ReportCSV)
	billing.Close()
}

// What an agreement would charge can be asked without a server. 31 is the last day of shorter months, too.
func ExamplePreview() {
	preview, err := client.Preview(client.AgreementParams{
		Customer: "cus_123", PaymentMethod: "pm_123", Amount: 1099, Currency: "usd",
		TimeZone: "Europe/Berlin", Schedule: calendar.Schedule{Every: "month", On: "31", At: "09:00"},
	}, time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC), 3)
	if err != nil {
		log.Fatal(err)
	}
	for _, date := range preview.Dates {
		fmt.Println(date.Local, date.Amount, date.Reference)
	}
	// Output:
	// 2026-01-31T09:00:00+01:00 1099 20260131
	// 2026-02-28T09:00:00+01:00 1099 20260228
	// 2026-03-31T09:00:00+02:00 1099 20260331
}

// Every value that is not allowed is reported, by field, before anything is sent.
func ExampleInvalidError() {
	billing, err := client.New(nil, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = billing.StartPayment(context.Background(), client.PaymentParams{Reference: "order 17", Customer: "cus_123", Currency: "usd"})
	fmt.Println(err)
	// Output:
	// reference: "order 17" is not allowed; use 1 to 120 characters of A-Z a-z 0-9 . _ -
	// amount: 0 USD must be positive
}

func ExampleClient_ListPayments() { //nolint:testableexamples // needs a server
	ctx := context.Background()
	billing, err := client.Dial(ctx)
	if err != nil {
		log.Fatal(err)
	}

	for payment, err := range billing.ListPayments(ctx, client.PaymentFilter{State: workflows.PaymentNeedsAttention}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(payment.Reference, payment.Customer, payment.NextActionAt)
	}
	billing.Close()
}
