package notifier

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// mailServer is a real SMTP server on loopback that keeps what it accepts and refuses what it is told to.
type mailServer struct {
	config SMTPConfig

	// What to answer; set before start.
	greetingErr, mailErr, rcptErr, dataErr error
	user, password                         string

	mu       sync.Mutex
	received []receivedMail
}

type receivedMail struct {
	from, to string
	loggedIn bool
	tls      bool
	raw      string
}

type wire int

const (
	plain wire = iota
	startTLS
	implicitTLS
)

func (s *mailServer) start(t *testing.T, w wire, cert tls.Certificate) *mailServer {
	t.Helper()
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		if s.greetingErr != nil {
			return nil, s.greetingErr
		}
		return &mailSession{server: s, conn: c}, nil
	}))
	server.Domain = "localhost"
	server.ErrorLog = log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.config.Host, s.config.User, s.config.Password = "127.0.0.1", s.user, s.password
	s.config.Port = listener.Addr().(*net.TCPAddr).Port
	tlsConfig := &tls.Config{Certificates: []tls.Certificate{cert}}
	switch w {
	case plain:
		server.AllowInsecureAuth = true
	case startTLS:
		server.TLSConfig = tlsConfig
	case implicitTLS:
		s.config.ImplicitTLS = true
		listener = tls.NewListener(listener, tlsConfig)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close() // the server knows its listener only once it serves
		<-done
	})
	return s
}

func (s *mailServer) mails() []receivedMail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]receivedMail(nil), s.received...)
}

type mailSession struct {
	server *mailServer
	conn   *smtp.Conn
	mail   receivedMail
}

func (m *mailSession) AuthMechanisms() []string {
	if m.server.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (m *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != m.server.user || password != m.server.password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.NoEnhancedCode, Message: "wrong password for " + user}
		}
		m.mail.loggedIn = true
		return nil
	}), nil
}

func (m *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	m.mail.from = from
	return m.server.mailErr
}

func (m *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	m.mail.to = to
	return m.server.rcptErr
}

func (m *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if m.server.dataErr != nil {
		return m.server.dataErr
	}
	m.mail.raw = string(raw)
	_, m.mail.tls = m.conn.TLSConnectionState()
	m.server.mu.Lock()
	defer m.server.mu.Unlock()
	m.server.received = append(m.server.received, m.mail)
	return nil
}

func (m *mailSession) Reset()        {}
func (m *mailSession) Logout() error { return nil }

// parsedMail is a received mail as the customer's program reads it.
type parsedMail struct {
	header mail.Header
	parts  map[string]string // by content type
	order  []string
}

func (r receivedMail) parse(t *testing.T) parsedMail {
	t.Helper()
	reader, err := mail.CreateReader(strings.NewReader(r.raw))
	require.NoError(t, err)
	p := parsedMail{header: reader.Header, parts: map[string]string{}}
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return p
		}
		require.NoError(t, err)
		header, ok := part.Header.(*mail.InlineHeader)
		require.True(t, ok, "an attachment")
		contentType, params, err := header.ContentType()
		require.NoError(t, err)
		require.Equal(t, "utf-8", strings.ToLower(params["charset"]))
		body, err := io.ReadAll(part.Body)
		require.NoError(t, err)
		p.parts[contentType] = strings.ReplaceAll(string(body), "\r\n", "\n")
		p.order = append(p.order, contentType)
	}
}
