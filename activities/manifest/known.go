package manifest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"

	"golang.org/x/sync/errgroup"

	"github.com/offsession/offsession/activities"
)

// atOnce is how many of the small files of a run's pages are read or written at a time.
const atOnce = 16

// WriteKnown implements activities.RunFiles.
func (m *Files) WriteKnown(ctx context.Context, f activities.RunFile, known iter.Seq2[activities.KnownRow, error]) error {
	at, err := m.open(ctx, f)
	if err != nil {
		return err
	}
	index, err := at.create(ctx, at.knownIndex(), typeJSONL)
	if err != nil {
		return err
	}
	defer index.abort()

	rows := newKnownRows(known)
	defer rows.stop()
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	err = func() error {
		for page, err := range at.pages(groupCtx, at.index(), 0) {
			if err != nil {
				return err
			}
			ofPage, err := rows.before(page.FirstRow + page.Rows)
			if err != nil {
				return err
			}
			if page.Known = len(ofPage); page.Known > 0 {
				text, err := knownText(ofPage)
				if err != nil {
					return err
				}
				sum := sha256.Sum256(text)
				page.KnownSum = hex.EncodeToString(sum[:])
				group.Go(func() error {
					return at.write(groupCtx, at.known(page), typeJSONL, func(w *bufio.Writer) error {
						_, err := w.Write(text)
						return at.failed("write", at.known(page), err)
					})
				})
			}
			if err := writeJSON(at, index, page); err != nil {
				return err
			}
		}
		return rows.end()
	}()
	// A write that fails ends the reading too; its error says more.
	if groupErr := group.Wait(); groupErr != nil {
		return groupErr
	}
	if err != nil {
		return err
	}
	return index.commit()
}

// knownRows takes rows that come in their order, a page's at a time.
type knownRows struct {
	next func() (activities.KnownRow, error, bool)
	stop func()
	// row is the next one, if there is any; last the number of the one before.
	row  activities.KnownRow
	any  bool
	last int
	err  error
}

func newKnownRows(known iter.Seq2[activities.KnownRow, error]) *knownRows {
	k := &knownRows{last: -1}
	k.next, k.stop = iter.Pull2(known)
	k.advance()
	return k
}

func (k *knownRows) advance() {
	if k.row, k.err, k.any = k.next(); k.any && k.err == nil && k.row.Row <= k.last {
		k.err = fmt.Errorf("row %d is known twice, or not in its order", k.row.Row)
	}
	k.last = k.row.Row
}

// before takes the rows up to one, without it.
func (k *knownRows) before(end int) ([]activities.KnownRow, error) {
	var rows []activities.KnownRow
	for k.any && k.err == nil && k.row.Row < end {
		rows = append(rows, k.row)
		k.advance()
	}
	return rows, k.err
}

func (k *knownRows) end() error {
	if k.err == nil && k.any {
		return fmt.Errorf("row %d is known, and not in the copy", k.row.Row)
	}
	return k.err
}

// knownText is an object per line.
func knownText(rows []activities.KnownRow) ([]byte, error) {
	var text []byte
	for _, row := range rows {
		line, err := json.Marshal(row)
		if err != nil {
			return nil, err
		}
		text = append(append(text, line...), '\n')
	}
	return text, nil
}

// Known implements activities.RunFiles.
func (m *Files) Known(ctx context.Context, f activities.RunFile, p activities.RunPage) ([]activities.KnownRow, error) {
	if p.Known == 0 {
		return nil, nil
	}
	at, err := m.openPage(ctx, f, p)
	if err != nil {
		return nil, err
	}
	key := at.known(p)
	text, err := at.readAll(ctx, key)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != p.KnownSum {
		return nil, at.changed(key)
	}
	known := make([]activities.KnownRow, 0, p.Known)
	for line := range bytes.Lines(text) {
		var row activities.KnownRow
		if json.Unmarshal(line, &row) != nil || row.Row < p.FirstRow || row.Row >= p.FirstRow+p.Rows {
			return nil, at.changed(key)
		}
		known = append(known, row)
	}
	if len(known) != p.Known {
		return nil, at.changed(key)
	}
	return known, nil
}

// WriteCheckpoint implements activities.RunFiles.
func (m *Files) WriteCheckpoint(ctx context.Context, f activities.RunFile, p activities.RunPage, data []byte) error {
	at, err := m.openPage(ctx, f, p)
	if err != nil {
		return err
	}
	key := at.checkpoint(p.Number)
	if data == nil {
		return at.remove(ctx, key)
	}
	return at.write(ctx, key, typeJSONL, func(w *bufio.Writer) error {
		_, err := w.Write(data)
		return at.failed("write", key, err)
	})
}

// Checkpoint implements activities.RunFiles.
func (m *Files) Checkpoint(ctx context.Context, f activities.RunFile, p activities.RunPage) ([]byte, error) {
	at, err := m.openPage(ctx, f, p)
	if err != nil {
		return nil, err
	}
	return at.readAll(ctx, at.checkpoint(p.Number))
}
