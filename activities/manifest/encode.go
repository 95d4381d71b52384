package manifest

import (
	"encoding/json"
	"strconv"

	"github.com/offsession/offsession/activities"
)

// appendRow appends what json.Marshal makes of a row, in a tenth of the time.
func appendRow(out []byte, row activities.RunRow) []byte {
	out = appendText(append(out, `{"reference":`...), row.Reference)
	out = appendText(append(out, `,"customer":`...), row.Customer)
	if row.PaymentMethod != "" {
		out = appendText(append(out, `,"payment_method":`...), row.PaymentMethod)
	}
	out = strconv.AppendInt(append(out, `,"amount":`...), row.Amount, 10)
	out = appendText(append(out, `,"currency":`...), row.Currency)
	if row.Description != "" {
		out = appendText(append(out, `,"description":`...), row.Description)
	}
	if len(row.Metadata) > 0 {
		out = append(out, `,"metadata":{`...)
		for i, key := range activities.SortedKeys(row.Metadata) {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendText(append(appendText(out, key), ':'), row.Metadata[key])
		}
		out = append(out, '}')
	}
	return append(out, '}')
}

// appendText appends a JSON string.
func appendText(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // text always is JSON
			return append(out, quoted...)
		}
	}
	return append(append(append(out, '"'), s...), '"')
}

// parseRow is the opposite; false when it is nothing that appendRow made.
func parseRow(text []byte) (activities.RunRow, bool) {
	var raw rawRow
	parseObject(text, &raw)
	amount, err := strconv.ParseInt(raw.values[columnAmount], 10, 64)
	return activities.RunRow{
		Reference: raw.values[columnReference], Customer: raw.values[columnCustomer], PaymentMethod: raw.values[columnPaymentMethod],
		Amount: amount, Currency: raw.values[columnCurrency], Description: raw.values[columnDescription], Metadata: raw.metadata,
	}, err == nil && len(raw.problems) == 0
}
