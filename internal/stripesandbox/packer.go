package stripesandbox

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/klauspost/compress/zstd"
)

// packer makes documents small for a data file. What makes up most of Stripe's objects,
// names and nulls, comes from a dictionary that the file has from its beginning: what is
// left of a document is little more than its ids.
type packer struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// maxDocument bounds what one packed document can become; an answer is far smaller.
const maxDocument = 64 << 20

func newPacker(dictionary []byte) (*packer, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithNoEntropyCompression(true),
		zstd.WithEncoderConcurrency(1), zstd.WithEncoderDictRaw(1, dictionary))
	if err != nil {
		return nil, fmt.Errorf("dictionary: %w", err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxDocument), zstd.WithDecoderDictRaw(1, dictionary))
	if err != nil {
		return nil, fmt.Errorf("dictionary: %w", err)
	}
	return &packer{encoder, decoder}, nil
}

// pack returns what an object renders to. What came out of the file goes back as it is.
func (p *packer) pack(o object) []byte {
	if known, ok := o.(*packed); ok && known.packer == p {
		return known.data
	}
	var w writer
	o.render(&w)
	return p.encoder.EncodeAll(w.buf, nil)
}

// packed is an object of which only its JSON is left: an answer, or the object of an
// event, that was read back from a data file. Few of them are ever looked at again.
type packed struct {
	packer *packer
	data   []byte
}

func (o *packed) render(w *writer) {
	w.comma()
	unpacked, err := o.packer.decoder.DecodeAll(o.data, w.buf)
	if err != nil {
		panic(fmt.Sprintf("stripesandbox: the data file holds a broken document: %v", err))
	}
	w.buf = unpacked
}

// newDictionary asks a sandbox in memory what the usual calls are answered, the most
// frequent last, and then has all their events.
func newDictionary() ([]byte, error) {
	s, err := New(Config{Seed: 1})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var w writer
	ask := func(path, form string) (id string) {
		q := &apiRequest{method: http.MethodPost, path: path}
		q.values, _ = url.ParseQuery(form) // ours
		q.route, q.ids = s.router.match(q.method, q.path)
		answer := s.run(q)
		w.buf = append(w.buf, answer.body()...)
		if r, ok := answer.obj.(resource); ok {
			id = r.head().ID
		}
		return id
	}
	customer := "customer=" + ask("/v1/customers", "payment_method=pm_card_visa&email=jane@example.com&name=Jane")
	payment := customer + "&amount=1099&currency=usd&off_session=true&confirm=true&metadata[offsession_reference]=1&metadata[offsession_kind]=payment&payment_method="
	ask("/v1/checkout/sessions", customer+"&mode=setup&currency=usd&success_url=https://example.com")
	ask("/v1/setup_intents", customer+"&payment_method=pm_card_visa&confirm=true&usage=off_session&return_url=https://example.com")
	ask("/v1/payment_intents", payment+"pm_card_chargeDeclined")
	ask("/v1/refunds", "amount=99&payment_intent="+ask("/v1/payment_intents", payment+"pm_card_visa&expand[0]=latest_charge"))
	for _, id := range s.store.indexes[indexKey{kind: "event"}] {
		s.store.objects[id].render(&w)
	}
	ask("/v1/payment_intents", payment+"pm_card_visa&expand[0]=latest_charge")
	return w.buf, nil
}
