package manifest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/offsession/offsession/activities"
)

// changed is an ErrRunFileChanged that says which file.
func (f folder) changed(key string) error {
	return fmt.Errorf("%w: %s", activities.ErrRunFileChanged, f.shown(key))
}

// lines reads a file of the run line by line, each without its end and valid until the next.
func (f folder) lines(ctx context.Context, key string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		r, err := f.readRunFile(ctx, key, 0, -1)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = r.Close() }() // only read
		scanner := bufio.NewScanner(r)
		scanner.Buffer(make([]byte, 0, bufferSize), 8*maxRow)
		for scanner.Scan() {
			if !yield(scanner.Bytes(), nil) {
				return
			}
		}
		switch err := scanner.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			yield(nil, f.changed(key))
		case err != nil:
			yield(nil, f.failed("read", key, err))
		}
	}
}

// pages reads an index from a page on.
func (f folder) pages(ctx context.Context, index string, from int) iter.Seq2[activities.RunPage, error] {
	return func(yield func(activities.RunPage, error) bool) {
		number := 0
		for line, err := range f.lines(ctx, index) {
			if err != nil {
				yield(activities.RunPage{}, err)
				return
			}
			if number++; number <= from {
				continue
			}
			var page activities.RunPage
			if json.Unmarshal(line, &page) != nil || page.Number != number-1 || page.Rows < 1 || page.Length < 1 {
				yield(activities.RunPage{}, f.changed(index))
				return
			}
			if _, err := f.of(page); err != nil {
				yield(activities.RunPage{}, err) // another run with the same reference has begun
				return
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

// Pages implements activities.RunFiles.
func (m *Files) Pages(ctx context.Context, f activities.RunFile, from, count int) ([]activities.RunPage, error) {
	at, err := m.open(ctx, f)
	if err != nil {
		return nil, err
	}
	var pages []activities.RunPage
	if count < 1 {
		return nil, nil
	}
	for page, err := range at.pages(ctx, at.knownIndex(), from) {
		if err != nil {
			return nil, err
		}
		if pages = append(pages, page); len(pages) == count {
			break
		}
	}
	return pages, nil
}

// Rows implements activities.RunFiles.
func (m *Files) Rows(ctx context.Context, f activities.RunFile, p activities.RunPage) ([]activities.RunRow, error) {
	at, err := m.open(ctx, f)
	if err != nil {
		return nil, err
	}
	r, err := at.readRunFile(ctx, at.copied(), p.Offset, p.Length)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // only read
	return at.pageRows(r, p)
}

// pageRows reads the rows of a page, at which r stands.
func (f folder) pageRows(r io.Reader, p activities.RunPage) ([]activities.RunRow, error) {
	text, err := io.ReadAll(io.LimitReader(r, p.Length))
	if err != nil {
		return nil, f.failed("read", f.copied(), err)
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != p.Checksum {
		return nil, f.changed(f.copied())
	}
	rows := make([]activities.RunRow, 0, p.Rows)
	lines := p.Lines
	line := 0
	for text := range bytes.Lines(text) {
		row, ok := parseRow(bytes.TrimSuffix(text, []byte("\n")))
		if !ok {
			return nil, f.changed(f.copied())
		}
		line++
		if len(lines) > 0 && lines[0][0] == len(rows) {
			line, lines = lines[0][1], lines[1:]
		}
		row.Line = line
		rows = append(rows, row)
	}
	if len(rows) != p.Rows {
		return nil, f.changed(f.index())
	}
	return rows, nil
}

// copyPage is a page with its rows.
type copyPage struct {
	activities.RunPage
	rows []activities.RunRow
}

// copyPages reads the whole copy, page by page.
func (f folder) copyPages(ctx context.Context) iter.Seq2[copyPage, error] {
	return func(yield func(copyPage, error) bool) {
		r, err := f.readRunFile(ctx, f.copied(), 0, -1)
		if err != nil {
			yield(copyPage{}, err)
			return
		}
		defer func() { _ = r.Close() }() // only read
		in := bufio.NewReaderSize(r, bufferSize)
		for page, err := range f.pages(ctx, f.index(), 0) {
			if err != nil {
				yield(copyPage{}, err)
				return
			}
			rows, err := f.pageRows(in, page)
			if !yield(copyPage{RunPage: page, rows: rows}, err) || err != nil {
				return
			}
		}
		if _, err := in.Peek(1); !errors.Is(err, io.EOF) {
			yield(copyPage{}, f.changed(f.copied()))
		}
	}
}

// AllRows implements activities.RunFiles.
func (m *Files) AllRows(ctx context.Context, f activities.RunFile) iter.Seq2[activities.RunRow, error] {
	return func(yield func(activities.RunRow, error) bool) {
		at, err := m.open(ctx, f)
		if err != nil {
			yield(activities.RunRow{}, err)
			return
		}
		for page, err := range at.copyPages(ctx) {
			if err != nil {
				yield(activities.RunRow{}, err)
				return
			}
			for _, row := range page.rows {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}
