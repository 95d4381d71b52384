package e2e

import (
	"bytes"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // what the SDK compresses requests with
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/workflows"
)

// bytesCodec leaves messages as they are.
type bytesCodec struct{}

func (bytesCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (bytesCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = data
	return nil
}

func (bytesCodec) Name() string { return "bytes" }

// tripwire is a way to Temporal that does something as soon as the server has accepted a request with a text in it.
// Whoever sent it has no answer yet.
func tripwire(t *testing.T, target, text string, trip func()) (address string) {
	t.Helper()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	trip = sync.OnceFunc(trip)
	forward := func(_ any, stream grpc.ServerStream) error {
		var request, answer []byte
		if err := stream.RecvMsg(&request); err != nil {
			return err
		}
		method, _ := grpc.MethodFromServerStream(stream)
		header, _ := metadata.FromIncomingContext(stream.Context())
		ctx := metadata.NewOutgoingContext(stream.Context(), header)
		if err := conn.Invoke(ctx, method, &request, &answer, grpc.ForceCodec(bytesCodec{})); err != nil {
			return err
		}
		if bytes.Contains(request, []byte(text)) {
			trip()
		}
		return stream.SendMsg(&answer)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(bytesCodec{}), grpc.UnknownServiceHandler(forward))
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

// TestAgreementWorkerKilledAtAStep kills the worker with SIGKILL at the very moment at which a step of a charge has gone
// to Temporal. The next worker goes on with the step after it: the histories show that nobody else did.
func TestAgreementWorkerKilledAtAStep(t *testing.T) {
	t.Parallel()
	const charged, childStarted, continued = enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
		enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW
	for _, test := range []struct {
		name, token string
		// text passes to Temporal with the step.
		text func(reference string) string
		step enumspb.EventType
	}{
		{"the answer of a charge that was paid", visa, func(string) string { return `"outcome":"succeeded"` }, charged},
		{"the answer of a charge that was declined", lostCard, func(string) string { return `"outcome":"declined"` }, charged},
		{"the start of the payment's own workflow", lostCard, func(r string) string { return "payment:" + r + "~" }, childStarted},
		{"continue-as-new after a charge that was paid", visa, func(string) string { return `"carried":` }, continued},
		{"continue-as-new after a charge that was declined", lostCard, func(string) string { return `"carried":` }, continued},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			reference := nextReference("killed")
			var victim atomic.Pointer[process]
			killed := make(chan struct{})
			way := tripwire(t, stack.Temporal.Address, test.text(reference), func() {
				_ = victim.Load().cmd.Process.Kill()
				close(killed)
			})
			s := newSite(t, siteOptions{withoutWorker: true})
			p := s.agreement(reference, test.token)
			doomed := *s
			doomed.config.Temporal.HostPort = way
			victim.Store(doomed.worker())
			s.agree(p)
			select {
			case <-killed:
			case <-time.After(patience):
				t.Fatal("that never went to Temporal")
			}
			<-victim.Load().ended
			s.worker()
			s.paidInTheEnd(reference, test.token)
			s.nextWorkerAfter(reference, test.step, test.text(reference))
		})
	}
}

// paidInTheEnd waits until an agreement's first payment is paid, by its customer if the card was lost, and checks that it
// was taken once.
func (s *site) paidInTheEnd(reference, token string) {
	s.t.Helper()
	if token == lostCard {
		payment := s.latest(reference, 1, workflows.AgreementPaymentCollecting)
		asked := s.becomes(payment.Reference, workflows.PaymentAwaitingCustomer)
		require.Len(s.t, asked.Attempts, 1)
		s.payByLink(asked.Link, purchase{Number: goodCard})
	}
	payment := s.latest(reference, 1, workflows.AgreementPaymentPaid)
	s.paidOnce(payment.Reference)
	s.nothingOpen(payment.Reference)
	for _, key := range s.chargeKeys(payment.Reference) {
		require.Equal(s.t, "charge:1", key)
	}
	a := s.agreementIs(reference, workflows.AgreementActive, "")
	require.Equal(s.t, 1, a.Charges)
	require.Equal(s.t, 1, a.Paid)
}

// nextWorkerAfter checks that another worker took the workflow task that came after a step. The step is the event of the
// type that has the text.
func (s *site) nextWorkerAfter(reference string, step enumspb.EventType, text string) {
	s.t.Helper()
	id := workflows.AgreementID(reference)
	description, err := temporal.DescribeWorkflowExecution(s.t.Context(), id, "")
	require.NoError(s.t, err)
	before, found := "", false
	for run := description.GetWorkflowExecutionInfo().GetFirstRunId(); run != ""; {
		history, err := historyOf(s.t.Context(), id, run)
		require.NoError(s.t, err)
		run = ""
		for _, event := range history.GetEvents() {
			if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
				identity := event.GetWorkflowTaskCompletedEventAttributes().GetIdentity()
				if found {
					require.NotEqual(s.t, before, identity, "the task after the step")
					return
				}
				before = identity
			}
			content, err := proto.Marshal(event)
			require.NoError(s.t, err)
			found = found || event.GetEventType() == step && bytes.Contains(content, []byte(text))
			if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW {
				run = event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
			}
		}
	}
	s.t.Fatalf("no task after %s with %s", step, text)
}

// TestAgreementWorkerKilledDuringCharge kills the worker when Stripe has charged, and its answer is still on the way.
// Temporal gives the charge to the next worker when its start-to-close time of 45 s is over.
func TestAgreementWorkerKilledDuringCharge(t *testing.T) {
	t.Parallel()
	cases := sideBySide{t: t}
	defer cases.Wait()
	for name, token := range map[string]string{"paid": visa, "declined": lostCard} {
		cases.run(name, func(t *testing.T) {
			s := newSite(t, siteOptions{withoutWorker: true})
			s.fault(stripesandbox.Fault{Method: http.MethodPost, PathPrefix: "/v1/payment_intents", Kind: stripesandbox.FaultSlow, DelayMS: 20_000})
			worker := s.worker()
			p := s.agreement(s.reference(), token)
			s.agree(p)
			eventually(t, func() error {
				if list := s.stripe(http.MethodGet, "/v1/payment_intents?customer="+p.Customer, nil)["data"].([]any); len(list) == 0 {
					return errNotYet
				}
				return nil
			})
			worker.kill()
			s.worker()
			s.paidInTheEnd(p.Reference, token)
		})
	}
}

// TestAgreementAnswersLost breaks the way to Stripe and back. The charge goes out again under its key, or is found.
func TestAgreementAnswersLost(t *testing.T) {
	t.Parallel()
	for _, kind := range []stripesandbox.FaultKind{
		stripesandbox.FaultDropBefore, stripesandbox.FaultDropAfter, stripesandbox.Fault503, stripesandbox.FaultRateLimit,
		stripesandbox.FaultBrokenJSON, stripesandbox.Fault500After,
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{withoutWeb: true})
			s.fault(stripesandbox.Fault{Method: http.MethodPost, PathPrefix: "/v1/payment_intents", Kind: kind})
			reference := s.agreed(visa)
			s.paidInTheEnd(reference, visa)
		})
	}
}
