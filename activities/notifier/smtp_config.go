package notifier

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// Ports when the URL has none: RFC 8314 sections 3.3 and 7.3.
const (
	submissionPort  = 587
	submissionsPort = 465
)

// SMTPConfig is where and how mail is handed in.
type SMTPConfig struct {
	Host string
	Port int
	// User and Password are both empty when the server asks for none.
	User     string
	Password string
	// ImplicitTLS speaks TLS from the first byte (smtps). Without it STARTTLS is used when the server offers it. Either
	// way the server's certificate must be one that the system trusts.
	ImplicitTLS bool
}

// String leaves the password out, so that a config may be logged.
func (c SMTPConfig) String() string {
	scheme := "smtp://"
	if c.ImplicitTLS {
		scheme = "smtps://"
	}
	user := ""
	if c.User != "" {
		user = c.User + ":…@"
	}
	return scheme + user + c.Host + ":" + strconv.Itoa(c.Port)
}

// GoString is String, for %#v.
func (c SMTPConfig) GoString() string { return c.String() }

// ParseSMTPURL reads smtp://[user:password@]host:port or smtps://…; without a port 587 or 465 is meant. The errors say
// what is wrong without repeating any of it: where the password begins is not known when the form is wrong.
func ParseSMTPURL(s string) (SMTPConfig, error) {
	scheme, _, found := strings.Cut(s, "://")
	if !found || (scheme != "smtp" && scheme != "smtps") {
		return SMTPConfig{}, errors.New("smtp url: must start with smtp:// or smtps://")
	}
	u, err := url.Parse(s)
	if err != nil {
		return SMTPConfig{}, errors.New("smtp url: cannot be read; special characters in user and password must be percent-encoded, such as %40 for @")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return SMTPConfig{}, errors.New("smtp url: nothing may follow the port; / ? and # in a password must be percent-encoded, as %2F %3F %23")
	}
	if u.Hostname() == "" {
		return SMTPConfig{}, errors.New("smtp url: no host")
	}
	c := SMTPConfig{Host: u.Hostname(), Port: submissionPort, ImplicitTLS: scheme == "smtps"}
	if c.ImplicitTLS {
		c.Port = submissionsPort
	}
	if text := u.Port(); text != "" {
		port, err := strconv.Atoi(text)
		if err != nil || port < 1 || port > 65535 {
			return SMTPConfig{}, errors.New("smtp url: port must be 1 to 65535")
		}
		c.Port = port
	}
	if u.User != nil {
		c.User = u.User.Username()
		c.Password, _ = u.User.Password()
		if c.User == "" || c.Password == "" {
			return SMTPConfig{}, errors.New("smtp url: user and password go together, as user:password@host")
		}
	}
	return c, nil
}
