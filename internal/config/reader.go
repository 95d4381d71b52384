package config

import (
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/appwebhook"
	"github.com/offsession/offsession/internal/link"
)

const (
	// maxRate is far above what Stripe allows any account: it lets a stand-in for Stripe be charged at full speed.
	maxRate = 100_000
	// maxTaskQueue leaves room for the suffix of the second queue within Temporal's limit of 1000.
	maxTaskQueue = 200
	// maxSecret keeps a value from being the whole content of a file.
	maxSecret = 500
)

// reader turns the text of variables into values and collects the mistakes. An empty text gives the zero value.
type reader struct {
	mistakes []error
}

func (r *reader) wrong(format string, args ...any) {
	r.mistakes = append(r.mistakes, fmt.Errorf(format, args...))
}

func (r *reader) secretKey(name, text string) string {
	switch p := keyPrefix(text); {
	case text == "", strings.HasPrefix(p, "sk_"), strings.HasPrefix(p, "rk_"):
		r.plainSecret(name, text)
		return text
	case p != "":
		r.wrong("%s: a publishable key (%s…); must be a secret or restricted key, sk_test_… or rk_test_…", name, p)
	default:
		r.wrong("%s: not a key of Stripe's; must be a secret or restricted key, sk_test_… or rk_test_…", name)
	}
	return ""
}

func (r *reader) publishableKey(name, text string) string {
	if text != "" && !strings.HasPrefix(keyPrefix(text), "pk_") {
		// A secret key here would be shown to every customer.
		r.wrong("%s: not a publishable key; must be pk_test_… or pk_live_…", name)
		return ""
	}
	r.plainSecret(name, text)
	return text
}

// plainSecret refuses what a copy-and-paste accident leaves in a secret.
func (r *reader) plainSecret(name, text string) {
	if strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) || len(text) > maxSecret {
		r.wrong("%s: contains a space, a line end or a character that is not ASCII, or is longer than %d; copy it again", name, maxSecret)
	}
}

func (r *reader) webhookSecrets(name, text string) []string {
	secrets := list(text)
	for i, s := range secrets {
		if !strings.HasPrefix(s, "whsec_") || s == "whsec_" {
			r.wrong("%s: secret %d of %d does not look like one; must be whsec_…, or several separated by commas", name, i+1, len(secrets))
		}
		r.plainSecret(name, s)
	}
	return secrets
}

func (r *reader) linkSecrets(name, text string) []string {
	secrets := list(text)
	for i, s := range secrets {
		if err := link.CheckSecret(s); err != nil {
			r.wrong("%s: secret %d of %d: %w", name, i+1, len(secrets), err)
		}
	}
	return secrets
}

// appSecret checks the form that Standard Webhooks prescribe,
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
func (r *reader) appSecret(name, text string) string {
	if text != "" && appwebhook.CheckSecret(text) != nil {
		r.wrong("%s: not a secret of Standard Webhooks; must be whsec_ and 24 to 64 bytes in base64", name)
	}
	return text
}

// baseURL is an address to which paths are added.
func (r *reader) baseURL(name, text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || !isWeb(u) || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		r.wrong("%s: %q; must be an absolute http:// or https:// address without query", name, redacted(text))
		return ""
	}
	return strings.TrimRight(text, "/")
}

// pageURL is a complete address.
func (r *reader) pageURL(name, text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || !isWeb(u) {
		r.wrong("%s: %q; must be an absolute http:// or https:// address", name, redacted(text))
		return ""
	}
	return text
}

// secureURL is a complete address whose traffic nobody on its way can change.
func (r *reader) secureURL(name, text string) string {
	if text == "" {
		return ""
	}
	if err := appwebhook.CheckSecure(text); err != nil {
		r.wrong("%s: %q; %w", name, redacted(text), err)
		return ""
	}
	return text
}

func isWeb(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// smtpURL checks the form; the notifier has the last word when the worker starts.
func (r *reader) smtpURL(name, text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "" || !usablePort(u.Port()) ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		r.wrong("%s: %q; must be smtp://[user:password@]host:port or smtps://…", name, redacted(text))
		return text
	}
	if password, _ := u.User.Password(); u.User != nil && (u.User.Username() == "" || password == "") {
		r.wrong("%s: %q; user and password go together, as user:password@host", name, redacted(text))
	}
	return text
}

// usablePort accepts a port to connect to, or none.
func usablePort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil && n > 0
}

// redacted is an address without user, password and query, which may hold secrets.
func redacted(text string) string {
	if u, err := url.Parse(text); err == nil {
		if u.User != nil {
			u.User = url.User("…")
		}
		if u.RawQuery != "" {
			u.RawQuery = "…"
		}
		text = u.String()
		if unescaped, err := url.PathUnescape(text); err == nil {
			text = unescaped
		}
	} else if _, after, found := strings.Cut(text, "@"); found {
		text = "…@" + after
	}
	return clip(text)
}

func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

func (r *reader) mailAddress(name, text string) string {
	if text == "" {
		return ""
	}
	if _, err := mail.ParseAddress(text); err != nil {
		r.wrong("%s: %q; must be a mail address such as billing@example.com or \"Example Billing <billing@example.com>\"", name, clip(text))
	}
	return text
}

func (r *reader) address(name, text string) string {
	if text == "" {
		return ""
	}
	_, port, err := net.SplitHostPort(text)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n > math.MaxUint16 {
		r.wrong("%s: %q; must be host:port with a port of 0 to 65535, such as %s", name, clip(text), DefaultListen)
	}
	return text
}

func (r *reader) rate(name, text string) float64 {
	if text == "" {
		return DefaultRateLimit
	}
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil || !(rate > 0 && rate <= maxRate) {
		r.wrong("%s: %q; must be a number of writes per second, more than 0 and at most %d", name, clip(text), maxRate)
	}
	return rate
}

func (r *reader) taskQueue(name, text string) string {
	if strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) || strings.HasPrefix(text, "/") || len(text) > maxTaskQueue {
		r.wrong("%s: %q; must be 1 to %d printable ASCII characters without spaces, not starting with a slash", name, clip(text), maxTaskQueue)
	}
	return text
}

func (r *reader) deployment(name, text string) string {
	if err := CheckDeployment(text); text != "" && err != nil {
		r.wrong("%s: %w", name, err)
	}
	return text
}

func (r *reader) buildID(name, text string) string {
	if err := CheckBuildID(text); text != "" && err != nil {
		r.wrong("%s: %w", name, err)
	}
	return text
}

// Both names together are a keyword in Temporal's visibility, which has 255 characters there. Temporal separates them by
// a dot or a colon, and keeps names that begin with two underscores to itself.
var (
	deploymentName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)
	buildIDName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$`)
)

// CheckDeployment accepts names of Worker Deployments. The error says value and what is allowed.
func CheckDeployment(name string) error {
	if !deploymentName.MatchString(name) {
		return fmt.Errorf("%q; must be 1 to 100 letters, digits, - and _, beginning with a letter or digit", clip(name))
	}
	return nil
}

// CheckBuildID accepts names of builds. The error says value and what is allowed.
func CheckBuildID(id string) error {
	if !buildIDName.MatchString(id) {
		return fmt.Errorf("%q; must be 1 to 100 letters, digits, and . _ + -, beginning with a letter or digit", clip(id))
	}
	return nil
}

func (r *reader) checkoutUI(name, text string) activities.CheckoutUI {
	switch ui := activities.CheckoutUI(text); ui {
	case "":
		return activities.CheckoutUICustom
	case activities.CheckoutUICustom, activities.CheckoutUIHosted:
		return ui
	}
	r.wrong("%s: %q; must be %s or %s", name, clip(text), activities.CheckoutUICustom, activities.CheckoutUIHosted)
	return ""
}

func (r *reader) timeZone(name, text string) string {
	if err := CheckTimeZone(text); err != nil {
		r.wrong("%s: %w", name, err)
	}
	return text
}

// CheckTimeZone accepts the names of the IANA time zone database. The error says value and what is allowed.
func CheckTimeZone(name string) error {
	// LoadLocation gives the machine's own zone for "Local", which is another one elsewhere.
	if _, err := time.LoadLocation(name); err != nil || name == "" || name == "Local" {
		return fmt.Errorf("%q; must be a name of the IANA time zone database such as Europe/Berlin or UTC", clip(name))
	}
	return nil
}

func (r *reader) logLevel(name, text string) slog.Level {
	switch text {
	case "debug":
		return slog.LevelDebug
	case "", "info":
		return slog.LevelInfo
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	r.wrong("%s: %q; must be debug, info, warn or error", name, clip(text))
	return 0
}

func (r *reader) logFormat(name, text string) (json bool) {
	switch text {
	case "", "text":
		return false
	case "json":
		return true
	}
	r.wrong("%s: %q; must be text or json", name, clip(text))
	return false
}

func (r *reader) flag(name, text string) bool {
	switch text {
	case "true":
		return true
	case "", "false":
		return false
	}
	r.wrong("%s: %q; must be true or false", name, clip(text))
	return false
}

// list splits a comma list and drops empty items.
func list(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
