package activities

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"os"
	"slices"
	"time"
)

// referenceIndex knows which references a manifest has, and keeps the PaymentIntents that carry one of them: 16 bytes of memory per
// row, however many are found.
type referenceIndex struct {
	seed maphash.Seed
	// hashes are those of the references, sorted. Two references with one hash share what is found: who reads it compares them.
	hashes []uint64
	// newest is for each hash the end of the record that was added last in the file, 0 when there is none. It is made with the first
	// record.
	newest []int64
	file   *os.File
	writer *bufio.Writer
	size   int64
}

// indexReferences reads all references, and calls progress now and then.
func indexReferences(references iter.Seq2[string, error], progress func()) (*referenceIndex, error) {
	x := &referenceIndex{seed: maphash.MakeSeed()}
	for reference, err := range references {
		if err != nil {
			return nil, err
		}
		if x.hashes = append(x.hashes, x.hash(reference)); len(x.hashes)%rowsPerHeartbeat == 0 {
			progress()
		}
	}
	slices.Sort(x.hashes)
	return x, nil
}

func (x *referenceIndex) hash(reference string) uint64 { return maphash.String(x.seed, reference) }

// knownIntent is what is kept of a PaymentIntent: what a look-back decides by.
type knownIntent struct {
	Reference     string              `json:"r"`
	ID            string              `json:"i"`
	Status        PaymentIntentStatus `json:"s"`
	Amount        int64               `json:"a"`
	Currency      string              `json:"c"`
	Customer      string              `json:"u"`
	PaymentMethod string              `json:"m,omitempty"`
	LatestCharge  string              `json:"l,omitempty"`
	ChargedAt     time.Time           `json:"t,omitzero"`
	// What follows is for reconciling alone.
	Owner    string `json:"o,omitempty"`
	Refunded int64  `json:"f,omitempty"`
}

func (k knownIntent) intent() PaymentIntent {
	return PaymentIntent{
		ID: k.ID, Status: k.Status, Amount: k.Amount, Currency: k.Currency, Customer: k.Customer, PaymentMethod: k.PaymentMethod,
		LatestCharge: k.LatestCharge, ChargedAt: k.ChargedAt, AmountRefunded: k.Refunded,
		Metadata: map[string]string{MetadataReference: k.Reference, MetadataOwner: k.Owner},
	}
}

// recordTail follows each record: its length, and where the record before it with the same hash ends.
const recordTail = 4 + 8

// add keeps the PaymentIntent if it carries one of the references, and reports whether it does.
func (x *referenceIndex) add(i PaymentIntent) (bool, error) {
	reference := i.Metadata[MetadataReference]
	if reference == "" {
		return false, nil
	}
	at, found := slices.BinarySearch(x.hashes, x.hash(reference))
	if !found {
		return false, nil
	}
	if x.file == nil {
		if err := x.open(); err != nil {
			return false, err
		}
	}
	record, err := json.Marshal(knownIntent{
		Reference: reference, ID: i.ID, Status: i.Status, Amount: i.Amount, Currency: i.Currency, Customer: i.Customer,
		PaymentMethod: i.PaymentMethod, LatestCharge: i.LatestCharge, ChargedAt: i.ChargedAt,
		Owner: i.Metadata[MetadataOwner], Refunded: i.AmountRefunded,
	})
	if err != nil {
		return false, fmt.Errorf("keep what was found: %w", err)
	}
	record = binary.LittleEndian.AppendUint32(record, uint32(len(record)))
	record = binary.LittleEndian.AppendUint64(record, uint64(x.newest[at]))
	if _, err := x.writer.Write(record); err != nil {
		return false, fmt.Errorf("keep what was found: %w", err)
	}
	x.size += int64(len(record))
	x.newest[at] = x.size
	return true, nil
}

func (x *referenceIndex) open() error {
	file, err := os.CreateTemp("", "offsession-payment-intents-*")
	if err != nil {
		return fmt.Errorf("keep what was found: %w", err)
	}
	x.file, x.writer = file, bufio.NewWriterSize(file, 1<<16)
	x.newest = make([]int64, len(x.hashes))
	return nil
}

// known answers the PaymentIntents with the reference, in the order in which they were added.
func (x *referenceIndex) known(reference string) ([]PaymentIntent, error) {
	if x.file == nil {
		return nil, nil
	}
	if err := x.writer.Flush(); err != nil {
		return nil, fmt.Errorf("keep what was found: %w", err)
	}
	at, found := slices.BinarySearch(x.hashes, x.hash(reference))
	if !found {
		return nil, fmt.Errorf("%q was not there a moment ago: %w", reference, ErrRunFileChanged)
	}
	var known []PaymentIntent
	for end := x.newest[at]; end > 0; {
		record, before, err := x.read(end)
		if err != nil {
			return nil, fmt.Errorf("read what was found: %w", err)
		}
		end = before
		if record.Reference == reference {
			known = append(known, record.intent())
		}
	}
	slices.Reverse(known)
	return known, nil
}

// read reads the record that ends there, and where the one before it with the same hash ends.
func (x *referenceIndex) read(end int64) (record knownIntent, before int64, _ error) {
	var tail [recordTail]byte
	if _, err := x.file.ReadAt(tail[:], end-recordTail); err != nil {
		return record, 0, err //nolint:wrapcheck // known does
	}
	text := make([]byte, binary.LittleEndian.Uint32(tail[:]))
	if _, err := x.file.ReadAt(text, end-recordTail-int64(len(text))); err != nil && !errors.Is(err, io.EOF) {
		return record, 0, err //nolint:wrapcheck // known does
	}
	return record, int64(binary.LittleEndian.Uint64(tail[4:])), json.Unmarshal(text, &record) //nolint:wrapcheck // it was an int64
}

// close removes the file.
func (x *referenceIndex) close() {
	if x.file != nil {
		_ = x.file.Close()
		_ = os.Remove(x.file.Name())
	}
}
