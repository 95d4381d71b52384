package notifier

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

const (
	customerEmail = "jane.doe@customer.example"
	customerName  = "Jane Doe"
	businessFrom  = "Acme Gym <billing@acme.example>"
)

var (
	_ activities.Notifier = (*Log)(nil)
	_ activities.Notifier = (*Email)(nil)
	_ activities.Notifier = (*Webhook)(nil)

	customerKinds = []activities.NotificationKind{
		activities.NotifySetupLink, activities.NotifySetupReminder, activities.NotifyPaymentRetryScheduled,
		activities.NotifyPaymentActionRequired, activities.NotifyPaymentMethodNeeded,
		activities.NotifyPaymentRecovered, activities.NotifyPaymentUncollectible, activities.NotifyUpcomingCharge, activities.NotifyCardExpiring,
		activities.NotifySubscriptionActionRequired, activities.NotifySubscriptionPaymentMethodNeeded, activities.NotifySubscriptionInvoiceUnpaid,
	}
	appKinds = []activities.NotificationKind{
		activities.NotifyCardSaved, activities.NotifyPaymentPaid, activities.NotifyPaymentProcessing,
		activities.NotifyAgreementPaused, activities.NotifyAgreementEnded,
		activities.NotifySubscriptionReady, activities.NotifySubscriptionAtRisk,
	}
)

// Two self-signed certificates for 127.0.0.1. The system trusts the first and has never heard of the second.
var trustedCert, untrustedCert tls.Certificate

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "notifier")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		var trustedPEM []byte
		trustedCert, trustedPEM = selfSigned()
		untrustedCert, _ = selfSigned()
		roots := filepath.Join(dir, "roots.pem")
		if err := os.WriteFile(roots, trustedPEM, 0o600); err != nil {
			panic(err)
		}
		if err := os.Setenv("SSL_CERT_FILE", roots); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

func selfSigned() (tls.Certificate, []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail server of a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// stripeCustomers answers every customer with the same contact, or with err.
type stripeCustomers struct {
	activities.Customers
	contact activities.CustomerContact
	err     error
}

func (c stripeCustomers) CustomerContact(context.Context, string) (activities.CustomerContact, error) {
	return c.contact, c.err
}

func jane() stripeCustomers {
	return stripeCustomers{contact: activities.CustomerContact{Email: customerEmail, Name: customerName}}
}

// links answers under its prefix; an empty one is a service without link secret.
type links string

func (l links) Link(workflowID string, expires time.Time) string {
	if l == "" {
		return ""
	}
	return fmt.Sprintf("%s/c/%s.%d", string(l), workflowID, expires.Unix())
}

const (
	payLinks = links("https://pay.example.com")
	// janesLink is the link in notification.
	janesLink = "https://pay.example.com/c/payment:order-17.1780000000"
)

// notification is a full one of the kind given.
func notification(kind activities.NotificationKind) activities.Notification {
	return activities.Notification{
		ID: "payment:order-17:" + string(kind) + ":2", Kind: kind, WorkflowID: "payment:order-17", Reference: "order-17",
		Customer: "cus_123", At: time.Date(2026, 3, 2, 8, 30, 0, 0, time.UTC), State: "retry_scheduled",
		Amount: 1099, Currency: "usd", Description: "Membership in March", PaymentIntent: "pi_123", PaymentMethod: "pm_123",
		Attempt: 2, DeclineCode: "insufficient_funds",
		NextAttemptAt: time.Date(2026, 3, 5, 8, 0, 0, 0, time.UTC), Deadline: time.Date(2026, 3, 16, 8, 0, 0, 0, time.UTC),
		TimeZone: "Europe/Berlin", Link: true, LinkExpires: time.Unix(1780000000, 0).UTC(),
	}
}

// agreementNotification is a full one about an agreement.
func agreementNotification(kind activities.NotificationKind) activities.Notification {
	n := activities.Notification{
		ID: "agreement:gym-17:" + string(kind) + ":3", Kind: kind, WorkflowID: "agreement:gym-17", Reference: "gym-17",
		Customer: "cus_123", At: time.Date(2026, 3, 24, 8, 0, 0, 0, time.UTC), State: "active",
		Amount: 1099, Currency: "usd", Description: "Gym membership", PaymentMethod: "pm_123",
		DueAt: time.Date(2026, 3, 31, 7, 0, 0, 0, time.UTC), Brand: "visa", Last4: "4242", ExpMonth: 2, ExpYear: 2026,
		TimeZone: "Europe/Berlin",
	}
	switch kind {
	case activities.NotifyCardExpiring:
		n.WorkflowID, n.Link, n.LinkExpires = "save-payment-method:gym-17~card2", true, time.Unix(1780000000, 0).UTC()
	case activities.NotifyAgreementPaused:
		n.State, n.Reason = "needs_attention", "ceiling_per_month"
	case activities.NotifyAgreementEnded:
		n.State, n.Reason, n.DueAt = "canceled", "payment_failed", time.Time{}
	}
	return n
}

// agreementKinds are the kinds that agreements send.
var agreementKinds = []activities.NotificationKind{
	activities.NotifyUpcomingCharge, activities.NotifyCardExpiring, activities.NotifyAgreementPaused, activities.NotifyAgreementEnded,
}

// subscriptionNotification is a full one about a subscription.
func subscriptionNotification(kind activities.NotificationKind) activities.Notification {
	n := activities.Notification{
		ID: "subscription:sub_123:" + string(kind) + ":1", Kind: kind, WorkflowID: "subscription:sub_123", Reference: "sub_123",
		Customer: "cus_123", At: time.Date(2026, 3, 24, 8, 0, 0, 0, time.UTC), State: "requires_action", Description: "Gym membership",
		PaymentMethod: "pm_123", TrialEnd: time.Date(2026, 3, 31, 22, 30, 0, 0, time.UTC), TimeZone: "Europe/Berlin",
	}
	switch kind {
	case activities.NotifySubscriptionReady:
		n.State = "ready"
	case activities.NotifySubscriptionAtRisk:
		n.State, n.Reason = "at_risk", "trial_ending"
	case activities.NotifySubscriptionPaymentMethodNeeded:
		n.State, n.PaymentMethod = "requires_payment_method", ""
	case activities.NotifySubscriptionInvoiceUnpaid:
		n.State, n.Reason, n.Amount, n.Currency, n.TrialEnd = "at_risk", "invoice_unpaid", 1099, "usd", time.Time{}
	}
	if kind.ForCustomer() {
		n.Link, n.LinkExpires = true, time.Unix(1780000000, 0).UTC()
	}
	return n
}

// subscriptionKinds are the kinds that watched subscriptions send.
var subscriptionKinds = []activities.NotificationKind{
	activities.NotifySubscriptionActionRequired, activities.NotifySubscriptionPaymentMethodNeeded,
	activities.NotifySubscriptionInvoiceUnpaid, activities.NotifySubscriptionReady, activities.NotifySubscriptionAtRisk,
}

// requireNoPersonalData fails when text holds what only the customer and the mail server may see.
func requireNoPersonalData(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{customerEmail, "jane", customerName, "pay.example.com", "/c/", "1780000000", "hunter2"} {
		require.NotContains(t, strings.ToLower(text), strings.ToLower(secret))
	}
}

func requireUndeliverable(t *testing.T, err error, reason string) {
	t.Helper()
	var lost *activities.UndeliverableError
	require.ErrorAs(t, err, &lost)
	require.Equal(t, reason, lost.Reason)
}

func requireRetryable(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	var lost *activities.UndeliverableError
	require.NotErrorAs(t, err, &lost)
	requireNoPersonalData(t, err.Error())
}

func TestLogPrintsIDsAndAmountsAlone(t *testing.T) {
	t.Parallel()
	for _, kind := range append(customerKinds, appKinds...) {
		var out bytes.Buffer
		channel := NewLog(slog.New(slog.NewJSONHandler(&out, nil)))
		require.Equal(t, "log", channel.Channel())
		require.NoError(t, channel.Deliver(t.Context(), notification(kind)))
		line := out.String()
		require.Equal(t, 1, strings.Count(line, "\n"))
		for _, part := range []string{
			`"msg":"notification"`, `"kind":"` + string(kind) + `"`, `"workflow_id":"payment:order-17"`, `"customer":"cus_123"`,
			`"amount":1099`, `"currency":"usd"`, `"state":"retry_scheduled"`, `"attempt":2`, `"decline_code":"insufficient_funds"`,
			`"next_attempt_at":"2026-03-05T08:00:00Z"`, `"deadline":"2026-03-16T08:00:00Z"`,
		} {
			require.Contains(t, line, part)
		}
		require.NotContains(t, line, "Membership")
		requireNoPersonalData(t, line)
	}
}

func TestLogOfAgreements(t *testing.T) {
	t.Parallel()
	for _, kind := range agreementKinds {
		var out bytes.Buffer
		n := agreementNotification(kind)
		n.Owner = "agreement:gym-17"
		require.NoError(t, NewLog(slog.New(slog.NewJSONHandler(&out, nil))).Deliver(t.Context(), n))
		line := out.String()
		require.Contains(t, line, `"owner":"agreement:gym-17"`)
		require.Equal(t, n.Reason != "", strings.Contains(line, `"reason":"`+n.Reason+`"`))
		require.Equal(t, !n.DueAt.IsZero(), strings.Contains(line, `"due_at":"2026-03-31T07:00:00Z"`))
		require.NotContains(t, line, "Gym membership")
		require.NotContains(t, line, "4242")
		requireNoPersonalData(t, line)
	}
}

func TestLogOfSubscriptions(t *testing.T) {
	t.Parallel()
	for _, kind := range subscriptionKinds {
		for _, reminder := range []bool{false, true} {
			var out bytes.Buffer
			n := subscriptionNotification(kind)
			n.Reminder = reminder
			require.NoError(t, NewLog(slog.New(slog.NewJSONHandler(&out, nil))).Deliver(t.Context(), n))
			line := out.String()
			require.Contains(t, line, `"workflow_id":"subscription:sub_123"`)
			require.Equal(t, n.Reason != "", strings.Contains(line, `"reason":"`+n.Reason+`"`))
			require.Equal(t, !n.TrialEnd.IsZero(), strings.Contains(line, `"trial_end":"2026-03-31T22:30:00Z"`))
			require.Equal(t, reminder, strings.Contains(line, `"reminder":true`))
			require.NotContains(t, line, "Gym membership")
			requireNoPersonalData(t, line)
		}
	}
}

func TestLogLeavesOutWhatIsNotSet(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	n := activities.Notification{ID: "id", Kind: activities.NotifyCardSaved, WorkflowID: "save-payment-method:r", State: "saved"}
	require.NoError(t, NewLog(slog.New(slog.NewJSONHandler(&out, nil))).Deliver(t.Context(), n))
	for _, key := range []string{"customer", "amount", "attempt", "deadline", "decline_code", "next_attempt_at", "owner", "reason", "due_at", "trial_end", "reminder"} {
		require.NotContains(t, out.String(), `"`+key+`"`)
	}
}
