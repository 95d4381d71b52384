package amountsource

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/appwebhook"
	"github.com/offsession/offsession/workflows/money"
)

const (
	// answerLimit is far above what an answer needs.
	answerLimit = 64 << 10
	// maxDescription is Stripe's limit for a PaymentIntent's description.
	maxDescription = 1000
)

var (
	answerKeys = []string{"reference", "amount", "currency", "description"}
	// wholeNumber is how JSON writes one; 1e3 and 10.0 are numbers too, but nobody counts money like that on purpose.
	wholeNumber = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)
	// harmless values are codes, references and numbers. What else the app sends may name a person.
	harmless = regexp.MustCompile(`^("[A-Za-z0-9._~:/+-]*"|-?[0-9][0-9.eE+-]*|true|false|null)$`)
	// harmlessKey is a name that a programmer gives.
	harmlessKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)
)

// readAnswer reads the app's answer to in. Every error is an *activities.UnusableAmountError.
func readAnswer(answer appwebhook.Answer, in activities.RequestAmountInput) (activities.RequestAmountResult, error) {
	none := activities.RequestAmountResult{}
	if mediaType, _, err := mime.ParseMediaType(answer.ContentType); err != nil || mediaType != "application/json" {
		return none, unusable("content type: %s; must be application/json", shown(strconv.Quote(mediaType)))
	}
	if len(answer.Body) > answerLimit {
		return none, unusable("answer: longer than %d bytes", answerLimit)
	}
	if !utf8.Valid(answer.Body) {
		return none, unusable("answer: not UTF-8")
	}
	fields, err := readFields(answer.Body)
	if err != nil {
		return none, unusable("%s", err)
	}
	for _, key := range answerKeys[:3] {
		if fields[key] == nil {
			return none, unusable("%s: missing", key)
		}
	}
	if got, ok := text(fields["reference"]); !ok || got != in.Reference {
		return none, unusable("reference: %s; must be %q, as asked for", shown(string(fields["reference"])), in.Reference)
	}
	if got, ok := text(fields["currency"]); !ok || got != in.Currency {
		return none, unusable("currency: %s; must be %q, as asked for", shown(string(fields["currency"])), in.Currency)
	}
	res := activities.RequestAmountResult{}
	if res.Amount, err = readAmount(fields["amount"], in.Currency); err != nil {
		return none, unusable("%s", err)
	}
	if raw := fields["description"]; raw != nil {
		var ok bool
		if res.Description, ok = text(raw); !ok || utf8.RuneCountInString(res.Description) > maxDescription || strings.ContainsFunc(res.Description, unicode.IsControl) {
			return none, unusable("description: must be a text of at most %d characters on one line", maxDescription)
		}
	}
	return res, nil
}

// readFields reads one JSON object. encoding/json alone would take "Amount" for "amount", and the last of two amounts.
func readFields(body []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("answer: must be a JSON object")
	}
	fields := map[string]json.RawMessage{}
	for d.More() {
		token, err := d.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return nil, errors.New("answer: not valid JSON")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errors.New("answer: not valid JSON")
		}
		switch {
		case !slices.Contains(answerKeys, key) && harmlessKey.MatchString(key):
			return nil, fmt.Errorf("%s: unknown key; allowed are %s", key, strings.Join(answerKeys, ", "))
		case !slices.Contains(answerKeys, key):
			return nil, fmt.Errorf("answer: an unknown key; allowed are %s", strings.Join(answerKeys, ", "))
		case fields[key] != nil:
			return nil, fmt.Errorf("%s: given twice", key)
		}
		fields[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("answer: not valid JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("answer: more than one JSON object")
	}
	return fields, nil
}

// readAmount accepts 0, for nothing due, and what Stripe can be asked for.
func readAmount(raw json.RawMessage, currency string) (int64, error) {
	if !wholeNumber.Match(raw) {
		return 0, fmt.Errorf("amount: %s; must be a whole number of minor units, 0 or more, without quotes, point or exponent", shown(string(raw)))
	}
	amount, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("amount: %s; too large", shown(string(raw)))
	}
	if amount == 0 {
		return 0, nil
	}
	return amount, money.Check(amount, currency)
}

// text is the value of a JSON string.
func text(raw json.RawMessage) (string, bool) {
	var s *string
	if json.Unmarshal(raw, &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}

// shown is a JSON value for an error that stands in history and log: shortened, and only its kind when it could name a
// person.
func shown(raw string) string {
	const most = 40
	switch {
	case harmless.MatchString(raw) && len(raw) > most:
		return raw[:most] + "…"
	case harmless.MatchString(raw):
		return raw
	case strings.HasPrefix(raw, `"`):
		return "another text"
	case strings.HasPrefix(raw, "{"):
		return "an object"
	}
	return "an array"
}
