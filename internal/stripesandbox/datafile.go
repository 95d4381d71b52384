package stripesandbox

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What the header of a data file says of it. The version counts changes of schema.
const (
	applicationID = 0x6f667362 // "ofsb"
	schemaVersion = 2
)

// schema: rows are numbered in the order in which they came into being, so a file is
// mostly appended to, and reading it in that order rebuilds every list as it was.
const schema = `
CREATE TABLE counters (id INTEGER PRIMARY KEY CHECK (id = 0), data TEXT NOT NULL);
CREATE TABLE dictionary (id INTEGER PRIMARY KEY CHECK (id = 0), data BLOB NOT NULL);
CREATE TABLE resources (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, data BLOB NOT NULL, frozen BLOB);
CREATE TABLE entries (seq INTEGER, kind TEXT, owner TEXT, PRIMARY KEY (seq, kind, owner)) WITHOUT ROWID;
CREATE TABLE keys (key TEXT NOT NULL UNIQUE, request BLOB NOT NULL, created INTEGER NOT NULL,
	status INTEGER NOT NULL, request_id TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE due (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, action TEXT NOT NULL, id TEXT NOT NULL, clock TEXT NOT NULL);
CREATE TABLE deliveries (number INTEGER PRIMARY KEY, event TEXT NOT NULL, endpoint TEXT NOT NULL,
	due INTEGER NOT NULL, first INTEGER NOT NULL, tries INTEGER NOT NULL);
CREATE TABLE attempts (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, key TEXT NOT NULL, payment_intent TEXT NOT NULL,
	outcome TEXT NOT NULL, code TEXT NOT NULL, decline_code TEXT NOT NULL, checkout INTEGER NOT NULL);
CREATE TABLE reused_keys (key TEXT PRIMARY KEY) WITHOUT ROWID;`

// The statements that save needs.
const (
	putCounters    = `REPLACE INTO counters VALUES (0, ?)`
	putResource    = `REPLACE INTO resources VALUES (?, ?, ?, ?)`
	anotherRow     = `, (?, ?, ?, ?)` // of putResource
	dropResource   = `DELETE FROM resources WHERE seq = ?`
	dropEntries    = `DELETE FROM entries WHERE seq = ?`
	putEntry       = `REPLACE INTO entries VALUES (?, ?, ?)`
	dropEntry      = `DELETE FROM entries WHERE seq = ? AND kind = ? AND owner = ?`
	putKey         = `REPLACE INTO keys VALUES (?, ?, ?, ?, ?, ?)`
	dropKey        = `DELETE FROM keys WHERE key = ?`
	putDue         = `REPLACE INTO due VALUES (?, ?, ?, ?, ?)`
	dropDue        = `DELETE FROM due WHERE number = ?`
	putDelivery    = `REPLACE INTO deliveries VALUES (?, ?, ?, ?, ?, ?)`
	dropDelivery   = `DELETE FROM deliveries WHERE number = ?`
	putAttempt     = `INSERT INTO attempts VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)`
	putReusedKey   = `REPLACE INTO reused_keys VALUES (?)`
	begin          = `BEGIN IMMEDIATE`
	commit         = `COMMIT`
	rollback       = `ROLLBACK`
	checkpointSize = 16_384 // pages in the log before they move into the file
)

// dataFile is a SQLite database that this process alone has open. Its transactions
// survive the end of the process, however sudden; as nothing waits for the disk, the
// last of them can be lost when the machine itself stops. It is never corrupt.
type dataFile struct {
	ctx        context.Context //nolint:containedctx // what has happened is written, whoever still waits for the answer
	path       string
	db         *sql.DB
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	packer     *packer
	saved      counters
	closed     bool
}

func openDataFile(path string) (*dataFile, error) {
	if err := checkHeader(path); err != nil {
		return nil, err
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data file %s: %w", path, err)
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: full}).String())
	if err != nil {
		return nil, fmt.Errorf("data file %s: %w", path, err)
	}
	f := &dataFile{ctx: context.Background(), path: path, db: db, statements: make(map[string]*sql.Stmt)}
	if err := f.prepare(); err != nil {
		f.close()
		if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == sqlite3.SQLITE_BUSY {
			return nil, fmt.Errorf("data file %s is in use by another sandbox", path)
		}
		return nil, fmt.Errorf("data file %s: %w", path, err)
	}
	return f, nil
}

// checkHeader refuses a file that is not a data file of this version, before SQLite
// touches it. One that is missing or empty will become one.
// https://www.sqlite.org/fileformat.html#the_database_header
func checkHeader(path string) error {
	file, err := os.Open(path) //nolint:gosec // the file that the user names
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("data file: %w", err)
	}
	defer func() { _ = file.Close() }()
	header := make([]byte, 100)
	if _, err := io.ReadFull(file, header); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("data file: %w", err)
	}
	id, version := binary.BigEndian.Uint32(header[68:]), binary.BigEndian.Uint32(header[60:])
	switch {
	case !bytes.HasPrefix(header, []byte("SQLite format 3\x00")) || id != applicationID:
		return fmt.Errorf("%s is not a data file of the sandbox; it was left as it is", path)
	case version != schemaVersion:
		return fmt.Errorf("%s was written by another version of the sandbox (schema %d, this one has %d); it was left as it is", path, version, schemaVersion)
	}
	return nil
}

func (f *dataFile) prepare() error {
	ctx := f.ctx
	var err error
	if f.conn, err = f.db.Conn(ctx); err != nil {
		return err
	}
	var version int
	if err := f.run(`PRAGMA locking_mode = EXCLUSIVE`, begin); err != nil {
		return err
	}
	if err := f.conn.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	if version == 0 {
		if err := f.create(); err != nil {
			return err
		}
	}
	var dictionary []byte
	if err := f.conn.QueryRowContext(ctx, `SELECT data FROM dictionary`).Scan(&dictionary); err != nil {
		return err
	}
	if f.packer, err = newPacker(dictionary); err != nil {
		return err
	}
	if err := f.run(commit, `PRAGMA journal_mode = WAL`, `PRAGMA synchronous = NORMAL`,
		fmt.Sprintf(`PRAGMA wal_autocheckpoint = %d`, checkpointSize), `PRAGMA cache_size = -65536`); err != nil {
		return err
	}
	return nil
}

// create makes an empty file one of ours.
func (f *dataFile) create() error {
	dictionary, err := newDictionary()
	if err != nil {
		return err
	}
	if err := f.run(schema, fmt.Sprintf(`PRAGMA application_id = %d`, applicationID), fmt.Sprintf(`PRAGMA user_version = %d`, schemaVersion)); err != nil {
		return err
	}
	_, err = f.conn.ExecContext(f.ctx, `INSERT INTO dictionary VALUES (0, ?)`, dictionary)
	return err
}

func (f *dataFile) run(texts ...string) error {
	for _, text := range texts {
		if _, err := f.conn.ExecContext(f.ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// close moves what is in the log into the file and lets go of it.
func (f *dataFile) close() {
	if f.closed {
		return
	}
	f.closed = true
	for _, statement := range f.statements {
		_ = statement.Close()
	}
	if f.conn != nil {
		_ = f.conn.Close()
	}
	_ = f.db.Close()
}

// exec runs a statement, which stays prepared from its first time on.
func (f *dataFile) exec(text string, args ...any) error {
	statement := f.statements[text]
	if statement == nil {
		var err error
		if statement, err = f.conn.PrepareContext(f.ctx, text); err != nil {
			return err
		}
		f.statements[text] = statement
	}
	_, err := statement.ExecContext(f.ctx, args...)
	return err
}

// save writes a journal in one transaction.
func (f *dataFile) save(j *journal, now counters) error {
	if j.empty() && now == f.saved {
		return nil
	}
	if f.closed {
		return errClosed
	}
	if err := f.exec(begin); err != nil {
		return err
	}
	if err := f.write(j, now); err != nil {
		_ = f.exec(rollback)
		return err
	}
	if err := f.exec(commit); err != nil {
		_ = f.exec(rollback)
		return err
	}
	f.saved = now
	return nil
}

func (f *dataFile) write(j *journal, now counters) error {
	for _, part := range []func(*journal) error{f.writeResources, f.writeKeys, f.writeDue, f.writeLedger} {
		if err := part(j); err != nil {
			return err
		}
	}
	if now == f.saved {
		return nil
	}
	data, err := marshal(now)
	if err != nil {
		return err
	}
	return f.exec(putCounters, data)
}

func (f *dataFile) writeResources(j *journal) error {
	for _, e := range j.entries {
		text := putEntry
		if e.removed {
			text = dropEntry
		}
		if err := f.exec(text, e.seq, e.kind, e.owner); err != nil {
			return err
		}
	}
	var values []any
	for _, seq := range slices.Sorted(maps.Keys(j.resources)) {
		r := j.resources[seq]
		if r == nil {
			if err := errors.Join(f.exec(dropEntries, seq), f.exec(dropResource, seq)); err != nil {
				return err
			}
			continue
		}
		kind, err := kindOf(r)
		if err != nil {
			return err
		}
		data, frozen, err := f.packer.encode(r)
		if err != nil {
			return err
		}
		values = append(values, seq, kind, data, frozen)
	}
	// Every statement has its price, so several rows share one.
	const columns, most = 4, 8
	for some := range slices.Chunk(values, columns*most) {
		if err := f.exec(putResource+strings.Repeat(anotherRow, len(some)/columns-1), some...); err != nil {
			return err
		}
	}
	return nil
}

func (f *dataFile) writeKeys(j *journal) error {
	for _, key := range j.forgotten {
		if err := f.exec(dropKey, key); err != nil {
			return err
		}
	}
	for _, rec := range j.keys { // a forgotten key may have come again at once
		r := rec.reply
		if err := f.exec(putKey, rec.key, rec.request[:], rec.created, r.status, r.requestID, f.packer.pack(r)); err != nil {
			return err
		}
	}
	return nil
}

func (f *dataFile) writeDue(j *journal) error {
	for _, item := range j.due {
		if err := f.exec(putDue, item.order, item.at.UnixNano(), string(item.action), item.id, item.clock); err != nil {
			return err
		}
	}
	for _, d := range j.deliveries {
		if err := f.exec(putDelivery, d.number, d.event.ID, d.endpoint, d.due.UnixNano(), d.first.UnixNano(), d.tries); err != nil {
			return err
		}
	}
	for text, numbers := range map[string][]uint64{dropDue: j.done, dropDelivery: j.delivered} {
		for _, number := range numbers {
			if err := f.exec(text, number); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *dataFile) writeLedger(j *journal) error {
	for _, a := range j.attempts {
		if err := f.exec(putAttempt, a.At.UnixNano(), a.IdempotencyKey, a.PaymentIntent, a.Outcome, a.Code, a.DeclineCode, a.Checkout); err != nil {
			return err
		}
	}
	for _, key := range j.reused {
		if err := f.exec(putReusedKey, key); err != nil {
			return err
		}
	}
	return nil
}

// marshal is json.Marshal that leaves strings as they are: what was rendered must come
// back byte for byte.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return slices.Clip(bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), nil
}
