package activities

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
)

// pageProgress is how far a page has come: what its heartbeats and its checkpoint hold.
type pageProgress struct {
	// Settled is the run of the activity, from 1, that ended in good order: all that it sent is among the rows, and was sent.
	Settled int32         `json:"settled,omitempty"`
	Rows    []rowProgress `json:"rows,omitempty"`
}

// rowProgress is one row of it: finished when it has an outcome, and in flight otherwise.
type rowProgress struct {
	// Row counts from 0 in the page.
	Row           int           `json:"row"`
	Outcome       ChargeOutcome `json:"outcome,omitempty"`
	PaymentIntent string        `json:"payment_intent,omitempty"`
	// PaymentMethod is left out when it is the row's own.
	PaymentMethod string `json:"payment_method,omitempty"`
	Codes
	Adopted bool `json:"adopted,omitempty"`
	// HandedOver says that a CollectPayment goes on with it, Due that it must be started yet. At, FirstSentAt, Stamp and
	// LatestCharge are for that.
	HandedOver   bool      `json:"handed_over,omitempty"`
	Due          bool      `json:"hand_over_due,omitempty"`
	At           time.Time `json:"at,omitzero"`
	Stamp        string    `json:"payment_method_stamp,omitempty"`
	LatestCharge string    `json:"latest_charge,omitempty"`
	// FirstSentAt is set for a row that is, or may be, in flight. LastSentAt is left out when it is the same. Guessed says that
	// nobody knows whether it was sent.
	FirstSentAt time.Time `json:"first_sent_at,omitzero"`
	LastSentAt  time.Time `json:"last_sent_at,omitzero"`
	Guessed     bool      `json:"guessed,omitempty"`
	LookedBack  bool      `json:"looked_back,omitempty"`
	// Judged says that the row was done before a stop, which an operator has ended since: it does not count for the next.
	Judged bool `json:"judged,omitempty"`
}

// beatEvery is how often progress is recorded while a page runs. Most pages are done sooner, and cost no heartbeat.
const beatEvery = 5 * time.Second

// progress tells what must survive a crash; it is recorded at once. over says that nothing is sent any more. p.mu is held.
func (p *page) progress(over bool) pageProgress {
	var out pageProgress
	for _, r := range p.rows {
		switch {
		case r.decided():
			saved := rowProgress{
				Row: r.index, Outcome: r.res.Outcome, PaymentIntent: r.res.PaymentIntent, PaymentMethod: r.res.PaymentMethod,
				Codes: r.res.Codes, Adopted: r.res.Adopted, HandedOver: r.handedOver, Judged: r.judged,
			}
			if saved.PaymentMethod == r.PaymentMethod {
				saved.PaymentMethod = ""
			}
			if !r.done {
				saved.Due, saved.At, saved.FirstSentAt, saved.LastSentAt = true, r.at, r.res.FirstSentAt, r.lastSent
				saved.Stamp, saved.LatestCharge = r.res.PaymentMethodStamp, r.res.LatestCharge
			}
			out.Rows = append(out.Rows, saved)
		case !r.progress.FirstSentAt.IsZero() || r.progress.PaymentMethod != r.PaymentMethod:
			saved := rowProgress{Row: r.index, FirstSentAt: r.progress.FirstSentAt, Guessed: r.guessed, LookedBack: r.progress.LookedBack}
			switch {
			case !saved.FirstSentAt.IsZero():
				saved.LastSentAt = r.lastSent
			case !over:
				saved.FirstSentAt, saved.Guessed = r.resolvedAt, true // it may be sent before the next heartbeat gets through
			}
			if saved.LastSentAt.Equal(saved.FirstSentAt) {
				saved.LastSentAt = time.Time{}
			}
			if r.progress.PaymentMethod != r.PaymentMethod {
				saved.PaymentMethod = r.progress.PaymentMethod
				r.kept = saved.PaymentMethod
			}
			out.Rows = append(out.Rows, saved)
		}
	}
	return out
}

// resume takes over what an earlier run of the page has done. A row of which nothing is known may have been sent by a run
// that crashed: crashed is the time that stands for that, zero when there was none. What such a run did last, nobody knows.
func (p *page) resume(saved pageProgress, crashed time.Time, judged bool) {
	for _, s := range saved.Rows {
		if s.Row < 0 || s.Row >= len(p.rows) {
			continue
		}
		r := p.rows[s.Row]
		r.lastSent, r.guessed = cmp.Or(s.LastSentAt, s.FirstSentAt, s.At), s.Guessed
		if s.Outcome == "" {
			r.progress.FirstSentAt, r.progress.LookedBack = s.FirstSentAt, s.LookedBack
			if s.PaymentMethod != "" {
				r.progress.PaymentMethod, r.kept = s.PaymentMethod, s.PaymentMethod
			}
			continue
		}
		r.res = ChargeResult{
			Outcome: s.Outcome, PaymentIntent: s.PaymentIntent, PaymentMethod: s.PaymentMethod, PaymentMethodStamp: s.Stamp,
			LatestCharge: s.LatestCharge, Codes: s.Codes, Adopted: s.Adopted, FirstSentAt: s.FirstSentAt,
		}
		r.at, r.handedOver, r.done, r.judged = s.At, s.HandedOver, !s.Due, s.Judged || judged
	}
	for _, r := range p.rows {
		if r.decided() {
			r.again = !r.done
			continue
		}
		if r.progress.FirstSentAt.IsZero() && !crashed.IsZero() {
			r.progress.FirstSentAt, r.guessed = crashed, true
		}
		r.again = !r.progress.FirstSentAt.IsZero()
		if r.again && !crashed.IsZero() {
			r.lastSent = p.startedAt
		}
	}
}

// saved reads what earlier runs of the page have left: the heartbeat of the run before, else the checkpoint of a page that was
// stopped.
func (p *page) saved(ctx context.Context) error {
	var saved pageProgress
	var crashed time.Time
	held := activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &saved) == nil
	switch {
	case held && saved.Settled > 0 && saved.Settled == p.info.Attempt-1:
	case !p.in.LostSince.IsZero():
		crashed = p.in.LostSince
	case p.again(ctx) && !p.in.Closing:
		crashed = p.info.ScheduledTime
	}
	if held {
		p.checkpoint = true // there may be one
		p.resume(saved, crashed, false)
		return nil
	}
	data, err := p.ports.RunFiles.Checkpoint(ctx, p.in.RunFile, p.in.RunPage)
	if err != nil {
		return p.filesError("read the checkpoint", err)
	}
	if saved, err = decodeCheckpoint(data); err != nil {
		return p.filesError("read the checkpoint", err)
	}
	p.checkpoint = data != nil
	p.resume(saved, crashed, true)
	return nil
}

// again reports whether the page was charged before by its activity. Attempts are counted from 1 anew when an operator resets it.
func (p *page) again(ctx context.Context) bool {
	return p.info.Attempt > 1 || activity.HasHeartbeatDetails(ctx)
}

// beat records the progress. The SDK sends the first heartbeat at once and waits for the answer, and of the others the newest
// when the worker's throttle lets it through, some seconds after the one before, or when the activity fails.
func (p *page) beat(ctx context.Context) { p.beatWith(ctx, 0) }

func (p *page) beatWith(ctx context.Context, settled int32) {
	p.beating.Lock()
	defer p.beating.Unlock()
	p.lastBeat = time.Now()
	p.mu.Lock()
	if !p.loaded && settled == 0 {
		p.mu.Unlock()
		p.beatBefore(ctx)
		return
	}
	p.changed = false
	progress := p.progress(settled > 0)
	p.mu.Unlock()
	progress.Settled = settled
	activity.RecordHeartbeat(ctx, progress)
}

// beatBefore tells what an earlier run has told: the server keeps nothing but the newest heartbeat.
func (p *page) beatBefore(ctx context.Context) {
	if p.before == nil {
		activity.RecordHeartbeat(ctx)
		return
	}
	activity.RecordHeartbeat(ctx, p.before)
}

// settle records that the run ends in good order; no heartbeat follows.
func (p *page) settle(ctx context.Context) {
	p.stopBeating()
	p.beatWith(ctx, p.info.Attempt)
}

// startBeating keeps the page alive until stopBeating: reading and writing its files may take longer than charging its rows.
func (p *page) startBeating(ctx context.Context) {
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &p.before) != nil {
		p.before = nil
	}
	beats, end := context.WithCancel(ctx)
	var beating sync.WaitGroup
	beating.Go(func() { p.keepBeating(beats) })
	p.stopBeating = func() {
		end()
		beating.Wait()
	}
}

// keepBeating records progress now and then, and shows the server in time that the page is alive.
func (p *page) keepBeating(ctx context.Context) {
	every := beatEvery
	if timeout := p.info.HeartbeatTimeout; timeout > 0 {
		every = min(every, timeout/4)
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		p.beating.Lock()
		quiet := time.Since(p.lastBeat)
		p.beating.Unlock()
		if changed || p.info.HeartbeatTimeout > 0 && quiet >= p.info.HeartbeatTimeout/2 {
			p.beat(ctx)
		}
	}
}

// encodeCheckpoint writes a JSON object per line.
func encodeCheckpoint(progress pageProgress) ([]byte, error) {
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	for _, row := range progress.Rows {
		if err := lines.Encode(row); err != nil {
			return nil, fmt.Errorf("encode the checkpoint: %w", err)
		}
	}
	return out.Bytes(), nil
}

func decodeCheckpoint(data []byte) (pageProgress, error) {
	var progress pageProgress
	lines := json.NewDecoder(bytes.NewReader(data))
	for lines.More() {
		var row rowProgress
		if err := lines.Decode(&row); err != nil {
			return pageProgress{}, fmt.Errorf("decode: %w", err)
		}
		progress.Rows = append(progress.Rows, row)
	}
	return progress, nil
}
