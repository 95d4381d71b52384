package manifest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/manifest"
)

const (
	header    = "reference,customer,amount,currency,description,metadata.plan\n"
	columns   = "reference, customer, payment_method, amount, currency, description, metadata.<key>"
	firstRow  = "the first row must name the columns " + columns
	ruleMinor = "must be a whole number in minor units: 1099 for 10.99 USD, 1099 for 1099 JPY"
	ruleCode  = "must be a three-letter code of a currency that Stripe charges in, such as usd (docs.stripe.com/currencies)"
	ruleRef   = "use 1 to 120 characters of A-Z a-z 0-9 . _ -"
	ruleCus   = "must be the id of a Stripe customer, cus_…"
	ruleLong  = "a row must have at most 1048576 bytes"
	ruleKey   = "the key is none of reference, customer, payment_method, amount, currency, description, metadata"
	tenMB     = 10 << 20
)

func TestRowsThatAreNotAllowed(t *testing.T) {
	t.Parallel()
	type problem struct {
		line                int
		column, value, rule string
	}
	type problems []problem
	for name, test := range map[string]struct {
		file, content string
		rows          int
		want          problems
	}{
		"Duplicate": {"a.csv", header + "a,cus_1,1,usd,,\nb,cus_1,1,usd,,\na,cus_2,1,usd,,\n", 2, problems{{4, "reference", "a", "the reference stands in line 2 already"}}},
		"DuplicateOfARejected": {"a.csv", header + "a,cus_1,0,usd,,\na,cus_2,1,usd,,\n", 0, problems{
			{2, "amount", "0", "0 USD must be positive"}, {3, "reference", "a", "the reference stands in line 2 already"},
		}},
		"EveryColumn": {"a.csv", "payment_method," + header + "cus_1,a b,pm_1,10.99,xyz,\"two\nlines\",\n", 0, problems{
			{2, "reference", "a b", ruleRef}, {2, "customer", "pm_1", ruleCus}, {2, "payment_method", "cus_1", "must be the id of a Stripe payment method, pm_…"},
			{2, "amount", "10.99", ruleMinor}, {2, "currency", "xyz", ruleCode}, {2, "description", `two\nlines`, "must be at most 1000 characters on one line"},
		}},
		"ReferenceOfOurOwn":  {"a.csv", header + "gym~20260131,cus_1,1,usd,,\n", 0, problems{{2, "reference", "gym~20260131", ruleRef}}},
		"NothingThere":       {"a.csv", header + ",,,,,\n", 0, problems{{2, "reference", "", ruleRef}, {2, "customer", "", ruleCus}, {2, "amount", "", ruleMinor}, {2, "currency", "", ruleCode}}},
		"NegativeAmount":     {"a.csv", header + "a,cus_1,-5,usd,,\n", 0, problems{{2, "amount", "-5", ruleMinor}}},
		"AmountTooLarge":     {"a.csv", header + "a,cus_1,1000000000000,usd,,\n", 0, problems{{2, "amount", "1000000000000", "1000000000000 USD is too large, Stripe takes at most 12 digits (999999999999)"}}},
		"AmountNoMultiple":   {"a.csv", header + "a,cus_1,1055,kwd,,\n", 0, problems{{2, "amount", "1055", "1055 KWD must be a multiple of 10 (three-decimal currency, Stripe wants the last digit 0)"}}},
		"TooFewValues":       {"a.csv", header + "a,cus_1\nb,cus_1,1,usd,,\n", 1, problems{{2, "", "", "the row has 2 values, the first row names 6 columns"}}},
		"QuoteInAValue":      {"a.csv", header + "a,cus_1,1,usd,5\" pipe,\nb,cus_1,1,usd,,\n", 1, problems{{2, "", "", "a value with a quote in it must be in quotes, and the quote written twice"}}},
		"NUL":                {"a.csv", header + "a,cus_1,1,usd,x\x00y,\nb,cus_1,1,usd,,\n", 1, problems{{2, "", "", "must not contain NUL bytes"}}},
		"NotUTF8":            {"a.csv", header + "a,cus_1,1,usd,caf\xe9,\nb,cus_1,1,usd,,caf\xe9\n", 0, problems{{2, "description", `caf\xe9`, "must be at most 1000 characters on one line"}, {3, "metadata", `plan=caf\xe9`, "a value must have 1 to 500 characters"}}},
		"LongLine":           {"a.csv", header + "a,cus_1,1,usd," + strings.Repeat("x", tenMB) + ",\nb,cus_1,1,usd,,\n", 1, problems{{2, "", "", ruleLong}}},
		"LongQuotedLine":     {"a.csv", header + "a,cus_1,1,usd,\"" + strings.Repeat("x\n", tenMB/2) + "\",\nb,cus_1,1,usd,,\n", 1, problems{{2, "", "", ruleLong}}},
		"LongLineGoesOn":     {"a.csv", header + "a,cus_1,1,usd,\"" + strings.Repeat("x", 2<<20) + ",\"\"\n" + strings.Repeat("y", 100_000) + "\x00y\",\nb,cus_1,0,usd,,\n", 0, problems{{2, "", "", ruleLong}, {2, "", "", "must not contain NUL bytes"}, {4, "amount", "0", "0 USD must be positive"}}},
		"LineAfterBlankOnes": {"a.csv", header + "\n\r\n\na,cus_1,0,usd,,\n", 0, problems{{5, "amount", "0", "0 USD must be positive"}}},
		"MetadataOfOurs":     {"a.csv", strings.Replace(header, "plan", "offsession_owner", 1) + "a,cus_1,1,usd,,x\n", 0, problems{{2, "metadata", "offsession_owner", "keys must not start with offsession_"}}},
		"LongMetadata":       {"a.csv", header + "a,cus_1,1,usd,," + strings.Repeat("ä", 501) + "\n", 0, problems{{2, "metadata", "plan=" + strings.Repeat("ä", 27) + "…", "a value must have 1 to 500 characters"}}},

		"JSONDuplicate":   {"a.jsonl", object(`"reference":"a"`) + object(`"reference":"a"`), 1, problems{{2, "reference", "a", "the reference stands in line 1 already"}}},
		"JSONKeyTwice":    {"a.jsonl", object(`"reference":"a","amount":5`), 0, problems{{1, "amount", "", "the key stands twice in the object"}}},
		"JSONUnknownKey":  {"a.jsonl", object(`"reference":"a","Amount":5,"note":{"x":[1]}`), 0, problems{{1, "", "Amount", ruleKey}, {1, "", "note", ruleKey}}},
		"JSONAmountText":  {"a.jsonl", `{"reference":"a","customer":"cus_1","amount":"1099","currency":"usd"}`, 0, problems{{1, "amount", `"1099"`, "must be a number without quotes: a whole number in minor units: 1099 for 10.99 USD, 1099 for 1099 JPY"}}},
		"JSONFraction":    {"a.jsonl", `{"reference":"a","customer":"cus_1","amount":10.99,"currency":"usd"}`, 0, problems{{1, "amount", "10.99", ruleMinor}}},
		"JSONExponent":    {"a.jsonl", `{"reference":"a","customer":"cus_1","amount":1e3,"currency":"usd"}`, 0, problems{{1, "amount", "1e3", ruleMinor}}},
		"JSONNumber":      {"a.jsonl", object(`"reference":1`), 0, problems{{1, "reference", "1", "must be text, in quotes"}, {1, "reference", "", ruleRef}}},
		"JSONMetadata":    {"a.jsonl", object(`"reference":"a","metadata":"x"`) + object(`"reference":"b","metadata":{"x":1}`), 0, problems{{1, "metadata", `"x"`, "must be an object of texts"}, {2, "metadata", "x", "must be an object of texts"}}},
		"JSONNULEscape":   {"a.jsonl", object(`"reference":"a","metadata":{"x":"\u0000"}`), 0, problems{{1, "metadata", "x", "must not contain NUL bytes"}}},
		"JSONHalf":        {"a.jsonl", object(`"reference":"a","description":"\ud83d"`) + object(`"reference":"b","description":"\ud83d\ude00"`), 1, problems{{1, "", "", `a \u escape is half a character`}}},
		"JSONNotUTF8":     {"a.jsonl", object("\"reference\":\"a\",\"description\":\"caf\xe9\""), 0, problems{{1, "", "", "must be UTF-8"}}},
		"JSONNUL":         {"a.jsonl", "\x00\n" + object(`"reference":"b"`), 1, problems{{1, "", "", "must not contain NUL bytes"}}},
		"JSONLongLine":    {"a.jsonl", object(`"reference":"a","description":"`+strings.Repeat("x", tenMB)+`"`) + object(`"reference":"b"`), 1, problems{{1, "", "", ruleLong}}},
		"JSONNoObject":    {"a.jsonl", "[1]\n\"x\"\n{\n{}{}\n", 0, problems{{1, "", "", "a line must hold one JSON object"}, {2, "", "", "a line must hold one JSON object"}, {3, "", "", "a line must hold one JSON object"}, {4, "", "", "a line must hold one JSON object"}}},
		"JSONTwoInOne":    {"a.jsonl", strings.TrimSpace(object(`"reference":"a"`)) + object(`"reference":"b"`), 0, problems{{1, "", "", "a line must hold one JSON object"}}},
		"JSONGzipProblem": {"a.jsonl.gz", object(`"reference":"a"`) + object(`"reference":"a"`), 1, problems{{2, "reference", "a", "the reference stands in line 1 already"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := put(t, test.file, test.content)
			var told problems
			summary, err := manifest.New().Normalise(t.Context(), activities.NormaliseRequest{
				RunFile: f, PageSize: 10, CheckOnly: true, Problem: func(p activities.RunProblem) { told = append(told, problem{p.Line, p.Column, p.Value, p.Rule}) },
			})
			require.NoError(t, err)
			require.Equal(t, test.want, told)
			require.Len(t, summary.Problems, len(told))
			require.Equal(t, test.rows, summary.Rows)
			lines := map[int]bool{}
			for _, p := range told {
				lines[p.line] = true
			}
			require.Equal(t, len(lines), summary.Rejected)
			require.NoFileExists(t, beside(f, "rejects.csv"), "nothing is written by a check")
		})
	}
}

// object is a row in JSON with these members and what else it needs.
func object(members string) string {
	return `{"customer":"cus_1","amount":1,"currency":"usd",` + members + "}\n"
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	const broken = "the manifest cannot be read: "
	for name, test := range map[string]struct{ file, content, err string }{
		"Empty":              {"a.csv", "", "line 1: the file is empty; its first row names the columns"},
		"UnknownColumn":      {"a.csv", "reference,customer,amount,currency,colour\na,cus_1,1,usd,red\n", "line 1: " + firstRow},
		"MissingColumn":      {"a.csv", "reference,customer,amount\n", "line 1: " + firstRow},
		"ColumnTwice":        {"a.csv", header[:len(header)-1] + ",amount\n", "line 1: " + firstRow},
		"Semicolons":         {"a.csv", strings.ReplaceAll(header, ",", ";"), "line 1: " + firstRow},
		"NoHeader":           {"a.csv", "a,cus_1,1,usd,,\n", "line 1: " + firstRow},
		"QuoteNotClosed":     {"a.csv", header + "a,cus_1,1,usd,,\nb,cus_1,1,usd,\"never,\nc,cus_1,1,usd,,\n", "line 3: a quote is opened and not closed"},
		"TextAfterQuote":     {"a.csv", header + `a,cus_1,1,usd,"say \"hi\"",` + "\n", "line 2: text follows a closing quote; a quote within a value is written twice"},
		"UTF16":              {"a.csv", "\xff\xfea\x00", "line 1: the file is UTF-16; it must be UTF-8"},
		"GzipWithoutName":    {"a.csv", zip(t, header), "line 1: the file is packed with gzip; its name must end in .gz"},
		"EndlessLine":        {"a.jsonl.gz", strings.Repeat("x", 65<<20), "line 1: the row does not end within 67108864 bytes"},
		"EndlessCSV":         {"a.csv.gz", header + strings.Repeat("\x00", 65<<20), "line 2: the row does not end within 67108864 bytes"},
		"AnotherFormat":      {"a.xlsx", "PK", "its URL must name a file whose name ends in .csv, .csv.gz, .jsonl or .jsonl.gz"},
		"NameOfTheRunItself": {run, "", "its URL must not have the run's reference as name, which is that of the folder for the run's pages beside it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := put(t, test.file, test.content)
			_, err := manifest.New().Normalise(t.Context(), activities.NormaliseRequest{RunFile: f, PageSize: 10})
			require.ErrorIs(t, err, activities.ErrManifestUnreadable)
			require.EqualError(t, err, broken+test.err)
			require.NoFileExists(t, beside(f, "rows"))
			require.NoFileExists(t, beside(f, "index"))
		})
	}
}

// All that is wrong with a header is told at once, and stands among the rejects.
func TestEveryProblemOfAHeader(t *testing.T) {
	t.Parallel()
	f := put(t, "a.csv", "\xef\xbb\xbfreference,Customer,amount,amount,metadata,metadata.\n")
	summary, err := manifest.New().Normalise(t.Context(), activities.NormaliseRequest{RunFile: f, PageSize: 10})
	require.ErrorIs(t, err, activities.ErrManifestUnreadable)
	require.Equal(t, []activities.RunProblem{
		{Line: 1, Value: "Customer", Rule: "column 2 is not one of " + columns},
		{Line: 1, Value: "amount", Rule: "column 4 is named like an earlier one"},
		{Line: 1, Value: "metadata", Rule: "column 5 is not one of " + columns},
		{Line: 1, Value: "metadata.", Rule: "column 6 is not one of " + columns},
		{Line: 1, Column: "customer", Rule: "the column is missing; the first row names the columns"},
		{Line: 1, Column: "currency", Rule: "the column is missing; the first row names the columns"},
		{Line: 1, Rule: firstRow},
	}, summary.Problems)
	rejects, err := os.ReadFile(beside(f, "rejects.csv"))
	require.NoError(t, err)
	require.Equal(t, 1+len(summary.Problems), strings.Count(string(rejects), "\n"))
}

func TestTruncatedGzip(t *testing.T) {
	t.Parallel()
	whole := zip(t, header+strings.Repeat("a,cus_1,1,usd,,\n", 1000))
	for _, content := range []string{"", "\x1f\x8b", header, whole[:len(whole)-20], whole[:len(whole)-4] + "\x00\x00\x00\x01"} {
		path := filepath.Join(t.TempDir(), "a.csv.gz")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := manifest.New().Normalise(t.Context(), activities.NormaliseRequest{RunFile: activities.RunFile{URL: "file://" + path, Run: run}})
		require.ErrorIs(t, err, activities.ErrManifestUnreadable)
		require.ErrorContains(t, err, "is not a whole gzip file", "%q", content)
	}
}

// What programs write differently means the same.
func TestFormsOfTheSame(t *testing.T) {
	t.Parallel()
	want := normalise(t, put(t, "a.csv", header+"a,cus_1,1,usd,x y,\nb,cus_1,2,eur,,gold\n"), 1).Fingerprint
	for name, content := range map[string]string{
		"BOM":             "\xef\xbb\xbf" + header + "a,cus_1,1,usd,x y,\nb,cus_1,2,eur,,gold\n",
		"MixedLineEnds":   strings.Replace(header, "\n", "\r", 1) + "a,cus_1,1,usd,x y,\r\n\r\n\nb,cus_1,2,eur,,gold",
		"Quotes":          strings.Replace(header, "amount", `"amount"`, 1) + "\"a\",cus_1,\"1\",USD,\"x y\",\"\"\r\nb,cus_1,2,EUR,\"\",\"gold\"",
		"AnotherOrder":    "currency,metadata.plan,description,amount,customer,reference\nusd,,x y,1,cus_1,a\neur,gold,,2,cus_1,b\n",
		"WithoutOptional": "currency,metadata.plan,payment_method,description,amount,customer,reference\nusd,,,x y,1,cus_1,a\neur,gold,,,2,cus_1,b\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, want, normalise(t, put(t, "a.csv", content), 7).Fingerprint)
		})
	}
	json := "\xef\xbb\xbf" + `{"reference":"a","payment_method":null,"customer":"cus_1","amount":1,"currency":"usd","description":"x\u0020y","metadata":{}}` + "\r\n\r\n" +
		` { "metadata" : {"plan":"gold"} , "reference":"b","customer":"cus_1","amount":2,"currency":"EUR" } `
	require.Equal(t, want, normalise(t, put(t, "A.JSONL", json), 1).Fingerprint)
	require.Equal(t, want, normalise(t, put(t, "a.jsonl.gz", json), 3).Fingerprint)
}

func TestURLs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for url, want := range map[string]string{
		"july.csv":                            "its URL must be a URL with a scheme, such as file:///data/july.csv: all workers read it, whatever their working directory is",
		"file:///data/july.txt":               "its URL must name a file whose name ends in .csv, .csv.gz, .jsonl or .jsonl.gz",
		"s3://key:hunter2@bucket/july.csv":    "its URL must have no credentials: Temporal's history keeps it; workers have their own",
		"s3://key:hunter2/july.csv":           "its URL must be a URL, such as file:///data/july.csv or s3://bucket/july.csv",
		"s3://bucket/july.csv?secret=hunter2": "s3://bucket cannot be opened; look at the names and values of what follows the ? in its URL",
	} {
		_, err := manifest.New().Normalise(t.Context(), activities.NormaliseRequest{RunFile: activities.RunFile{URL: url, Run: run}})
		require.ErrorIs(t, err, activities.ErrManifestUnreadable, url)
		require.EqualError(t, err, "the manifest cannot be read: "+want, url)
	}
	for _, name := range []string{"july.csv", "no/such/july.csv"} {
		_, err := manifest.New().Normalise(t.Context(), activities.NormaliseRequest{RunFile: activities.RunFile{URL: "file://" + dir + "/" + name, Run: run}})
		require.ErrorIs(t, err, activities.ErrManifestMissing)
		require.NotErrorIs(t, err, activities.ErrManifestUnreadable)
	}
	for _, reference := range []string{"", "../x", "a/b", ".x"} {
		_, err := manifest.New().Normalise(t.Context(), activities.NormaliseRequest{RunFile: activities.RunFile{URL: "file://" + dir + "/a.csv", Run: reference}})
		require.EqualError(t, err, fmt.Sprintf("the manifest cannot be read: %q is not the reference of a run", reference))
	}
}

func TestNamesWithSpacesAndDots(t *testing.T) {
	t.Parallel()
	f := put(t, "july v1.2 %.csv", small)
	f.URL = strings.ReplaceAll(f.URL, "%", "%25")
	normalise(t, f, 10)
	require.Len(t, allRows(t.Context(), t, manifest.New(), f), 3)
	f.URL = strings.ReplaceAll(f.URL, " ", "%20")
	require.Len(t, allRows(t.Context(), t, manifest.New(), f), 3)
}
