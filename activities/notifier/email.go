package notifier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/offsession/offsession/activities"
)

// smtpTimeout is for connecting and logging in, and once more for handing in the message.
const smtpTimeout = 15 * time.Second

// Email sends the customer messages by SMTP. The address is read from Stripe at the moment of sending.
type Email struct {
	config    SMTPConfig
	from      mail.Address
	business  string
	customers activities.Customers
	links     activities.Links
}

// NewEmail sends through the server of config. The display name in from, such as "Acme Gym <billing@acme.example>",
// is the name under which the business speaks to its customers; without one it is the domain.
func NewEmail(config SMTPConfig, from string, customers activities.Customers, links activities.Links) (*Email, error) {
	address, err := mail.ParseAddress(from)
	if err != nil {
		return nil, errors.New(`mail sender: must be an address, such as "Acme Gym <billing@acme.example>"`)
	}
	e := &Email{config: config, from: *address, business: oneLine(address.Name), customers: customers, links: links}
	if e.business == "" {
		e.business = e.domain()
	}
	if _, err := e.client(); err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	return e, nil
}

// Channel is "email".
func (e *Email) Channel() string { return "email" }

// Deliver sends n to the customer, or does nothing when n is for the app alone or names no customer. A repeat sends the
// mail again under the same Message-ID. Errors: *activities.UndeliverableError when the customer is gone or has no
// usable address, when a message that asks the customer to act has no link to give, or when the server refuses the
// message for good (5xx); anything else is worth another try.
func (e *Email) Deliver(ctx context.Context, n activities.Notification) error {
	if !n.Kind.ForCustomer() || n.AppOnly || n.Customer == "" {
		return nil
	}
	link := ""
	if n.Link {
		link = e.links.Link(n.WorkflowID, n.LinkExpires)
	}
	if link == "" && asksToAct(n.Kind) {
		return &activities.UndeliverableError{Reason: "no_link"}
	}
	contact, err := e.customers.CustomerContact(ctx, n.Customer)
	if activities.IsStripeError(err, activities.StripeMissing) {
		return &activities.UndeliverableError{Reason: "customer_missing"}
	}
	if err != nil {
		return fmt.Errorf("reading the customer's address: %w", err)
	}
	if contact.Email == "" {
		return &activities.UndeliverableError{Reason: "no_address"}
	}
	content, err := renderMail(n, e.business, contact.Name, link)
	if err != nil {
		return err
	}
	msg, err := e.message(n, contact.Email, content)
	if err != nil {
		return err
	}
	client, err := e.client()
	if err != nil {
		return fmt.Errorf("smtp: %w", err)
	}
	// Once accepted it is delivered, whatever happens while the connection is closed.
	if err := client.DialAndSendWithContext(ctx, msg); err != nil && !msg.IsDelivered() {
		return smtpError(err)
	}
	return nil
}

func (e *Email) message(n activities.Notification, to string, content mailContent) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.From(e.from.String()); err != nil {
		return nil, errors.New("mail sender: refused by the mail library")
	}
	if err := msg.To(to); err != nil {
		return nil, &activities.UndeliverableError{Reason: "bad_address"}
	}
	msg.SetMessageIDWithValue(e.messageID(n.ID))
	msg.SetDateWithValue(n.At.UTC())
	// RFC 3834: keeps holiday replies away.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.Subject(content.Subject)
	msg.SetBodyString(gomail.TypeTextPlain, content.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, content.HTML)
	return msg, nil
}

// messageID is the same for every delivery of one notification. The id is hashed because it has characters that a
// Message-ID must not have (RFC 5322 section 3.6.4).
func (e *Email) messageID(notification string) string {
	sum := sha256.Sum256([]byte(notification))
	return hex.EncodeToString(sum[:16]) + "@" + e.domain()
}

func (e *Email) domain() string {
	return e.from.Address[strings.LastIndexByte(e.from.Address, '@')+1:]
}

// client is made anew for each message: go-mail's keeps state of its connection.
func (e *Email) client() (*gomail.Client, error) {
	options := []gomail.Option{gomail.WithPort(e.config.Port), gomail.WithTimeout(smtpTimeout)}
	if e.config.ImplicitTLS {
		options = append(options, gomail.WithSSL())
	} else {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	}
	if e.config.User != "" {
		// The best mechanism that the server offers; never one that shows the password on an open connection.
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(e.config.User), gomail.WithPassword(e.config.Password))
	}
	return gomail.NewClient(e.config.Host, options...)
}
