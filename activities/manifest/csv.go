package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The most bytes that a row may have, and the most that are skipped to find the end of one that has more.
const (
	maxRow  = 1 << 20
	maxSkip = 64 << 20
)

// brokenError says that after this line nobody can tell where rows begin, or that the file is something else altogether.
type brokenError struct {
	line int
	rule string
}

func (e *brokenError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.rule) }

// csvReader reads RFC 4180. encoding/csv does not do here: it holds a row however long it is, changes line ends within values,
// and goes on after a broken quote as if it knew where the next row begins.
type csvReader struct {
	r *bufio.Reader
	// line is that of the next byte, from 1.
	line int
	// values are those of the last row, one after the other; ends says where each ends.
	values []byte
	ends   []int
	// size is the bytes of the row so far.
	size  int
	rules []string
}

// next reads a row that is not empty: the line where it begins, and what is wrong with its form. Line ends are \n, \r\n or \r.
func (c *csvReader) next() (line int, rules []string, err error) {
	for {
		line = c.line
		if err := c.row(); err != nil {
			return line, nil, err
		}
		if len(c.ends) > 1 || len(c.values) > 0 || len(c.rules) > 0 {
			return line, c.rules, nil
		}
	}
}

// fields are the values of the last row.
func (c *csvReader) fields() []string {
	all := string(c.values)
	fields := make([]string, len(c.ends))
	begin := 0
	for i, end := range c.ends {
		fields[i], begin = all[begin:end], end
	}
	return fields
}

func (c *csvReader) row() error {
	c.values, c.ends, c.rules, c.size = c.values[:0], c.ends[:0], nil, 0
	begin, first := c.line, true // first: the field has no byte yet
	for {
		b, err := c.r.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && c.size == 0:
			return io.EOF
		case errors.Is(err, io.EOF):
			c.ends = append(c.ends, len(c.values))
			return nil
		case err != nil:
			return err
		}
		if err := c.count(begin); err != nil {
			return err
		}
		switch {
		case b == ',':
			c.ends, first = append(c.ends, len(c.values)), true
			continue
		case b == '\n', b == '\r':
			c.endLine(b)
			c.ends = append(c.ends, len(c.values))
			return nil
		case b == '"' && first:
			if err := c.quoted(begin); err != nil {
				return err
			}
		case b == '"':
			c.wrong("a value with a quote in it must be in quotes, and the quote written twice")
		default:
			c.keep(b)
			c.skip()
		}
		first = false
	}
}

// quoted reads a value after its first quote, to its last one.
func (c *csvReader) quoted(begin int) error {
	opened := c.line
	unclosed := &brokenError{line: opened, rule: "a quote is opened and not closed"}
	for {
		b, err := c.r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return unclosed
		case err != nil:
			return err
		}
		if err := c.count(begin); err != nil {
			return unclosed
		}
		if b == '\n' || b == '\r' {
			c.keep(b)
			if b == '\n' || !c.ahead('\n') {
				c.line++
			}
			continue
		}
		if b != '"' {
			c.keep(b)
			c.skip()
			continue
		}
		next, err := c.r.Peek(1)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case next[0] == '"':
			_, _ = c.r.Discard(1) // it is there
			c.size++
			c.keep('"')
		case next[0] == ',', next[0] == '\n', next[0] == '\r':
			return nil
		default:
			return &brokenError{line: c.line, rule: "text follows a closing quote; a quote within a value is written twice"}
		}
	}
}

// ahead says whether this byte comes next.
func (c *csvReader) ahead(b byte) bool {
	next, err := c.r.Peek(1)
	return err == nil && next[0] == b
}

// endLine takes the second half of \r\n too.
func (c *csvReader) endLine(b byte) {
	if b == '\r' && c.ahead('\n') {
		_, _ = c.r.Discard(1) // it is there
	}
	c.line++
}

func (c *csvReader) count(begin int) error {
	c.size++
	switch {
	case c.size == maxRow+1:
		c.wrong(ruleTooLong)
	case c.size > maxSkip:
		return &brokenError{line: begin, rule: ruleEndless}
	}
	return nil
}

var (
	ruleTooLong = fmt.Sprintf("a row must have at most %d bytes", maxRow)
	ruleEndless = fmt.Sprintf("the row does not end within %d bytes", maxSkip)
)

const ruleNUL = "must not contain NUL bytes"

func (c *csvReader) keep(b byte) {
	if b == 0 {
		c.wrong(ruleNUL)
	}
	if c.size <= maxRow {
		c.values = append(c.values, b)
	}
}

// skip goes on to the next byte that means something, in a row that is too long already: nobody wants its values.
func (c *csvReader) skip() {
	if c.size <= maxRow {
		return
	}
	plain, _ := c.r.Peek(min(c.r.Buffered(), maxSkip-c.size))
	for _, b := range []byte("\n\r,\"") {
		if i := bytes.IndexByte(plain, b); i >= 0 {
			plain = plain[:i]
		}
	}
	if bytes.IndexByte(plain, 0) >= 0 {
		c.wrong(ruleNUL)
	}
	c.size += len(plain)
	_, _ = c.r.Discard(len(plain)) // they are there
}

func (c *csvReader) wrong(rule string) {
	if !slices.Contains(c.rules, rule) {
		c.rules = append(c.rules, rule)
	}
}

// csvRows reads the rows of a CSV file.
type csvRows struct {
	csv csvReader
	// fields says for each column of the file which one it is, metadata for each the key, if it is one of metadata.
	fields   []column
	metadata []string
}

// newCSVRows reads the header. What is wrong with it is told; then the file cannot be read.
func newCSVRows(r *bufio.Reader, tell func(line int, column, value, rule string)) (*csvRows, error) {
	rows := &csvRows{csv: csvReader{r: r, line: 1}}
	told := 0
	problem := func(line int, column, value, rule string) {
		if told++; told <= problemsPerRow {
			tell(line, column, value, rule)
		}
	}
	line, rules, err := rows.csv.next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, &brokenError{line: 1, rule: "the file is empty; its first row names the columns"}
	case err != nil:
		return nil, err
	}
	bad := len(rules) > 0
	for _, rule := range rules {
		problem(line, "", "", rule)
	}
	seen := map[string]bool{}
	for i, name := range rows.csv.fields() {
		key, isMetadata := strings.CutPrefix(name, metadataPrefix)
		c := slices.Index(columnNames[:], name)
		switch {
		case seen[name]:
			bad = true
			problem(line, "", name, fmt.Sprintf("column %d is named like an earlier one", i+1))
		case isMetadata && key != "":
			c = int(columnMetadata)
		case c < 0 || c == int(columnMetadata):
			bad = true
			problem(line, "", name, fmt.Sprintf("column %d is not one of %s", i+1, allowedColumns))
		}
		seen[name] = true
		rows.fields, rows.metadata = append(rows.fields, column(c)), append(rows.metadata, key)
	}
	for _, c := range requiredColumns {
		if !seen[columnNames[c]] {
			bad = true
			problem(line, columnNames[c], "", "the column is missing; the first row names the columns")
		}
	}
	if bad {
		return nil, &brokenError{line: line, rule: "the first row must name the columns " + allowedColumns}
	}
	return rows, nil
}

func (c *csvRows) next(row *rawRow) error {
	line, rules, err := c.csv.next()
	if err != nil {
		return err
	}
	row.reset(line)
	for _, rule := range rules {
		row.broken(rule)
	}
	if len(c.csv.ends) != len(c.fields) && len(rules) == 0 {
		row.broken(fmt.Sprintf("the row has %d values, the first row names %d columns", len(c.csv.ends), len(c.fields)))
	}
	if row.isBroken {
		return nil
	}
	for i, value := range c.csv.fields() {
		switch {
		case c.fields[i] != columnMetadata:
			row.values[c.fields[i]] = value
		case value != "":
			row.setMetadata(c.metadata[i], value)
		}
	}
	return nil
}

// skipBOM skips the mark that some programs put before UTF-8, and recognises the ones of other encodings.
func skipBOM(r *bufio.Reader) error {
	head, err := r.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = r.Discard(3) // they are there
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return &brokenError{line: 1, rule: "the file is UTF-16; it must be UTF-8"}
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return &brokenError{line: 1, rule: "the file is packed with gzip; its name must end in .gz"}
	}
	return nil
}
