package manifest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
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

const (
	ruleOneObject = "a line must hold one JSON object"
	ruleTwice     = "the key stands twice in the object"
	ruleText      = "must be text, in quotes"
	ruleNumber    = "must be a number without quotes: " + ruleAmount
	ruleMetadata  = "must be an object of texts"
	ruleHalf      = "a \\u escape is half a character"
)

// parseObject reads a row. encoding/json only says whether it is JSON: by itself it would take the last of two equal keys, keys
// in other case, and numbers that are no amounts.
func parseObject(text []byte, row *rawRow) {
	if !json.Valid(text) || text[0] != '{' {
		row.broken(ruleOneObject)
		return
	}
	var seen [len(columnNames)]bool
	ok := eachMember(text, func(key string, value []byte) bool {
		c := column(slices.Index(columnNames[:], key))
		switch {
		case c < 0:
			row.problem("", key, "the key is none of "+allowedKeys)
		case seen[c]:
			row.problem(columnNames[c], "", ruleTwice)
		default:
			seen[c] = true
			return takeValue(row, c, value)
		}
		return true
	})
	if !ok {
		row.broken(ruleHalf)
	}
}

// takeValue takes the value of one key; false when it is no text that can be.
func takeValue(row *rawRow, c column, value []byte) bool {
	name := columnNames[c]
	switch kind := value[0]; {
	case kind == 'n': // null: like a key that is not there
	case c == columnMetadata && kind == '{':
		return eachMember(value, func(key string, value []byte) bool {
			text, ok := unquote(value)
			switch _, twice := row.metadata[key]; {
			case value[0] != '"':
				row.problem(name, key, ruleMetadata)
			case twice:
				row.problem(name, key, ruleTwice)
			default:
				row.setMetadata(key, text)
			}
			return ok
		})
	case c == columnMetadata:
		row.problem(name, string(value), ruleMetadata)
	case c == columnAmount && (kind == '-' || kind >= '0' && kind <= '9'):
		row.values[c] = string(value)
	case c == columnAmount:
		row.problem(name, string(value), ruleNumber)
	case kind != '"':
		row.problem(name, string(value), ruleText)
	default:
		text, ok := unquote(value)
		row.values[c] = text
		return ok
	}
	return true
}

// eachMember calls take with each key and value of an object that is valid JSON, until it says no. It says no itself to a key
// that is no text.
func eachMember(text []byte, take func(key string, value []byte) bool) bool {
	text = text[1:]
	for {
		text = bytes.TrimLeft(text, " \t\r\n,")
		if text[0] == '}' {
			return true
		}
		end := valueEnd(text)
		key, ok := unquote(text[:end])
		if !ok {
			return false
		}
		text = bytes.TrimLeft(text[end:], " \t\r\n:")
		end = valueEnd(text)
		if !take(key, text[:end]) {
			return false
		}
		text = text[end:]
	}
}

// valueEnd is where the first value of text, which is valid JSON, ends.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // of what it stands in
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
}

// unquote is the text of a JSON string, "" for anything else; false when an escape in it is half a character.
func unquote(value []byte) (string, bool) {
	if value[0] != '"' {
		return "", true
	}
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), true
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return "", false
	}
	// The decoder writes U+FFFD for half a character.
	meant := bytes.ContainsRune(inner, utf8.RuneError) || bytes.Contains(bytes.ToLower(inner), []byte(`\ufffd`))
	return text, meant || !strings.ContainsRune(text, utf8.RuneError)
}
