package amountsource_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/amountsource"
)

// The app's side: verify the signature over the raw body, find what is due, answer the same whenever the same reference
// is asked for.
func Example() {
	secret := "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3" // AMOUNT_WEBHOOK_SECRET
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		log.Fatal(err)
	}
	bills := map[string]int64{"gym-17~20260331": 1099} // what was decided for a reference stays decided
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		if err != nil || verifier.Verify(body, r.Header) != nil {
			http.Error(w, "bad signature", http.StatusUnauthorized)
			return
		}
		var asked struct {
			Reference   string    `json:"reference"`
			Currency    string    `json:"currency"`
			PeriodStart time.Time `json:"period_start"`
			PeriodEnd   time.Time `json:"period_end"`
		}
		if err := json.Unmarshal(body, &asked); err != nil {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		amount, known := bills[asked.Reference]
		if !known {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"reference": asked.Reference, "currency": asked.Currency, "amount": amount,
			"description": "Visits until " + asked.PeriodEnd.Format("2 January"),
		})
	}))
	defer app.Close()

	// What the worker does with AMOUNT_WEBHOOK_URL and AMOUNT_WEBHOOK_SECRET.
	source, err := amountsource.NewWebhook(app.URL, secret, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, reference := range []string{"gym-17~20260331", "gym-17~20260430"} {
		answer, err := source.RequestAmount(context.Background(), activities.RequestAmountInput{
			Agreement: "gym-17", Reference: reference, Customer: "cus_123", Currency: "usd",
			PeriodStart: time.Date(2026, 2, 28, 8, 0, 0, 0, time.UTC), PeriodEnd: time.Date(2026, 3, 31, 7, 0, 0, 0, time.UTC),
		})
		fmt.Printf("%+v %v\n", answer, err)
	}
	// Output:
	// {Amount:1099 Description:Visits until 31 March} <nil>
	// {Amount:0 Description:} amount of the app: answered 404, it does not know the reference
}
