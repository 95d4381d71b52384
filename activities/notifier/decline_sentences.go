package notifier

import (
	_ "embed"
	"encoding/csv"
	"strings"
)

// What to tell a customer about a decline code, after https://docs.stripe.com/declines/codes. Codes that hint at
// fraud, and codes that say nothing to a customer, have no row: Stripe asks to show such declines as generic ones.
//
//go:embed decline_sentences.csv
var declineSentencesCSV string

// declineSentences is read only after start.
var declineSentences = mustReadSentences(declineSentencesCSV)

func mustReadSentences(data string) map[string]string {
	rows, err := csv.NewReader(strings.NewReader(data)).ReadAll()
	if err != nil {
		panic("decline_sentences.csv: " + err.Error())
	}
	sentences := make(map[string]string, len(rows))
	for _, row := range rows[1:] {
		sentences[row[0]] = row[1]
	}
	return sentences
}
