// Package manifest reads the manifests of billing runs and keeps what belongs to a run beside them, through gocloud.dev/blob.
//
// # URLs
//
// A manifest is named by a URL: file:///data/july.csv, absolute, or s3://bucket/folder/july.csv.gz. The driver of another store
// is one import in worker and starter, such as
//
//	import _ "gocloud.dev/blob/gcsblob" // gs://
//
// What follows the ? of an S3 URL says how the bucket is reached: region, profile, endpoint, use_path_style and the others of
// https://pkg.go.dev/gocloud.dev/aws#V2ConfigFromURLParams. Credentials are those of the process (AWS_ACCESS_KEY_ID, a profile, a
// role); a URL with a password in it is refused. With file:// every worker must see the same directory.
//
// # Format
//
// The name ends in .csv or .jsonl, with .gz after it when it is packed with gzip. Text is UTF-8, with or without a byte order
// mark; lines end in \n, \r\n, or in CSV \r, also mixed; empty lines are skipped. CSV is RFC 4180 with the names of the columns
// in the first row, in any order:
//
//	reference,customer,payment_method,amount,currency,description,metadata.invoice
//	inv-1001,cus_NffrFeUfNV2Hib,,1099,usd,"July, basic plan",in_1001
//	inv-1002,cus_Na6dX7aXxi11N4,pm_1MqLiJLkdIwHu7ixUEgbFdYF,2500,eur,July,
//
// JSONL is an object per line:
//
//	{"reference":"inv-1001","customer":"cus_NffrFeUfNV2Hib","amount":1099,"currency":"usd","metadata":{"invoice":"in_1001"}}
//
// The columns, of which reference, customer, amount and currency are needed:
//
//	reference       the caller's own id of the payment, 1 to 120 of A-Z a-z 0-9 . _ -, once in the file
//	customer        Stripe's id of the customer
//	payment_method  Stripe's id of the payment method; empty is the customer's default
//	amount          in minor units: 1099 for 10.99 USD, 1099 for 1099 JPY; in JSON a number
//	currency        three letters, in either case
//	description     at most 1000 characters on one line
//	metadata        at most 46 keys of 40 characters, values of 500: in CSV a column metadata.<key> for each key, in JSON an object
//
// An empty value, or null, is like one that is not there. Other columns and keys are not allowed, nor is a key that stands twice
// in an object. A row has at most 1 MiB, a file 10 million rows.
//
// A row that is not allowed is told with its line, column, value and the rule, and the others are read on. Where nobody could say
// any more where the next row begins (a quote that is not closed, text after a closing quote), where the first row does not name
// the columns, and where a line does not end within 64 MiB, the whole manifest cannot be read: no part of it is charged.
//
// # Files
//
// The names are made of the manifest's and the run's reference, and what a run does of the id of its workflow: when Temporal has
// forgotten a run, another one can have its reference, and begins anew. For july.csv and the run july-2026:
//
//	july.csv.july-2026.rows         the normalised copy: an object per line, keys in the order above, no optional one that is empty
//	july.csv.july-2026.index        an object per page: first row, rows, offset, length, SHA-256, totals, lines in the manifest
//	july.csv.july-2026.rejects.csv  line, column, value, rule of each problem, and the row's first columns; absent without problems
//	july-2026/<id>/known/index.jsonl  the index with what the look-back found per page; <id> is the workflow's first run id
//	july-2026/<id>/known/0.9f2c….jsonl  what that is, for pages with any, named by the beginning of its SHA-256
//	july-2026/<id>/pages/0.csv      what became of the rows of a page
//	july-2026/<id>/pages/0.checkpoint.jsonl  of a page that was stopped
//	july.csv.july-2026.report.csv   the pages joined: row, line, reference, customer, payment_method, amount, currency, outcome,
//	                                payment_intent, charged_method, code, decline_code, advice_code, handed_over, adopted, settled
//	july.csv.july-2026.report.json  the same rows, and their totals by outcome and currency
//
// The run's fingerprint is the SHA-256 of the copy, which depends on the rows alone: sha256sum july.csv.july-2026.rows shows it.
// Row numbers count from 0 in the copy, lines from 1 in the manifest; rejected rows have a line only. Cells that a spreadsheet
// takes for formulas are not changed: reports are for programs.
//
// Every file is written whole or not at all: on a disk under a temporary name beside the final one (a process that is killed
// leaves one that ends in .tmp; the run removes those that are ten minutes old with its report), in S3 by an upload that only
// its last request makes visible. A bucket should have a lifecycle rule that removes uploads that were not finished.
package manifest
