package notifier

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func newEmail(t *testing.T, config SMTPConfig, customers activities.Customers) *Email {
	t.Helper()
	e, err := NewEmail(config, businessFrom, customers, payLinks)
	require.NoError(t, err)
	return e
}

func TestEmailArrives(t *testing.T) {
	t.Parallel()
	server := (&mailServer{}).start(t, plain, tls.Certificate{})
	n := notification(activities.NotifyPaymentMethodNeeded)
	e := newEmail(t, server.config, jane())
	require.Equal(t, "email", e.Channel())
	require.NoError(t, e.Deliver(t.Context(), n))

	require.Len(t, server.mails(), 1)
	got := server.mails()[0]
	require.Equal(t, "billing@acme.example", got.from)
	require.Equal(t, customerEmail, got.to)

	m := got.parse(t)
	want, err := renderMail(n, "Acme Gym", customerName, janesLink)
	require.NoError(t, err)
	require.Equal(t, []string{"text/plain", "text/html"}, m.order, "the last alternative is the preferred one")
	require.Equal(t, want.Text, m.parts["text/plain"])
	require.Equal(t, want.HTML, m.parts["text/html"])
	require.Contains(t, m.parts["text/plain"], janesLink)
	require.Contains(t, m.parts["text/html"], `href="`+janesLink+`"`)

	subject, err := m.header.Subject()
	require.NoError(t, err)
	require.Equal(t, want.Subject, subject)
	date, err := m.header.Date()
	require.NoError(t, err)
	require.True(t, n.At.Equal(date), date)
	from, err := m.header.AddressList("From")
	require.NoError(t, err)
	require.Equal(t, "Acme Gym", from[0].Name)
	to, err := m.header.AddressList("To")
	require.NoError(t, err)
	require.Equal(t, customerEmail, to[0].Address)
	require.Equal(t, "auto-generated", m.header.Get("Auto-Submitted"))
	contentType, _, err := m.header.ContentType()
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", contentType)
}

func TestRepeatedEmailIsRecognisable(t *testing.T) {
	t.Parallel()
	server := (&mailServer{}).start(t, plain, tls.Certificate{})
	n := notification(activities.NotifyPaymentRetryScheduled)
	other := n
	other.ID += "1"
	for _, one := range []activities.Notification{n, n, other} {
		require.NoError(t, newEmail(t, server.config, jane()).Deliver(t.Context(), one))
	}
	var ids []string
	for _, got := range server.mails() {
		m := got.parse(t)
		id, err := m.header.MessageID()
		require.NoError(t, err)
		require.Regexp(t, `^[0-9a-f]{32}@acme\.example$`, id)
		ids = append(ids, id)
	}
	require.Len(t, ids, 3)
	require.Equal(t, ids[0], ids[1])
	require.NotEqual(t, ids[0], ids[2])
}

func TestEmailSurvivesAwkwardNames(t *testing.T) {
	t.Parallel()
	server := (&mailServer{}).start(t, plain, tls.Certificate{})
	for from, business := range map[string]string{
		`"Müller & \"Söhne\", GmbH" <billing@acme.example>`: `Müller & "Söhne", GmbH`,
		"billing@acme.example":                              "acme.example",
	} {
		e, err := NewEmail(server.config, from, jane(), payLinks)
		require.NoError(t, err)
		require.NoError(t, e.Deliver(t.Context(), notification(activities.NotifySetupLink)))
		mails := server.mails()
		m := mails[len(mails)-1].parse(t)
		subject, err := m.header.Subject()
		require.NoError(t, err)
		require.Equal(t, "Save your payment method with "+business, subject)
		require.Empty(t, m.header.Get("Bcc"))
	}
}

func TestEmailIsForTheCustomerAlone(t *testing.T) {
	t.Parallel()
	// Nothing listens here and Stripe fails: whoever tried would get an error.
	e := newEmail(t, SMTPConfig{Host: "127.0.0.1", Port: 1}, stripeCustomers{err: errors.New("asked")})
	for _, kind := range appKinds {
		require.NoError(t, e.Deliver(t.Context(), notification(kind)))
	}
	n := notification(activities.NotifySetupLink)
	n.Customer = ""
	require.NoError(t, e.Deliver(t.Context(), n))
	require.ErrorContains(t, e.Deliver(t.Context(), notification(activities.NotifySetupLink)), "asked")
}

func TestEmailWithoutUsableAddress(t *testing.T) {
	t.Parallel()
	server := (&mailServer{}).start(t, plain, tls.Certificate{})
	for address, reason := range map[string]string{
		"":                             "no_address",
		"jane.doe":                     "bad_address",
		"jane@a.example, bob@b.exampl": "bad_address",
		"jane@a.example\r\nBcc: x@y.z": "bad_address",
	} {
		customers := stripeCustomers{contact: activities.CustomerContact{Email: address, Name: customerName}}
		requireUndeliverable(t, newEmail(t, server.config, customers).Deliver(t.Context(), notification(activities.NotifySetupLink)), reason)
	}
	missing := stripeCustomers{err: &activities.StripeError{Kind: activities.StripeMissing, HTTPStatus: 404}}
	requireUndeliverable(t, newEmail(t, server.config, missing).Deliver(t.Context(), notification(activities.NotifySetupLink)), "customer_missing")
	unknown := stripeCustomers{err: &activities.StripeError{Kind: activities.StripeUnknown}}
	requireRetryable(t, newEmail(t, server.config, unknown).Deliver(t.Context(), notification(activities.NotifySetupLink)))
	require.Empty(t, server.mails())
}

func TestEmailThatAsksToActNeedsALink(t *testing.T) {
	t.Parallel()
	server := (&mailServer{}).start(t, plain, tls.Certificate{})
	e, err := NewEmail(server.config, businessFrom, jane(), links(""))
	require.NoError(t, err)
	sent := 0
	for _, kind := range customerKinds {
		err := e.Deliver(t.Context(), notification(kind))
		switch kind {
		case activities.NotifySetupLink, activities.NotifySetupReminder, activities.NotifyPaymentActionRequired, activities.NotifyPaymentMethodNeeded,
			activities.NotifyCardExpiring, activities.NotifySubscriptionActionRequired, activities.NotifySubscriptionPaymentMethodNeeded,
			activities.NotifySubscriptionInvoiceUnpaid:
			requireUndeliverable(t, err, "no_link")
		default:
			require.NoError(t, err)
			sent++
		}
	}
	require.Equal(t, 4, sent)
	require.Len(t, server.mails(), sent)
}

func TestEmailIsEncryptedAndLogsIn(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]wire{"STARTTLS": startTLS, "smtps": implicitTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := (&mailServer{user: "acme", password: "hunter2"}).start(t, w, trustedCert)
			require.NoError(t, newEmail(t, server.config, jane()).Deliver(t.Context(), notification(activities.NotifySetupLink)))
			require.Len(t, server.mails(), 1)
			require.True(t, server.mails()[0].loggedIn)
			require.True(t, server.mails()[0].tls)

			wrong := server.config
			wrong.Password = "hunter22"
			err := newEmail(t, wrong, jane()).Deliver(t.Context(), notification(activities.NotifySetupLink))
			requireRetryable(t, err)
			require.ErrorContains(t, err, "answered 535")
			require.NotContains(t, err.Error(), "acme")
			require.Len(t, server.mails(), 1)
		})
	}
}

func TestEmailRefusesAnUntrustedServer(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]wire{"STARTTLS": startTLS, "smtps": implicitTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := (&mailServer{}).start(t, w, untrustedCert)
			err := newEmail(t, server.config, jane()).Deliver(t.Context(), notification(activities.NotifySetupLink))
			requireRetryable(t, err)
			var untrusted *tls.CertificateVerificationError
			require.ErrorAs(t, err, &untrusted)
			require.Empty(t, server.mails())
		})
	}
}

func TestEmailNeverShowsThePasswordOnAnOpenConnection(t *testing.T) {
	t.Parallel()
	server := (&mailServer{user: "acme", password: "hunter2"}).start(t, plain, tls.Certificate{})
	requireRetryable(t, newEmail(t, server.config, jane()).Deliver(t.Context(), notification(activities.NotifySetupLink)))
	require.Empty(t, server.mails())
}

// What mail servers say about a message repeats the address: none of it may come back.
func TestEmailFailures(t *testing.T) {
	t.Parallel()
	answer := func(code int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: "<" + customerEmail + ">: no"}
	}
	for name, tc := range map[string]struct {
		server *mailServer
		final  string
		says   string
	}{
		"unknown recipient":     {server: &mailServer{rcptErr: answer(550)}, final: "smtp_550"},
		"mailbox full":          {server: &mailServer{rcptErr: answer(452)}, says: "answered 452"},
		"greylisted":            {server: &mailServer{rcptErr: answer(451)}, says: "answered 451"},
		"sender refused":        {server: &mailServer{mailErr: answer(553)}, final: "smtp_553"},
		"sender later":          {server: &mailServer{mailErr: answer(421)}, says: "answered 421"},
		"login wanted":          {server: &mailServer{mailErr: answer(530)}, says: "answered 530"},
		"message refused":       {server: &mailServer{dataErr: answer(554)}, final: "smtp_554"},
		"message later":         {server: &mailServer{dataErr: answer(451)}, says: "answered 451"},
		"host refused":          {server: &mailServer{greetingErr: answer(554)}, says: "answered 554"},
		"server shutting down":  {server: &mailServer{greetingErr: answer(421)}, says: "answered 421"},
		"answer without reason": {server: &mailServer{rcptErr: &smtp.SMTPError{Code: 550, Message: " "}}, final: "smtp_550"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := tc.server.start(t, plain, tls.Certificate{})
			err := newEmail(t, server.config, jane()).Deliver(t.Context(), notification(activities.NotifySetupLink))
			if tc.final != "" {
				requireUndeliverable(t, err, tc.final)
				requireNoPersonalData(t, err.Error())
			} else {
				requireRetryable(t, err)
				require.ErrorContains(t, err, tc.says)
			}
			require.Empty(t, server.mails())
		})
	}
}

func TestEmailServerDown(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	requireRetryable(t, newEmail(t, SMTPConfig{Host: "127.0.0.1", Port: port}, jane()).Deliver(t.Context(), notification(activities.NotifySetupLink)))
}

// scripted is a server for one connection that greets, answers each line it reads with the next reply, and hangs up.
// After a reply of 354 it reads a whole message.
func scripted(t *testing.T, replies ...string) SMTPConfig {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		client := bufio.NewScanner(conn)
		for i, reply := range replies {
			if i > 0 {
				client.Scan()
				for strings.HasPrefix(replies[i-1], "354") && client.Text() != "." && client.Scan() {
					continue
				}
			}
			if _, err := fmt.Fprint(conn, reply, "\r\n"); err != nil {
				return
			}
		}
		if len(replies) > 0 {
			client.Scan()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return SMTPConfig{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port}
}

func TestEmailBrokenServers(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]string{
		"hangs up at once":         nil,
		"speaks something else":    {"HTTP/1.1 400 " + customerEmail},
		"hangs up after greeting":  {"220 mail", "250 hello"},
		"hangs up after recipient": {"220 mail", "250 hello", "250 noop", "250 from", "250 to"},
		"hangs up after message":   {"220 mail", "250 hello", "250 noop", "250 from", "250 to", "354 go on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireRetryable(t, newEmail(t, scripted(t, lines...), jane()).Deliver(t.Context(), notification(activities.NotifySetupLink)))
		})
	}
}

// The connection breaks right after the message was accepted: another mail would be one too many.
func TestEmailAcceptedIsDelivered(t *testing.T) {
	t.Parallel()
	config := scripted(t, "220 mail", "250 hello", "250 noop", "250 from", "250 to", "354 go on", "250 accepted")
	require.NoError(t, newEmail(t, config, jane()).Deliver(t.Context(), notification(activities.NotifySetupLink)))
}

func TestEmailEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	server := (&mailServer{}).start(t, plain, tls.Certificate{})
	err := newEmail(t, server.config, jane()).Deliver(ctx, notification(activities.NotifySetupLink))
	requireRetryable(t, err)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Empty(t, server.mails())
}

func TestNewEmailRefusesABadSender(t *testing.T) {
	t.Parallel()
	for _, from := range []string{"", "billing", "Acme <billing@acme.example", "a@b.example, c@d.example"} {
		_, err := NewEmail(SMTPConfig{Host: "127.0.0.1", Port: 25}, from, jane(), payLinks)
		require.ErrorContains(t, err, "mail sender")
	}
	_, err := NewEmail(SMTPConfig{Port: 25}, businessFrom, jane(), payLinks)
	require.ErrorContains(t, err, "smtp")
}
