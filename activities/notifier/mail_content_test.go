package notifier

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

func TestMailsAreAsRecorded(t *testing.T) {
	t.Parallel()
	type testCase struct {
		kind   activities.NotificationKind
		change func(*activities.Notification)
		name   string
		noLink bool
	}
	cases := map[string]testCase{
		"retry_without_link": {kind: activities.NotifyPaymentRetryScheduled, noLink: true},
		"needed_generic": {kind: activities.NotifyPaymentMethodNeeded, name: customerName, change: func(n *activities.Notification) {
			n.Generic, n.DeclineCode = true, "expired_card"
		}},
		"needed_fraud": {kind: activities.NotifyPaymentMethodNeeded, change: func(n *activities.Notification) { n.DeclineCode = "stolen_card" }},
		"needed_expired_card_jpy": {kind: activities.NotifyPaymentMethodNeeded, name: "久美子", change: func(n *activities.Notification) {
			n.Amount, n.Currency, n.DeclineCode, n.TimeZone, n.Description = 12500, "jpy", "expired_card", "Asia/Tokyo", ""
		}},
		"retry_kwd_dubai": {kind: activities.NotifyPaymentRetryScheduled, name: customerName, change: func(n *activities.Notification) {
			n.Amount, n.Currency, n.TimeZone = 12340, "kwd", "Asia/Dubai"
		}},
		"retry_unknown_zone": {kind: activities.NotifyPaymentRetryScheduled, name: customerName, change: func(n *activities.Notification) { n.TimeZone = "Mars/Olympus" }},
		"action_no_deadline": {kind: activities.NotifyPaymentActionRequired, change: func(n *activities.Notification) { n.Deadline = time.Time{} }},
		"needed_hostile_texts": {kind: activities.NotifyPaymentMethodNeeded, name: "Win at http://evil.example", change: func(n *activities.Notification) {
			n.Description = "<script>alert(1)</script>\r\nBcc: all"
		}},
		"setup_link_agreement": {kind: activities.NotifySetupLink, name: customerName, change: func(n *activities.Notification) {
			n.Owner, n.Description = "agreement:gym-17", "Gym <b>membership</b>\n"
		}},
		"setup_reminder_agreement": {kind: activities.NotifySetupReminder, change: func(n *activities.Notification) {
			n.Owner, n.Description = "agreement:gym-17", "Gym membership"
		}},
		"upcoming_amount_unknown": {kind: activities.NotifyUpcomingCharge, noLink: true, change: func(n *activities.Notification) { n.Amount = 0 }},
		"upcoming_bare_sepa_tokyo": {kind: activities.NotifyUpcomingCharge, noLink: true, change: func(n *activities.Notification) {
			n.Amount, n.Description, n.Brand, n.Last4, n.TimeZone = 0, "", "", "3000", "Asia/Tokyo"
		}},
		"upcoming_hostile": {kind: activities.NotifyUpcomingCharge, noLink: true, change: func(n *activities.Notification) {
			n.Description, n.Last4 = "<script>alert(1)</script>\r\nBcc: all", "<script>"
		}},
		"card_expiring_amount_unknown": {kind: activities.NotifyCardExpiring, name: customerName, change: func(n *activities.Notification) {
			n.Amount, n.Description, n.Brand, n.ExpMonth = 0, "", "unknown", 12
		}},
		"subscription_action_reminder_tokyo": {kind: activities.NotifySubscriptionActionRequired, name: customerName, change: func(n *activities.Notification) {
			n.Reminder, n.TimeZone = true, "Asia/Tokyo"
		}},
		"subscription_action_bare": {kind: activities.NotifySubscriptionActionRequired, change: func(n *activities.Notification) {
			n.Description, n.TrialEnd = "", time.Time{}
		}},
		"subscription_method_reminder": {kind: activities.NotifySubscriptionPaymentMethodNeeded, name: customerName, change: func(n *activities.Notification) {
			n.Reminder = true
		}},
		"subscription_method_bare": {kind: activities.NotifySubscriptionPaymentMethodNeeded, change: func(n *activities.Notification) {
			n.Description, n.TrialEnd = "", time.Time{}
		}},
		"subscription_method_hostile": {kind: activities.NotifySubscriptionPaymentMethodNeeded, name: "Win at http://evil.example", change: func(n *activities.Notification) {
			n.Description = "<script>alert(1)</script>\r\nBcc: all"
		}},
		"subscription_invoice_reminder_jpy": {kind: activities.NotifySubscriptionInvoiceUnpaid, name: customerName, change: func(n *activities.Notification) {
			n.Reminder, n.Amount, n.Currency = true, 12500, "jpy"
		}},
		"subscription_invoice_bare": {kind: activities.NotifySubscriptionInvoiceUnpaid, change: func(n *activities.Notification) {
			n.Description, n.Amount = "", 0
		}},
	}
	for _, kind := range customerKinds {
		cases[string(kind)] = testCase{kind: kind, name: customerName}
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := notification(tc.kind)
			if tc.kind == activities.NotifySetupLink || tc.kind == activities.NotifySetupReminder {
				n.Amount, n.Currency, n.Description, n.Attempt, n.DeclineCode, n.NextAttemptAt = 0, "", "", 0, "", time.Time{}
			}
			if slices.Contains(agreementKinds, tc.kind) {
				n = agreementNotification(tc.kind)
			}
			if slices.Contains(subscriptionKinds, tc.kind) {
				n = subscriptionNotification(tc.kind)
			}
			if tc.change != nil {
				tc.change(&n)
			}
			link := janesLink
			if tc.noLink {
				link = ""
			}
			content, err := renderMail(n, "Acme Gym", tc.name, link)
			require.NoError(t, err)
			for _, text := range []string{content.Subject, content.Text, content.HTML} {
				require.NotContains(t, text, "<no value>")
				require.NotContains(t, text, "evil.example")
			}
			require.NotContains(t, content.Subject, "\n")
			require.NotContains(t, content.HTML, "<script")
			requireGolden(t, name+".txt", "Subject: "+content.Subject+"\n\n"+content.Text)
			requireGolden(t, name+".html", content.HTML)
		})
	}
}

func requireGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// The reason must not show in any part of the mail, whatever the code: a thief reads it too.
func TestGenericMailsNeverNameTheReason(t *testing.T) {
	t.Parallel()
	for _, kind := range customerKinds {
		n := notification(kind)
		n.Generic, n.DeclineCode = true, ""
		want, err := renderMail(n, "Acme Gym", customerName, janesLink)
		require.NoError(t, err)
		for code := range declineSentences {
			n.DeclineCode = code
			got, err := renderMail(n, "Acme Gym", customerName, janesLink)
			require.NoError(t, err)
			require.Equal(t, want, got, code)
		}
	}
}

func TestNoSentenceForSuspectedFraud(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"fraudulent", "lost_card", "stolen_card", "lost_or_stolen_card", "pickup_card", "restricted_card", "merchant_blacklist",
		"security_violation", "do_not_try_again", "partner_high_risk_customer",
	} {
		require.NotContains(t, declineSentences, code)
	}
	require.Contains(t, declineSentences, "insufficient_funds")
	for code, sentence := range declineSentences {
		require.True(t, strings.HasSuffix(sentence, "."), code)
	}
}

func TestEveryCustomerKindHasAMail(t *testing.T) {
	t.Parallel()
	for _, kind := range customerKinds {
		require.True(t, kind.ForCustomer())
		content, err := renderMail(notification(kind), "Acme Gym", customerName, janesLink)
		require.NoError(t, err)
		for _, part := range []string{content.Text, content.HTML} {
			require.Contains(t, part, janesLink)
			require.Contains(t, part, "Hello Jane Doe,")
			require.Contains(t, part, "Acme Gym")
		}
	}
	for _, kind := range appKinds {
		require.False(t, kind.ForCustomer())
		_, err := renderMail(notification(kind), "Acme Gym", customerName, janesLink)
		require.Error(t, err)
	}
}

func TestGreetingName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Jane Doe":                   "Jane Doe",
		"  Jane\r\n\tDoe ":           "Jane Doe",
		"Dr. Jane Doe Jr.":           "Dr. Jane Doe Jr.",
		"Zoë Ångström-O'Neil":        "Zoë Ångström-O'Neil",
		"":                           "",
		"win.example":                "",
		"http://win":                 "",
		"jane@win":                   "",
		"<b>Jane":                    "",
		strings.Repeat("Jane ", 100): "",
	} {
		require.Equal(t, want, greetingName(name), name)
	}
}
