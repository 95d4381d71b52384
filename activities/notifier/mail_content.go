package notifier

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/money"
)

// mailLocale is the language of the templates; an amount in another one's form would read oddly among them.
const mailLocale = "en"

// One pair per customer kind. The .txt one defines subject, action (the button's text) and body, the .html one the
// body; the layouts put them together.
//
//go:embed templates
var templateFiles embed.FS

type mailTemplate struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

var mailTemplates = func() map[activities.NotificationKind]mailTemplate {
	templates := map[activities.NotificationKind]mailTemplate{}
	for _, kind := range []activities.NotificationKind{
		activities.NotifySetupLink, activities.NotifySetupReminder, activities.NotifyPaymentRetryScheduled,
		activities.NotifyPaymentActionRequired, activities.NotifyPaymentMethodNeeded,
		activities.NotifyPaymentRecovered, activities.NotifyPaymentUncollectible,
		activities.NotifyUpcomingCharge, activities.NotifyCardExpiring,
		activities.NotifySubscriptionActionRequired, activities.NotifySubscriptionPaymentMethodNeeded,
		activities.NotifySubscriptionInvoiceUnpaid,
	} {
		templates[kind] = mailTemplate{
			text: texttemplate.Must(texttemplate.ParseFS(templateFiles, "templates/layout.txt", "templates/"+string(kind)+".txt")),
			html: htmltemplate.Must(htmltemplate.ParseFS(templateFiles, "templates/layout.html", "templates/"+string(kind)+".html")),
		}
	}
	return templates
}()

// asksToAct reports whether a message of this kind is of no use without a link.
func asksToAct(kind activities.NotificationKind) bool {
	switch kind {
	case activities.NotifySetupLink, activities.NotifySetupReminder, activities.NotifyPaymentActionRequired,
		activities.NotifyPaymentMethodNeeded, activities.NotifyCardExpiring, activities.NotifySubscriptionActionRequired,
		activities.NotifySubscriptionPaymentMethodNeeded, activities.NotifySubscriptionInvoiceUnpaid:
		return true
	case activities.NotifyPaymentRetryScheduled, activities.NotifyPaymentRecovered, activities.NotifyPaymentUncollectible,
		activities.NotifyUpcomingCharge, activities.NotifyCardSaved, activities.NotifyPaymentPaid, activities.NotifyPaymentProcessing,
		activities.NotifyAgreementPaused, activities.NotifyAgreementEnded, activities.NotifySubscriptionReady,
		activities.NotifySubscriptionAtRisk, activities.NotifyRunCompleted, activities.NotifyRunPaused,
		activities.NotifyRunNotStarted:
		return false
	}
	return false
}

// mailContent is what the customer reads.
type mailContent struct {
	Subject, Text, HTML string
}

// mailView is what the templates see. Texts that do not apply are empty.
type mailView struct {
	Subject, Action string
	// Business is who writes, Name who is written to.
	Business, Name string
	// Payment is "payment of $10.99" with what it is for; where one of them is not known, it is left out.
	Amount, Payment string
	// Purpose is what a payment method is to be saved for, or what the subscription is.
	Purpose string
	// Reminder says that the customer has been asked for the same before.
	Reminder bool
	// Agreed says that the customer has agreed to payments that are made by themselves.
	Agreed bool
	// Card is how the customer knows the payment method, Expiry its last month, "03/2026".
	Card, Expiry string
	// Reason is a sentence about the decline; empty when unknown or not to be told.
	Reason string
	Link   string
	// NextAttempt, Deadline, Due and TrialEnd are in the customer's time zone.
	NextAttempt, Deadline, Due, TrialEnd string
}

func renderMail(n activities.Notification, business, name, link string) (mailContent, error) {
	t, ok := mailTemplates[n.Kind]
	if !ok {
		return mailContent{}, fmt.Errorf("mail: no template for %s", n.Kind)
	}
	local := func(t time.Time) string { return activities.LocalTime(t, n.TimeZone) }
	v := mailView{
		Business: business, Name: greetingName(name), Link: link,
		NextAttempt: local(n.NextAttemptAt), Deadline: local(n.Deadline), Due: local(n.DueAt),
		TrialEnd: local(n.TrialEnd), Reminder: n.Reminder,
		Purpose: oneLine(n.Description), Agreed: n.Owner != "", Card: activities.CardName(n.Brand, n.Last4), Payment: "payment",
	}
	if n.Amount != 0 {
		v.Amount = money.Format(n.Amount, n.Currency, mailLocale)
		v.Payment += " of " + v.Amount
	}
	if v.Purpose != "" {
		v.Payment += " (" + v.Purpose + ")"
	}
	if n.ExpMonth != 0 {
		v.Expiry = fmt.Sprintf("%02d/%d", n.ExpMonth, n.ExpYear)
	}
	if !n.Generic {
		v.Reason = declineSentences[n.DeclineCode]
	}
	content := mailContent{}
	for _, step := range []struct {
		to   *string
		make func(*strings.Builder) error
	}{
		{&v.Subject, func(b *strings.Builder) error { return t.text.ExecuteTemplate(b, "subject", v) }},
		{&v.Action, func(b *strings.Builder) error { return t.text.ExecuteTemplate(b, "action", v) }},
		{&content.Text, func(b *strings.Builder) error { return t.text.ExecuteTemplate(b, "layout.txt", v) }},
		{&content.HTML, func(b *strings.Builder) error { return t.html.ExecuteTemplate(b, "layout.html", v) }},
	} {
		var b strings.Builder
		if err := step.make(&b); err != nil {
			return mailContent{}, fmt.Errorf("mail: template of %s: %w", n.Kind, err)
		}
		*step.to = b.String()
	}
	content.Subject = v.Subject
	return content, nil
}

// greetingName leaves out what does not look like a name. Whoever signs up chooses it: without this check the business
// could be made to send somebody else an advertisement, since mail programs turn "win.example" into a link.
func greetingName(name string) string {
	const longest = 60
	name = oneLine(name)
	if len(name) > longest || strings.ContainsAny(name, "/:@<>\\") {
		return ""
	}
	for i, r := range name {
		if r == '.' && i+1 < len(name) && name[i+1] != ' ' {
			return ""
		}
	}
	return name
}

// oneLine replaces control characters and runs of white space by one space.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}
