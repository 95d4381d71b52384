package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/dunning"
)

// cardNoticeDays is how long before a charge the customer is told that the card will have expired by then, unless the
// input's notice is longer.
const cardNoticeDays = 7

// cardAsk is an occasion on which the customer is asked for a payment method.
type cardAsk struct {
	// notify sends the customer the link and reminders; otherwise somebody else does.
	notify   bool
	deadline dunning.Duration
}

var (
	// askAtStart: the app has the customer there, and shows the link itself.
	askAtStart = cardAsk{deadline: dunning.Days(14)}
	// askBecauseGone: nobody else tells the customer.
	askBecauseGone = cardAsk{notify: true, deadline: dunning.Days(30)}
	// askBecauseExpiring: the message about the card has the link.
	askBecauseExpiring = cardAsk{deadline: dunning.Days(30)}
)

func (a *billingAgreement) askReference(k int) string {
	return fmt.Sprintf("%s~card%d", a.in.Reference, k)
}

// askCard starts a SavePaymentMethod for the customer. While one is open, that is the one.
func (a *billingAgreement) askCard(ctx workflow.Context, ask cardAsk) {
	if a.st.AskOpen {
		return
	}
	a.st.CardAsks++
	reference := a.askReference(a.st.CardAsks)
	in := SavePaymentMethodInput{
		Reference:          reference,
		Customer:           a.in.Customer,
		Description:        a.in.Description,
		Currency:           a.in.Currency,
		PaymentMethodTypes: a.in.PaymentMethodTypes,
		CheckoutUI:         a.in.CheckoutUI,
		Notify:             ask.notify,
		Deadline:           ask.deadline,
		TimeZone:           a.in.TimeZone,
		Events:             a.in.Events,
		Owner:              AgreementID(a.in.Reference),
	}
	if ask.notify {
		in.Reminders = []dunning.Duration{dunning.Days(3), dunning.Days(10)}
	}
	if err := a.startChild(ctx, TypeSavePaymentMethod, SavePaymentMethodID(reference), in.StartSearchAttributes(), "", in); err != nil {
		// Of an earlier life of this agreement: the next number is free, sooner or later.
		workflow.GetLogger(ctx).Warn("reference of a payment method to be saved is taken", "reference", reference, "error", err)
		return
	}
	a.st.AskOpen = true
	a.planCheck(ctx)
}

// methodSaved follows the end of a SavePaymentMethod, once.
func (a *billingAgreement) methodSaved(ctx workflow.Context, saved PaymentMethodSaved) {
	if !a.st.AskOpen || saved.Reference != a.askReference(a.st.CardAsks) || !saved.State.Ended() {
		return
	}
	a.st.AskOpen = false
	switch {
	case saved.State == SetupSaved && saved.PaymentMethod != "":
		a.changeMethod(ctx, saved.PaymentMethod)
	case a.st.State == AgreementSavingCard:
		a.end(ctx, AgreementCanceled, AgreementReasonCardNotSaved)
	}
}

// changeMethod puts another payment method in place, for the next charge and for the payments still open.
func (a *billingAgreement) changeMethod(ctx workflow.Context, method string) {
	a.st.MethodChanges++
	a.st.Method, a.st.Card, a.st.CardDue = method, AgreementCard{}, true
	workflow.GetLogger(ctx).Info("payment method changed", "payment_method", method)
	switch {
	case a.st.State == AgreementSavingCard:
		a.st.BeganAt = workflow.Now(ctx).UTC()
		a.move(ctx, AgreementActive, "")
	case a.st.State == AgreementNeedsAttention && mendedByMethod(a.st.Reason):
		a.mended(ctx)
	}
	a.changeOpenPayments(ctx, method)
}

// readCard reads the payment method in use. Without an answer nothing is lost: the next charge finds out.
func (a *billingAgreement) readCard(ctx workflow.Context) {
	a.st.CardDue = false
	if a.st.Method == "" || a.st.State == AgreementSettling {
		return
	}
	m, err := a.readMethod(ctx, a.st.Method)
	switch {
	case err != nil:
		workflow.GetLogger(ctx).Warn("payment method not read", "error_type", errorType(err))
	case m.CustomerDeleted:
		a.stop(ctx, AgreementReasonCustomerDeleted)
	case m.PaymentMethod == "":
		a.stop(ctx, AgreementReasonMethodDetached)
		a.askCard(ctx, askBecauseGone)
	default:
		a.st.Card = AgreementCard{Type: m.Type, Brand: m.Brand, Last4: m.Last4, ExpMonth: m.ExpMonth, ExpYear: m.ExpYear}
	}
}

func (a *billingAgreement) readMethod(ctx workflow.Context, method string) (activities.ReadMethodResult, error) {
	return execute(ctx, readOptions, payments.ReadChosenMethod, activities.ReadMethodInput{Customer: a.in.Customer, PaymentMethod: method})
}

// noticeAt is when the customer is told of the next charge; zero when not, or not any more.
func (a *billingAgreement) noticeAt() time.Time {
	if a.in.NoticeDays == 0 || a.st.Next == nil || a.st.Noticed == a.st.Next.Key || !a.nextDue().After(a.st.BeganAt) {
		return time.Time{}
	}
	return a.st.NoticeAt
}

// cardNoticeAt is when the customer is asked for another card, since this one expires before the next charge.
func (a *billingAgreement) cardNoticeAt() time.Time {
	if a.nextDue().IsZero() || !a.st.Card.expiresBefore(a.st.Next.At) || a.st.CardNoticed == a.cardMark() {
		return time.Time{}
	}
	return a.st.CardNoticeAt
}

// daysBefore is so many calendar days before, at the same local time.
func (a *billingAgreement) daysBefore(t time.Time, days int) time.Time {
	return t.In(a.zone).AddDate(0, 0, -days).UTC()
}

// cardMark is the card as the customer was told of it.
func (a *billingAgreement) cardMark() string {
	return fmt.Sprintf("%s %d/%d", a.st.Method, a.st.Card.ExpMonth, a.st.Card.ExpYear)
}

// expiresBefore reports whether the card's last month, in UTC, is over at t. What has no expiry does not expire.
func (c AgreementCard) expiresBefore(t time.Time) bool {
	if c.ExpYear == 0 || c.ExpMonth == 0 {
		return false
	}
	over := time.Date(int(c.ExpYear), time.Month(c.ExpMonth)+1, 1, 0, 0, 0, 0, time.UTC)
	return !t.Before(over)
}

// cardNotice asks for another card, unless the network has updated this one without a word.
func (a *billingAgreement) cardNotice(ctx workflow.Context) {
	a.readCard(ctx)
	a.st.CardNoticed = a.cardMark()
	if a.st.State != AgreementActive || a.nextDue().IsZero() || !a.st.Card.expiresBefore(a.st.Next.At) {
		return
	}
	a.askCard(ctx, askBecauseExpiring)
	if a.st.AskOpen {
		a.tellCardExpiring(ctx)
	}
}

// notice tells the customer of the next charge.
func (a *billingAgreement) notice(ctx workflow.Context) {
	a.st.Noticed = a.st.Next.Key
	a.tellUpcoming(ctx)
}
