package stripesandbox

import (
	"net/http"
	"time"
)

// keyLifetime is how long Stripe promises to remember a key; it may be longer there.
// https://docs.stripe.com/api/idempotent_requests
const keyLifetime = 24 * time.Hour

// maxKeyLength is Stripe's.
const maxKeyLength = 255

// keyStore remembers the first answer to each idempotency key. The caller holds
// Sandbox.mu, so that an answer is stored together with its effect.
type keyStore struct {
	records map[string]*keyRecord
	order   []string // oldest first; may name keys that were dropped since
	journal *journal
}

// keyRecord is kept for every POST of the last day: it has to be small.
type keyRecord struct {
	request [16]byte // fingerprint of method, path and parameters
	created int64    // Unix nanoseconds
	running bool
	reply   reply
}

func newKeyStore() *keyStore { return &keyStore{records: make(map[string]*keyRecord)} }

// begin returns the answer that the key already has, or starts a record for it.
func (ks *keyStore) begin(q *apiRequest, now time.Time) (*keyRecord, *reply) {
	ks.forget(now)
	known := ks.records[q.key]
	// forget may not have come to it: a key keeps its place when it was refused at first.
	if known == nil || known.forgotten(now) {
		rec := &keyRecord{request: q.fingerprint, created: now.UnixNano(), running: true}
		ks.records[q.key] = rec
		ks.order = append(ks.order, q.key)
		return rec, nil
	}
	switch {
	case known.request != q.fingerprint:
		return nil, &reply{status: http.StatusBadRequest, obj: &apiError{
			Status: http.StatusBadRequest, Type: typeIdempotency, RequestID: q.requestID,
			Message: "Keys for idempotent requests can only be used with the same parameters they were first used with. " +
				"Try using a key other than '" + q.key + "' if you meant to execute a different request.",
		}, mismatch: true}
	case known.running:
		inUse := keyInUse(q.key)
		inUse.RequestID = q.requestID
		return nil, &reply{status: inUse.Status, obj: inUse}
	}
	replayed := known.reply
	replayed.replayed = true
	return nil, &replayed
}

// finish stores the answer, or forgets the key when the call was refused before it ran:
// before it changed anything, that is.
func (ks *keyStore) finish(key string, rec *keyRecord, r reply, changed bool) {
	rec.running = false
	if err, failed := r.obj.(*apiError); failed && !changed && !err.stored() {
		delete(ks.records, key)
		return
	}
	rec.reply = r
	ks.journal.answer(key, rec)
}

func (rec *keyRecord) forgotten(now time.Time) bool {
	return !rec.running && now.UnixNano()-rec.created >= int64(keyLifetime)
}

func (ks *keyStore) forget(now time.Time) {
	for len(ks.order) > 0 {
		rec := ks.records[ks.order[0]]
		if rec != nil && !rec.forgotten(now) {
			return
		}
		if rec != nil {
			delete(ks.records, ks.order[0])
			ks.journal.forget(ks.order[0])
		}
		ks.order = ks.order[1:]
	}
}

func keyInUse(key string) *apiError {
	return &apiError{
		Status: http.StatusConflict, Type: typeInvalidRequest, Code: "idempotency_key_in_use",
		Message: "There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, " +
			"and the other request is still going through): " + key + ". Please try again later.",
	}
}
