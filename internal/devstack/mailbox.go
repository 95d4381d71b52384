package devstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"
)

// Mail is a message that arrived.
type Mail struct {
	At      time.Time
	From    string
	To      string
	Subject string
	// MessageID is the header's, without brackets.
	MessageID string
	// Text is the plain text part.
	Text string
}

var linkInMail = regexp.MustCompile(`https?://\S+/c/[A-Za-z0-9._-]+`)

// Link is the customer's link in the message; empty when there is none.
func (m Mail) Link() string { return linkInMail.FindString(m.Text) }

// Mailbox is a mail server that keeps what it gets, for everybody, in memory.
type Mailbox struct {
	// URL is its address as SMTP_URL wants it.
	URL string

	server *smtp.Server
	served chan struct{}

	mu      sync.Mutex
	mails   []Mail
	arrived chan struct{} // closed and replaced when a mail arrives
}

// StartMailbox listens on addr, such as 127.0.0.1:0.
func StartMailbox(ctx context.Context, addr string) (*Mailbox, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	m := &Mailbox{URL: "smtp://" + listener.Addr().String(), served: make(chan struct{}), arrived: make(chan struct{})}
	m.server = smtp.NewServer(m)
	m.server.Domain = "localhost"
	m.server.ReadTimeout = 10 * time.Second
	m.server.WriteTimeout = 10 * time.Second
	m.server.MaxMessageBytes = 1 << 20
	go func() {
		defer close(m.served)
		_ = m.server.Serve(listener)
	}()
	return m, nil
}

// Close stops the server. What has arrived can still be read.
func (m *Mailbox) Close() {
	_ = m.server.Close()
	<-m.served
}

// Mails are the messages to an address so far, oldest first; an empty address is everybody.
func (m *Mailbox) Mails(to string) []Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.mails), func(mail Mail) bool { return to != "" && mail.To != to })
}

// Await returns the message number n (from 1) to an address, waiting for it until ctx ends.
func (m *Mailbox) Await(ctx context.Context, to string, n int) (Mail, error) {
	for {
		m.mu.Lock()
		arrived := m.arrived
		m.mu.Unlock()
		if mails := m.Mails(to); len(mails) >= n {
			return mails[n-1], nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return Mail{}, fmt.Errorf("mail %d to %s did not come: %w", n, to, ctx.Err())
		}
	}
}

// NewSession accepts everybody.
func (m *Mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &mailSession{box: m}, nil }

// mailSession is one connection.
type mailSession struct {
	box  *Mailbox
	from string
	to   []string
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from, s.to = from, nil
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Data takes the message in, once for each recipient.
func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	message, err := readMail(raw)
	if err != nil {
		return err
	}
	message.At, message.From = time.Now(), s.from
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	for _, to := range s.to {
		message.To = to
		s.box.mails = append(s.box.mails, message)
	}
	close(s.box.arrived)
	s.box.arrived = make(chan struct{})
	return nil
}

func (s *mailSession) Reset() {}

func (s *mailSession) Logout() error { return nil }

// readMail reads subject, id and text of a message.
func readMail(raw []byte) (Mail, error) {
	reader, err := mail.CreateReader(bytes.NewReader(raw))
	if err != nil {
		return Mail{}, fmt.Errorf("not a mail: %w", err)
	}
	var m Mail
	m.Subject, _ = reader.Header.Subject()
	m.MessageID, _ = reader.Header.MessageID()
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return Mail{}, fmt.Errorf("mail part: %w", err)
		}
		header, ok := part.Header.(*mail.InlineHeader)
		if !ok {
			continue
		}
		if kind, _, _ := header.ContentType(); kind == "text/plain" {
			text, err := io.ReadAll(part.Body)
			if err != nil {
				return Mail{}, fmt.Errorf("mail text: %w", err)
			}
			m.Text = string(text)
		}
	}
}
