package workflows

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// carriedMost is how large agreementState may be as JSON when it is carried over, in bytes.
const carriedMost = 8000

// carry is the input of the next run.
func (a *billingAgreement) carry() BillingAgreementInput {
	in := a.in.Short()
	a.st.fit()
	in.Carried = a.st
	return in
}

// fit drops what is in the log as well, oldest first, until the state is small enough. Everything else is bounded by
// itself, to less than that.
func (st *agreementState) fit() {
	for len(st.Audit)+len(st.Undelivered) > 0 {
		//workflowcheck:ignore the state has no maps, its text is the same at every replay
		text, err := json.Marshal(st) //nolint:musttag // an answeredRequest is packed as text
		switch {
		case err != nil || len(text) <= carriedMost:
			return
		case len(st.Undelivered) > len(st.Audit)/4:
			st.Undelivered = st.Undelivered[1:]
		default:
			st.Audit = st.Audit[1:]
		}
	}
}

// keptPayment is an AgreementPayment as it is carried over: 12 of them, whose references begin alike.
type keptPayment struct {
	// Key is the part of the payment's reference after the tilde, Due in Unix seconds.
	Key    string                `json:"k"`
	Due    int64                 `json:"d"`
	State  AgreementPaymentState `json:"s"`
	Reason string                `json:"r,omitempty"`
	Amount int64                 `json:"a,omitempty"`
	Intent string                `json:"p,omitempty"`
}

// shown is the payment as the status tells it.
func (a *billingAgreement) shown(p keptPayment) AgreementPayment {
	return AgreementPayment{
		Reference: a.paymentReference(p.Key), DueAt: time.Unix(p.Due, 0).UTC(), State: p.State, Reason: p.Reason, Amount: p.Amount, PaymentIntent: p.Intent,
	}
}

// answeredRequest is an Update that was carried out: a repetition is answered the same. Mark stands for its name and id.
type answeredRequest struct {
	Mark  string
	State AgreementState
	// Next is the next due date in Unix seconds; Now the k of a charge at once, Ask that of a SavePaymentMethod.
	Next int64
	Now  int
	Ask  int
}

// stateLetters stand for the states in an answeredRequest. Letters are never given to another state.
var stateLetters = map[AgreementState]string{
	AgreementSavingCard: "s", AgreementActive: "a", AgreementOnHold: "h", AgreementPaused: "p", AgreementNeedsAttention: "n",
	AgreementSettling: "e", AgreementCompleted: "d", AgreementCanceled: "c",
}

// MarshalText packs the answer: 50 of them are carried over.
func (r answeredRequest) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%s %s %s %d %d", r.Mark, stateLetters[r.State], strconv.FormatInt(r.Next, 36), r.Now, r.Ask), nil
}

// UnmarshalText is the opposite of MarshalText.
func (r *answeredRequest) UnmarshalText(text []byte) error {
	var letter, next string
	if _, err := fmt.Sscan(string(text), &r.Mark, &letter, &next, &r.Now, &r.Ask); err != nil {
		return fmt.Errorf("carried request %q: %w", text, err)
	}
	for state, l := range stateLetters {
		if l == letter {
			r.State = state
		}
	}
	if r.State == "" {
		return fmt.Errorf("carried request %q: no such state", text)
	}
	var err error
	if r.Next, err = strconv.ParseInt(next, 36, 64); err != nil {
		return fmt.Errorf("carried request %q: %w", text, err)
	}
	return nil
}

// keyOf is the part of a payment's reference after the tilde.
func (a *billingAgreement) keyOf(reference string) string {
	return strings.TrimPrefix(reference, a.in.Reference+"~")
}
