package amountsource

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/appwebhook"
)

func TestGoodAnswers(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]activities.RequestAmountResult{
		goodAnswer: {Amount: 1099},
		`{"currency":"usd","amount":0,"reference":"gym-17~20260331"}`:                                {},
		`{"reference":"gym-17~20260331","amount":999999999999,"currency":"usd"}`:                     {Amount: 999999999999},
		`{"reference":"gym-17~20260331","amount":1,"currency":"usd","description":"March, 3 Räume"}`: {Amount: 1, Description: "March, 3 Räume"},
		`{"reference":"gym-17~20260331","amount":1,"currency":"usd","description":""}`:               {Amount: 1},
		"\n {\"reference\":\"gym-17\\u007e20260331\" , \"amount\" : 5,\"currency\":\"usd\"}\r\n\t":   {Amount: 5},
	} {
		got, err := app(t, says(http.StatusOK, "application/json", body)).RequestAmount(t.Context(), march)
		require.NoError(t, err, body)
		require.Equal(t, want, got)
	}
}

func TestUnusableAnswers(t *testing.T) {
	t.Parallel()
	const allowed = "; allowed are reference, amount, currency, description"
	const whole = "; must be a whole number of minor units, 0 or more, without quotes, point or exponent"
	amount := func(text string) string {
		return `{"reference":"gym-17~20260331","currency":"usd","amount":` + text + `}`
	}
	const head = `{"reference":"gym-17~20260331","amount":1099,`
	for _, tt := range []struct{ name, body, reason string }{
		{"Empty", ``, "answer: must be a JSON object"},
		{"Text", `OK`, "answer: must be a JSON object"},
		{"HTML", `<html>jane</html>`, "answer: must be a JSON object"},
		{"Null", `null`, "answer: must be a JSON object"},
		{"Number", `1099`, "answer: must be a JSON object"},
		{"Array", `[` + goodAnswer + `]`, "answer: must be a JSON object"},
		{"NotUTF8", "{\"reference\":\"gym\xff\"}", "answer: not UTF-8"},
		{"CutOff", goodAnswer[:len(goodAnswer)-1], "answer: not valid JSON"},
		{"CutOffInAKey", `{"refer`, "answer: not valid JSON"},
		{"CutOffInAValue", `{"reference":"gym`, "answer: not valid JSON"},
		{"TrailingComma", head + `"currency":"usd",}`, "answer: not valid JSON"},
		{"TwoAnswers", goodAnswer + goodAnswer, "answer: more than one JSON object"},
		{"TrailingText", goodAnswer + "x", "answer: more than one JSON object"},
		{"Deep", head + `"currency":` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + `}`, "answer: not valid JSON"},

		{"UnknownKey", head + `"currency":"usd","tax":19}`, "tax: unknown key" + allowed},
		{"KeyOfOtherCase", `{"reference":"gym-17~20260331","Amount":1099,"currency":"usd"}`, "Amount: unknown key" + allowed},
		{"PrivateKey", head + `"currency":"usd","jane doe":1}`, "answer: an unknown key" + allowed},
		{"LongKey", head + `"` + strings.Repeat("k", 500) + `":1}`, "answer: an unknown key" + allowed},
		{"AmountTwice", head + `"amount":2,"currency":"usd"}`, "amount: given twice"},

		{"NothingGiven", `{}`, "reference: missing"},
		{"NoReference", `{"amount":1099,"currency":"usd"}`, "reference: missing"},
		{"NoAmount", `{"reference":"gym-17~20260331","currency":"usd"}`, "amount: missing"},
		{"NoCurrency", `{"reference":"gym-17~20260331","amount":1099}`, "currency: missing"},

		{"OtherReference", `{"reference":"gym-17~20260228","amount":1099,"currency":"usd"}`, `reference: "gym-17~20260228"; must be "gym-17~20260331", as asked for`},
		{"ReferenceOfOtherCase", `{"reference":"Gym-17~20260331","amount":1099,"currency":"usd"}`, `reference: "Gym-17~20260331"; must be "gym-17~20260331", as asked for`},
		{"ReferenceNull", `{"reference":null,"amount":1099,"currency":"usd"}`, `reference: null; must be "gym-17~20260331", as asked for`},
		{"ReferenceObject", `{"reference":{"id":"jane"},"amount":1099,"currency":"usd"}`, `reference: an object; must be "gym-17~20260331", as asked for`},
		{"ReferencePrivate", `{"reference":"jane@doe.example","amount":1099,"currency":"usd"}`, `reference: another text; must be "gym-17~20260331", as asked for`},
		{"ReferenceLong", `{"reference":"` + strings.Repeat("r", 500) + `","amount":1099,"currency":"usd"}`, `reference: "` + strings.Repeat("r", 39) + `…; must be "gym-17~20260331", as asked for`},

		{"OtherCurrency", head + `"currency":"eur"}`, `currency: "eur"; must be "usd", as asked for`},
		{"CurrencyOfOtherCase", head + `"currency":"USD"}`, `currency: "USD"; must be "usd", as asked for`},
		{"CurrencyArray", head + `"currency":["usd"]}`, `currency: an array; must be "usd", as asked for`},

		{"Negative", amount("-1099"), "amount: -1099" + whole},
		{"NegativeZero", amount("-0"), "amount: -0" + whole},
		{"Fraction", amount("10.99"), "amount: 10.99" + whole},
		{"WholeFraction", amount("1099.0"), "amount: 1099.0" + whole},
		{"Exponent", amount("1e3"), "amount: 1e3" + whole},
		{"Quoted", amount(`"1099"`), `amount: "1099"` + whole},
		{"AmountNull", amount("null"), "amount: null" + whole},
		{"AmountTrue", amount("true"), "amount: true" + whole},
		{"AmountPrivate", amount(`"jane, 10 EUR"`), "amount: another text" + whole},
		{"TooLargeForStripe", amount("1000000000000"), "amount: 1000000000000 USD is too large, Stripe takes at most 12 digits (999999999999)"},
		{"TooLargeForUs", amount("9223372036854775808"), "amount: 9223372036854775808; too large"},
		{"FarTooLarge", amount(strings.Repeat("9", 5000)), "amount: " + strings.Repeat("9", 40) + "…; too large"},

		{"DescriptionNull", head + `"currency":"usd","description":null}`, "description: must be a text of at most 1000 characters on one line"},
		{"DescriptionNumber", head + `"currency":"usd","description":7}`, "description: must be a text of at most 1000 characters on one line"},
		{"DescriptionOfTwoLines", head + `"currency":"usd","description":"a\nb"}`, "description: must be a text of at most 1000 characters on one line"},
		{"DescriptionLong", head + `"currency":"usd","description":"` + strings.Repeat("ü", 1001) + `"}`, "description: must be a text of at most 1000 characters on one line"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := app(t, says(http.StatusOK, "application/json", tt.body)).RequestAmount(t.Context(), march)
			requireUnusable(t, err, tt.reason)
		})
	}
}

func TestAmountsFollowTheCurrency(t *testing.T) {
	t.Parallel()
	in := march
	in.Currency = "isk"
	w := app(t, says(http.StatusOK, "application/json", `{"reference":"gym-17~20260331","amount":150,"currency":"isk"}`))
	_, err := w.RequestAmount(t.Context(), in)
	requireUnusable(t, err, "amount: 150 ISK must be a multiple of 100 (Stripe counts ISK in hundredths but takes no fractions of it)")
}

func TestContentType(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]string{
		"application/json":                  "",
		"Application/JSON; charset=UTF-8":   "",
		"text/html; charset=utf-8":          `content type: "text/html"; must be application/json`,
		"application/problem+json":          `content type: "application/problem+json"; must be application/json`,
		"text/plain":                        `content type: "text/plain"; must be application/json`,
		"jane doe; x":                       `content type: ""; must be application/json`,
		"application/x-www-form-urlencoded": `content type: "application/x-www-form-urlencoded"; must be application/json`,
	} {
		_, err := app(t, says(http.StatusOK, contentType, goodAnswer)).RequestAmount(t.Context(), march)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		requireUnusable(t, err, want)
	}
}

// The app may send what it likes; only the limit is read of it, also when it is compressed.
func TestLongAnswers(t *testing.T) {
	t.Parallel()
	padded := goodAnswer + strings.Repeat(" ", answerLimit-len(goodAnswer))
	res, err := app(t, says(http.StatusOK, "application/json", padded)).RequestAmount(t.Context(), march)
	require.NoError(t, err)
	require.EqualValues(t, 1099, res.Amount)
	_, err = app(t, says(http.StatusOK, "application/json", padded+" ")).RequestAmount(t.Context(), march)
	requireUnusable(t, err, "answer: longer than 65536 bytes")

	endless := app(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat(" ", 32<<10)); err != nil {
				return
			}
		}
	})
	_, err = endless.RequestAmount(t.Context(), march)
	requireUnusable(t, err, "answer: longer than 65536 bytes")
}

func TestWhateverTheAppSaysIsTheAmountItMeantOrRefused(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`-?[0-9]{1,14}(\.[0-9]{1,3})?(e[0-9])?`), rapid.String(), rapid.StringMatching(`"[0-9]{1,5}"`)).Draw(t, "amount")
		body := `{"reference":"gym-17~20260331","currency":"usd","amount":` + text + `}`
		res, err := readAnswer(appwebhook.Answer{ContentType: "application/json", Body: []byte(body)}, march)
		if err == nil {
			require.Equal(t, strings.Trim(text, " \t\r\n"), strconv.FormatInt(res.Amount, 10))
			require.LessOrEqual(t, res.Amount, int64(999_999_999_999))
			return
		}
		var unusable *activities.UnusableAmountError
		require.ErrorAs(t, err, &unusable)
	})
}
