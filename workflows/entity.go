package workflows

import (
	"encoding/base64"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"
	"unicode/utf8"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

const (
	// updatePatience is how long an Update waits for Stripe before it answers pending.
	updatePatience = 20 * time.Second
	// seenEvents, auditEntries, auditBytes and undeliveredEntries bound what is carried over.
	seenEvents         = 50
	auditEntries       = 20
	auditBytes         = 2500
	undeliveredEntries = 20
	// linkGrace is how long a customer's link outlives the workflow's last deadline.
	linkGrace = 30 * 24 * time.Hour
	// actorTemporal signs what a Temporal cancellation request asks for.
	actorTemporal = "temporal"
)

// entityState is the part of a workflow's state that all types carry over.
type entityState struct {
	// Seen are marks of the last event ids, so that a second delivery changes nothing.
	Seen []string `json:"seen,omitempty"`
	// Hints are events not yet followed up.
	Hints []StripeEvent `json:"hints,omitempty"`
	// Audit is what operators asked for, oldest first.
	Audit []AuditEntry `json:"audit,omitempty"`
	// Undelivered are the ids of the last messages that could not be delivered.
	Undelivered []string `json:"undelivered,omitempty"`
	// Poll counts the polls since something last happened; PollAt is the next one, zero when nothing can change.
	Poll   int       `json:"poll,omitempty"`
	PollAt time.Time `json:"poll_at,omitzero"`
}

// command is an Update that waits for the main loop.
type command struct {
	update string
	op     Operation
	open   OpenCheckoutRequest
	// run is a billing run's operation.
	run RunOperation
	// change is an agreement's operation, request stands for its id.
	change  AgreementOperation
	request string
	done    bool
	answer  OpenCheckoutResponse
	// changed answers an agreement's Update.
	changed AgreementResponse
	// answered says that the caller was told pending.
	answered bool
	err      error
}

// entity is the frame that all workflows stand in: the queue that serialises all that changes state, the hints from
// webhooks, the messages on their way out.
type entity struct {
	*entityState
	queue       []*command
	running     *command // the last one taken out of the queue
	undelivered int      // messages, and activities of other kinds, still on their way
	published   publishedAttributes

	events    workflow.ReceiveChannel
	requested workflow.Context // ends with the Temporal cancellation request
	canceled  bool             // the request is in the queue

	// inbox takes in what else may arrive, and waiting reports whether something has; nil when nothing can.
	inbox   func()
	waiting func() bool
	// cycleDone asks to continue as new as soon as nothing is under way.
	cycleDone bool
	// messages ends the tries to deliver what is on its way.
	messages []workflow.CancelFunc
}

// publishedAttributes are the search attributes as last written.
type publishedAttributes struct {
	state       string
	nextAction  time.Time
	declineCode string
	customer    string
	amount      int64
}

// listen names where signals and the Temporal cancellation request arrive.
func (e *entity) listen(ctx workflow.Context) {
	e.events, e.requested = workflow.GetSignalChannel(ctx, SignalStripeEvent), ctx
}

// takeIn notes the signals and the cancellation request that have arrived. Only the main loop calls it: with a coroutine
// of their own, what arrives in the task that continues as new could be in that coroutine's hands, and lost.
func (e *entity) takeIn() {
	var ev StripeEvent
	for e.events.ReceiveAsync(&ev) {
		e.note(ev)
		ev = StripeEvent{}
	}
	if e.inbox != nil {
		e.inbox()
	}
	if !e.canceled && e.requested.Err() != nil {
		e.canceled = true
		e.queue = append(e.queue, &command{update: UpdateCancel, op: Operation{Actor: actorTemporal, Reason: "Temporal cancellation request"}})
	}
}

// called reports whether a message waits for the main loop.
func (e *entity) called() bool {
	return len(e.queue) > 0 || len(e.Hints) > 0 || e.events.Len() > 0 || !e.canceled && e.requested.Err() != nil ||
		e.waiting != nil && e.waiting()
}

// note remembers an event once.
func (e *entity) note(ev StripeEvent) {
	if ev.ID != "" {
		seen := mark(ev.ID)
		if slices.Contains(e.Seen, seen) {
			return
		}
		e.Seen = append(e.Seen, seen)
		if len(e.Seen) > seenEvents {
			e.Seen = slices.Clone(e.Seen[len(e.Seen)-seenEvents:])
		}
	}
	// More hints than the ring holds say nothing new: one re-reading follows them all.
	if len(e.Hints) < seenEvents {
		e.Hints = append(e.Hints, ev)
	}
}

// mark is a short stand-in for an id of others: 64 bits, to be compared with the last few.
func mark(id string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// submit queues a command and waits for it.
func (e *entity) submit(ctx workflow.Context, c *command) (bool, error) {
	e.queue = append(e.queue, c)
	return e.wait(ctx, c)
}

// wait waits until the main loop has carried a command out, 20 s at most; false is pending.
func (e *entity) wait(ctx workflow.Context, c *command) (bool, error) {
	dctx, _ := workflow.NewDisconnectedContext(ctx)
	if err := awaitWithin(dctx, updatePatience, "operator's or customer's patience", func() bool { return c.done }); err != nil {
		return false, fmt.Errorf("wait for the main loop: %w", err)
	}
	return c.done, nil
}

// press is the command of a customer's press on the button. While one waits or runs, others share it: during an outage
// of Stripe a page that asks again and again must not fill the queue.
func (e *entity) press(in OpenCheckoutRequest) *command {
	if e.running != nil && e.running.update == UpdateOpenCheckout && e.running.open == in && !e.running.done {
		return e.running
	}
	for _, c := range e.queue {
		if c.update == UpdateOpenCheckout {
			c.open = in
			return c
		}
	}
	c := &command{update: UpdateOpenCheckout, open: in}
	e.queue = append(e.queue, c)
	return c
}

// next takes the next command out of the queue.
func (e *entity) next() *command {
	if len(e.queue) == 0 {
		return nil
	}
	e.running = e.queue[0]
	e.queue = e.queue[1:]
	return e.running
}

// awaitWithin waits until the condition holds, d at most. It ends its timer, which workflow.AwaitWithTimeout leaves
// running: each that fires for nothing is four events.
func awaitWithin(ctx workflow.Context, d time.Duration, summary string, condition func() bool) error {
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	timer := workflow.NewTimerWithOptions(timerCtx, d, workflow.TimerOptions{Summary: summary})
	return workflow.Await(ctx, func() bool { return condition() || timer.IsReady() })
}

// sleep waits until the time given, or until a message has come.
func (e *entity) sleep(ctx workflow.Context, until time.Time, summary string) error {
	wanted := func() bool { return e.called() || e.cycleDone && e.quiet(ctx) }
	if until.IsZero() {
		return workflow.Await(ctx, wanted)
	}
	d := until.Sub(workflow.Now(ctx))
	if d <= 0 {
		return nil
	}
	return awaitWithin(ctx, d, summary, wanted)
}

// quiet reports whether nothing is under way, so that the workflow may end or continue as new.
func (e *entity) quiet(ctx workflow.Context) bool {
	return len(e.queue) == 0 && e.undelivered == 0 && workflow.AllHandlersFinished(ctx)
}

// recordAudit keeps what an operator asked for; every entry is also a log line.
func (e *entity) recordAudit(ctx workflow.Context, c *command, state string) {
	e.Audit = append(e.Audit, AuditEntry{At: workflow.Now(ctx).UTC().Truncate(time.Second), Update: c.update, Actor: c.op.Actor, Reason: c.op.Reason, State: state})
	e.trimAudit()
	workflow.GetLogger(ctx).Info("operation", "update", c.update, "actor", c.op.Actor, "reason", c.op.Reason, "state", state)
}

// trimAudit keeps the last entries, and no more text than is worth carrying over: every entry is a log line as well.
func (e *entity) trimAudit() {
	size, keep := 0, len(e.Audit)
	for keep > 0 && len(e.Audit)-keep < auditEntries {
		a := e.Audit[keep-1]
		if size += len(a.Actor) + len(a.Reason); size > auditBytes {
			break
		}
		keep--
	}
	e.Audit = slices.Clone(e.Audit[keep:])
}

// tell sends a notification on its way without waiting for it: it is retried for a day, then recorded.
func (e *entity) tell(ctx workflow.Context, n activities.Notification) {
	ctx, cancel := workflow.WithCancel(ctx)
	e.messages = append(e.messages, cancel)
	e.beforeEnd(ctx, "notify", func(ctx workflow.Context) {
		defer cancel()
		if err := perform(ctx, notifyOptions, notifications.Notify, n); err != nil {
			e.Undelivered = append(e.Undelivered, n.ID)
			if len(e.Undelivered) > undeliveredEntries {
				e.Undelivered = slices.Clone(e.Undelivered[len(e.Undelivered)-undeliveredEntries:])
			}
			workflow.GetLogger(ctx).Error("message not delivered", "notification_id", n.ID, "error_type", errorType(err))
		}
	})
}

// giveUpMessages ends the tries to deliver messages, as Temporal wants the history to end, and a workflow whose cycles are
// short would never get there: while the app is gone, one message or another is always on its way.
func (e *entity) giveUpMessages() {
	for _, cancel := range e.messages {
		cancel()
	}
	e.messages = nil
}

// beforeEnd keeps the workflow from ending until do, which runs beside the main loop, is done.
func (e *entity) beforeEnd(ctx workflow.Context, name string, do func(ctx workflow.Context)) {
	e.undelivered++
	workflow.GoNamed(ctx, name, func(ctx workflow.Context) {
		do(ctx)
		e.undelivered--
	})
}

// restartPolls makes the polls dense again, after something happened.
func (e *entity) restartPolls(ctx workflow.Context, reference string) {
	e.Poll = 0
	e.PollAt = workflow.Now(ctx).Add(pollDelay(0, reference)).UTC()
}

// polled plans the next poll.
func (e *entity) polled(ctx workflow.Context, reference string) {
	e.Poll++
	e.PollAt = workflow.Now(ctx).Add(pollDelay(e.Poll, reference)).UTC()
}

// publish writes the search attributes when they have changed.
func (e *entity) publish(ctx workflow.Context, now publishedAttributes) {
	if now == e.published {
		return
	}
	var set []temporal.SearchAttributeUpdate
	if now.state != e.published.state {
		set = append(set, SearchState.ValueSet(now.state))
	}
	switch {
	case now.nextAction.Equal(e.published.nextAction):
	case now.nextAction.IsZero():
		set = append(set, SearchNextActionAt.ValueUnset())
	default:
		set = append(set, SearchNextActionAt.ValueSet(now.nextAction))
	}
	if now.declineCode != e.published.declineCode && now.declineCode != "" {
		set = append(set, SearchDeclineCode.ValueSet(now.declineCode))
	}
	if now.customer != e.published.customer && now.customer != "" {
		set = append(set, SearchCustomer.ValueSet(now.customer))
	}
	if now.amount != e.published.amount && now.amount != 0 {
		set = append(set, SearchAmount.ValueSet(now.amount))
	}
	e.published = now
	if len(set) == 0 {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, set...); err != nil {
		workflow.GetLogger(ctx).Error("search attributes not written", "error", err)
	}
}

// readPublished reads the search attributes that the workflow was started with.
func readPublished(ctx workflow.Context) publishedAttributes {
	sa := workflow.GetTypedSearchAttributes(ctx)
	var p publishedAttributes
	p.state, _ = sa.GetKeyword(SearchState)
	p.nextAction, _ = sa.GetTime(SearchNextActionAt)
	p.declineCode, _ = sa.GetKeyword(SearchDeclineCode)
	p.customer, _ = sa.GetKeyword(SearchCustomer)
	p.amount, _ = sa.GetInt64(SearchAmount)
	return p
}

// checkVersion stops the task, until a newer worker takes it, when the carried state was written by a newer worker: what
// its fields mean is not known here.
func checkVersion(carried, known int) {
	if carried > known {
		panic(fmt.Sprintf("the carried state has version %d, and this worker knows %d", carried, known))
	}
}

// refuse is the error with which an Update is refused.
func refuse(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), RefusedError, nil)
}

// checkOperation accepts an operator's request: who asks, and why.
func checkOperation(op Operation) error {
	const actorMost, reasonMost = 80, 200
	var errs []error
	if n := utf8.RuneCountInString(op.Actor); n < 1 || n > actorMost {
		errs = append(errs, fmt.Errorf("actor: %s has %d characters; 1 to %d are allowed", quoteShort(op.Actor), n, actorMost))
	}
	if n := utf8.RuneCountInString(op.Reason); n < 1 || n > reasonMost {
		errs = append(errs, fmt.Errorf("reason: %s has %d characters; 1 to %d are allowed", quoteShort(op.Reason), n, reasonMost))
	}
	if err := errors.Join(errs...); err != nil {
		return refuse("%s", err.Error())
	}
	return nil
}

// errorType is the type of an activity's application error, such as activities.ErrorStripeUnauthorized; a timeout has
// the type timeout.
func errorType(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Type()
	}
	if _, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		return "timeout"
	}
	return "unexpected"
}
