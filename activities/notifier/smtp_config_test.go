package notifier

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseSMTPURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]SMTPConfig{
		"smtp://localhost:1025":                         {Host: "localhost", Port: 1025},
		"smtp://mail.example.com":                       {Host: "mail.example.com", Port: 587},
		"smtps://mail.example.com":                      {Host: "mail.example.com", Port: 465, ImplicitTLS: true},
		"smtps://mail.example.com:2465/":                {Host: "mail.example.com", Port: 2465, ImplicitTLS: true},
		"smtp://[::1]:25":                               {Host: "::1", Port: 25},
		"smtp://acme:hunter2@mail.example.com:587":      {Host: "mail.example.com", Port: 587, User: "acme", Password: "hunter2"},
		"smtp://a%40b.example:p%2F%3A%40%23@mail.x:587": {Host: "mail.x", Port: 587, User: "a@b.example", Password: "p/:@#"},
	} {
		got, err := ParseSMTPURL(url)
		require.NoError(t, err, url)
		require.Equal(t, want, got, url)
	}
}

func TestParseSMTPURLErrors(t *testing.T) {
	t.Parallel()
	for url, says := range map[string]string{
		"":                                  "must start with smtp:// or smtps://",
		"mail.example.com:25":               "must start with smtp:// or smtps://",
		"acme:hunter2@mail.example.com:25":  "must start with smtp:// or smtps://",
		"https://acme:hunter2@mail.example": "must start with smtp:// or smtps://",
		"smtp://":                           "no host",
		"smtp://:25":                        "no host",
		"smtp://mail.example.com:0":         "port must be",
		"smtp://mail.example.com:70000":     "port must be",
		"smtp://mail.example.com:99999999999999999999": "port must be",
		"smtp://mail.example.com:smtp":                 "cannot be read",
		"smtp://acme:hun ter2@mail.example.com:25":     "cannot be read",
		"smtp://acme:hunter2%@mail.example.com:25":     "cannot be read",
		"smtp://acme:hun/ter2@mail.example.com:25":     "cannot be read",
		"smtp://acme:12/hunter2@mail.example.com:25":   "nothing may follow the port",
		"smtp://acme:12#hunter2@mail.example.com:25":   "nothing may follow the port",
		"smtp://mail.example.com:25?password=hunter2":  "nothing may follow the port",
		"smtp://mail.example.com:25/inbox":             "nothing may follow the port",
		"smtp://acme@mail.example.com:25":              "user and password go together",
		"smtp://acme:@mail.example.com:25":             "user and password go together",
		"smtp://:hunter2@mail.example.com:25":          "user and password go together",
	} {
		got, err := ParseSMTPURL(url)
		require.ErrorContains(t, err, says, url)
		require.NotContains(t, err.Error(), "hun", url)
		require.NotContains(t, err.Error(), "ter2", url)
		require.Equal(t, SMTPConfig{}, got, url)
	}
}

func TestSMTPConfigPrintsWithoutPassword(t *testing.T) {
	t.Parallel()
	c := SMTPConfig{Host: "mail.example.com", Port: 465, User: "acme", Password: "hunter2", ImplicitTLS: true}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.Equal(t, "smtps://acme:…@mail.example.com:465", fmt.Sprintf(verb, c))
	}
	require.Equal(t, "smtp://localhost:25", SMTPConfig{Host: "localhost", Port: 25}.String())
}

func FuzzParseSMTPURL(f *testing.F) {
	f.Add("smtp://acme:hunter2@mail.example.com:587")
	f.Add("smtps://[::1]:25/?#")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseSMTPURL(s)
		if err != nil {
			require.Equal(t, SMTPConfig{}, c)
			return
		}
		require.NotEmpty(t, c.Host)
		require.Positive(t, c.Port)
		require.Equal(t, c.User == "", c.Password == "")
	})
}
