package manifest

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/money"
)

// column is one of a row's.
type column int

const (
	columnReference column = iota
	columnCustomer
	columnPaymentMethod
	columnAmount
	columnCurrency
	columnDescription
	columnMetadata
)

var (
	columnNames     = [...]string{"reference", "customer", "payment_method", "amount", "currency", "description", "metadata"}
	requiredColumns = []column{columnReference, columnCustomer, columnAmount, columnCurrency}
)

const (
	allowedKeys    = "reference, customer, payment_method, amount, currency, description, metadata"
	allowedColumns = "reference, customer, payment_method, amount, currency, description, metadata.<key>"
	// metadataPrefix is how the columns of metadata begin in CSV.
	metadataPrefix = "metadata."
)

// Rules never repeat the value: they go where values must not.
const (
	ruleUTF8     = "must be UTF-8"
	ruleAmount   = "a whole number in minor units: 1099 for 10.99 USD, 1099 for 1099 JPY"
	ruleCurrency = "must be a three-letter code of a currency that Stripe charges in, such as usd (docs.stripe.com/currencies)"
)

// rawRow is a row as it was read, with what is wrong with its form.
type rawRow struct {
	line     int
	values   [columnMetadata]string
	metadata map[string]string
	problems []activities.RunProblem
	// isBroken says that the values cannot be told apart: none is known.
	isBroken bool
}

func (r *rawRow) reset(line int) { *r = rawRow{line: line, problems: r.problems[:0]} }

func (r *rawRow) setMetadata(key, value string) {
	if r.metadata == nil {
		r.metadata = map[string]string{}
	}
	r.metadata[key] = value
}

// problemsPerRow is how many problems of one row are told: an object may have a hundred thousand keys.
const problemsPerRow = 100

const ruleMore = "there is more wrong with the row"

// problem notes what is wrong.
func (r *rawRow) problem(column, value, rule string) {
	if len(r.problems) > problemsPerRow {
		return
	}
	if len(r.problems) == problemsPerRow {
		column, value, rule = "", "", ruleMore
	}
	r.problems = append(r.problems, activities.RunProblem{Line: r.line, Column: column, Value: shorten(value), Rule: rule})
}

func (r *rawRow) broken(rule string) {
	r.problem("", "", rule)
	r.values, r.metadata, r.isBroken = [columnMetadata]string{}, nil, true
}

// checker checks rows by themselves and against the earlier ones.
type checker struct {
	seeds [2]maphash.Seed
	// lines is where each reference stands first, by 96 bits of its hash: two of a million are equal with a chance of 10⁻¹⁷, and
	// then a row is refused, not charged twice.
	lines map[[12]byte]uint32
}

func newChecker() *checker {
	return &checker{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, lines: map[[12]byte]uint32{}}
}

// check returns the row normalised; it is good when raw has no problems afterwards.
func (c *checker) check(raw *rawRow) activities.RunRow {
	if raw.isBroken {
		return activities.RunRow{Line: raw.line}
	}
	row := activities.RunRow{
		Line:          raw.line,
		Reference:     raw.values[columnReference],
		Customer:      raw.values[columnCustomer],
		PaymentMethod: raw.values[columnPaymentMethod],
		Description:   raw.values[columnDescription],
		Metadata:      raw.metadata,
	}
	wrong := func(at column, rule error) bool {
		if rule != nil {
			raw.problem(columnNames[at], raw.values[at], rule.Error())
		}
		return rule != nil
	}
	if !wrong(columnReference, activities.CheckReference(row.Reference)) {
		if first := c.seen(row.Reference, raw.line); first != 0 {
			raw.problem(columnNames[columnReference], row.Reference, fmt.Sprintf("the reference stands in line %d already", first))
		}
	}
	wrong(columnCustomer, activities.CheckCustomer(row.Customer))
	if row.PaymentMethod != "" {
		wrong(columnPaymentMethod, activities.CheckPaymentMethod(row.PaymentMethod))
	}
	c.checkAmount(raw, &row)
	wrong(columnDescription, activities.CheckDescription(row.Description))
	c.checkMetadata(raw)
	return row
}

func (c *checker) checkAmount(raw *rawRow, row *activities.RunRow) {
	text := raw.values[columnAmount]
	amount, amountErr := money.ParseAmount(text)
	switch {
	case amountErr == nil:
	case raw.told(columnAmount): // by the reader, in other words
	default:
		raw.problem(columnNames[columnAmount], text, "must be "+ruleAmount)
	}
	currency, err := money.NormalizeCurrency(raw.values[columnCurrency])
	if err != nil {
		if !raw.told(columnCurrency) {
			raw.problem(columnNames[columnCurrency], raw.values[columnCurrency], ruleCurrency)
		}
		if amountErr == nil && amount <= 0 {
			raw.problem(columnNames[columnAmount], text, "must be positive")
		}
		return
	}
	row.Currency = currency
	if amountErr != nil {
		return
	}
	row.Amount = amount
	if err := money.Check(amount, currency); err != nil {
		raw.problem(columnNames[columnAmount], text, strings.TrimPrefix(err.Error(), "amount: "))
	}
}

// told says whether the column has a problem already.
func (r *rawRow) told(at column) bool {
	for _, p := range r.problems {
		if p.Column == columnNames[at] {
			return true
		}
	}
	return false
}

func (c *checker) checkMetadata(raw *rawRow) {
	const name = "metadata"
	activities.CheckMetadata(raw.metadata, func(value string, rule error) { raw.problem(name, value, rule.Error()) })
	for key, value := range raw.metadata {
		if strings.ContainsRune(key, 0) || strings.ContainsRune(value, 0) {
			raw.problem(name, key, ruleNUL)
			return
		}
	}
}

// seen notes where a reference stands, and returns the line where it stood before, or 0.
func (c *checker) seen(reference string, line int) int {
	var key [12]byte
	binary.LittleEndian.PutUint64(key[:], maphash.String(c.seeds[0], reference))
	binary.LittleEndian.PutUint32(key[8:], uint32(maphash.String(c.seeds[1], reference)))
	if first, ok := c.lines[key]; ok {
		return int(first)
	}
	c.lines[key] = uint32(line)
	return 0
}

// shorten makes a value fit for a line of text.
func shorten(value string) string {
	const most = 60
	cut := value
	if len(cut) > most {
		end := most
		for end > most-utf8.UTFMax && !utf8.RuneStart(value[end]) {
			end--
		}
		cut = value[:end]
	}
	if !utf8.ValidString(cut) || strings.ContainsFunc(cut, unicode.IsControl) {
		quoted := strconv.Quote(cut)
		cut = quoted[1 : len(quoted)-1]
	}
	if len(value) > most {
		cut += "…"
	}
	return cut
}
