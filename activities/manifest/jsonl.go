package manifest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// jsonlRows reads a JSON object per line.
type jsonlRows struct {
	r    *bufio.Reader
	line int // the last one read
	text []byte
}

func (j *jsonlRows) next(row *rawRow) error {
	for {
		tooLong, err := j.readLine()
		if err != nil {
			return err
		}
		text := bytes.TrimSpace(j.text)
		if len(text) == 0 && !tooLong {
			continue
		}
		row.reset(j.line)
		switch {
		case tooLong:
			row.broken(ruleTooLong)
		case bytes.IndexByte(text, 0) >= 0:
			row.broken(ruleNUL)
		case !utf8.Valid(text):
			row.broken(ruleUTF8)
		default:
			parseObject(text, row)
		}
		return nil
	}
}

// readLine reads the next line, or the beginning of one that is too long.
func (j *jsonlRows) readLine() (tooLong bool, err error) {
	j.text = j.text[:0]
	j.line++
	for size := 0; ; {
		part, err := j.r.ReadSlice('\n')
		size += len(part)
		if size <= maxRow {
			j.text = append(j.text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && size > maxSkip:
			return true, &brokenError{line: j.line, rule: ruleEndless}
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && size > 0:
			return size > maxRow, nil
		default:
			return size > maxRow, err
		}
	}
}

// parseObject reads a row token by token: encoding/json itself would take the last of two equal keys, keys in other case, and
// numbers that are none of an amount's.
func parseObject(text []byte, row *rawRow) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := readObject(d, func(key string, value json.Token) string { return takeValue(d, row, key, value) }); err != nil {
		row.broken(err.Error())
		return
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		row.broken(ruleOneObject)
		return
	}
	if hasLoneSurrogate(text, row) {
		row.broken("a \\u escape is half a character")
	}
}

const ruleOneObject = "a line must hold one JSON object"

// errJSON keeps what the line holds out of its text.
var errJSON = errors.New(ruleOneObject)

// readObject calls take for each key with the value's first token; take returns what is wrong, if anything ends the reading.
func readObject(d *json.Decoder, take func(key string, value json.Token) string) error {
	token, err := d.Token()
	if err != nil || token != json.Delim('{') {
		return errJSON
	}
	seen := make(map[string]bool, 8)
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return errJSON
		}
		key, ok := name.(string)
		if !ok {
			return errJSON
		}
		if seen[key] {
			return errors.New("a key stands twice in the object")
		}
		seen[key] = true
		value, err := d.Token()
		if err != nil {
			return errJSON
		}
		if rule := take(key, value); rule != "" {
			return errors.New(rule)
		}
	}
	if _, err := d.Token(); err != nil {
		return errJSON
	}
	return nil
}

// takeValue takes the value of one key of a row.
func takeValue(d *json.Decoder, row *rawRow, key string, value json.Token) string {
	c := column(slices.Index(columnNames[:], key))
	if c == columnMetadata && value == json.Delim('{') {
		return takeMetadata(d, row)
	}
	if _, nested := value.(json.Delim); nested {
		if c < 0 {
			return "it has a key that is none of " + allowedKeys
		}
		return columnNames[c] + " must not be an object or a list"
	}
	if c < 0 {
		row.problem("", key, "the key is none of "+allowedKeys)
		return ""
	}
	switch value := value.(type) {
	case nil: // like a key that is not there
	case json.Number:
		if c != columnAmount {
			row.problem(columnNames[c], value.String(), ruleText)
		} else {
			row.values[c] = value.String()
		}
	case string:
		switch c {
		case columnAmount:
			row.problem(columnNames[c], value, ruleNumber)
		case columnMetadata:
			row.problem(columnNames[c], value, ruleMetadata)
		default:
			row.values[c] = value
		}
	case bool:
		row.problem(columnNames[c], fmt.Sprint(value), ruleText)
	}
	return ""
}

const (
	ruleText     = "must be text, in quotes"
	ruleNumber   = "must be a number without quotes; " + ruleAmount
	ruleMetadata = "must be an object of texts"
)

// takeMetadata reads the object after its brace.
func takeMetadata(d *json.Decoder, row *rawRow) string {
	for d.More() {
		name, err := d.Token()
		key, ok := name.(string)
		if err != nil || !ok {
			return ruleOneObject
		}
		value, err := d.Token()
		if err != nil {
			return ruleOneObject
		}
		if _, nested := value.(json.Delim); nested {
			return "metadata " + ruleMetadata
		}
		text, ok := value.(string)
		if !ok {
			row.problem(columnNames[columnMetadata], key, ruleMetadata)
			continue
		}
		if _, twice := row.metadata[key]; twice {
			row.problem(columnNames[columnMetadata], key, "the key stands twice in the object")
		}
		row.setMetadata(key, text)
	}
	if _, err := d.Token(); err != nil {
		return ruleOneObject
	}
	return ""
}

// hasLoneSurrogate says whether the decoder put U+FFFD where the line has none.
func hasLoneSurrogate(text []byte, row *rawRow) bool {
	if !bytes.Contains(text, []byte(`\u`)) || bytes.ContainsRune(text, utf8.RuneError) || bytes.Contains(bytes.ToLower(text), []byte(`\ufffd`)) {
		return false
	}
	for _, value := range row.values {
		if strings.ContainsRune(value, utf8.RuneError) {
			return true
		}
	}
	for key, value := range row.metadata {
		if strings.ContainsRune(key+value, utf8.RuneError) {
			return true
		}
	}
	return false
}
