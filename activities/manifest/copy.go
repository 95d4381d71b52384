package manifest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"

	"github.com/offsession/offsession/activities"
)

const (
	typeCSV   = "text/csv; charset=utf-8"
	typeJSON  = "application/json"
	typeJSONL = "application/jsonl"
)

// copyWriter writes the normalised copy and its index.
type copyWriter struct {
	folder      folder
	rows, index *outFile
	pageSize    int
	// page is the one that is being filled, sum the checksum of its rows so far.
	page     activities.RunPage
	sum      hash.Hash
	nextLine int
}

func newCopyWriter(ctx context.Context, at folder, pageSize int) (*copyWriter, error) {
	rows, err := at.create(ctx, at.copied(), typeJSONL)
	if err != nil {
		return nil, err
	}
	index, err := at.create(ctx, at.index(), typeJSONL)
	if err != nil {
		rows.abort()
		return nil, err
	}
	return &copyWriter{folder: at, rows: rows, index: index, pageSize: pageSize, page: activities.RunPage{RunLife: at.life}, sum: sha256.New()}, nil
}

// add writes a row, which begins in a line of the manifest.
func (c *copyWriter) add(text []byte, line int, amount int64, currency string) error {
	if _, err := c.rows.Write(text); err != nil {
		return c.folder.failed("write", c.folder.copied(), err)
	}
	_, _ = c.sum.Write(text) // a hash has no errors
	if c.page.Totals == nil {
		c.page.Totals = map[string]activities.RunTotal{}
	}
	total := c.page.Totals[currency]
	c.page.Totals[currency] = activities.RunTotal{Rows: total.Rows + 1, Amount: total.Amount + amount}
	if c.page.Rows == 0 || line != c.nextLine {
		c.page.Lines = append(c.page.Lines, [2]int{c.page.Rows, line})
	}
	c.nextLine = line + 1
	c.page.Length += int64(len(text))
	c.page.Rows++
	if c.page.Rows < c.pageSize {
		return nil
	}
	return c.endPage()
}

func (c *copyWriter) endPage() error {
	c.page.Checksum = hex.EncodeToString(c.sum.Sum(nil))
	if err := writeJSON(c.folder, c.index, c.page); err != nil {
		return err
	}
	c.sum.Reset()
	c.page = activities.RunPage{
		RunLife: c.page.RunLife, Number: c.page.Number + 1, FirstRow: c.page.FirstRow + c.page.Rows, Offset: c.page.Offset + c.page.Length,
	}
	return nil
}

// commit makes both files visible, the copy first, unless the context of the attempt has ended: another one may have written them
// since, and the run may be charging.
func (c *copyWriter) commit() error {
	if c.page.Rows > 0 {
		if err := c.endPage(); err != nil {
			return err
		}
	}
	if err := c.rows.commit(); err != nil {
		return err
	}
	return c.index.commit()
}

func (c *copyWriter) abort() {
	c.rows.abort()
	c.index.abort()
}

// writeJSON writes a line of JSON.
func writeJSON(at folder, out *outFile, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = out.Write(append(text, '\n'))
	return at.failed("write", out.key, err)
}
