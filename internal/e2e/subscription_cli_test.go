package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/workflows"
)

// TestSubscriptionCommands: what an operator does with one, from the watch to its end by hand.
func TestSubscriptionCommands(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	u := s.subscriber(authCard).subscribes(trial, incomplete)
	policy := filepath.Join(t.TempDir(), "reminders.yaml")
	require.NoError(t, os.WriteFile(policy, []byte("reminders: [2d]\nbefore_trial_end: [1d]\nat_risk: 1d\n"), 0o600))
	watch := []string{"subscription", "watch", u.id, "--default-on", "customer", "--policy", policy, "--description", "Plan Gold", "--time-zone", "Asia/Tokyo"}
	started := s.json("workflow_id run_id link", watch...)
	require.Equal(t, u.workflow(), started["workflow_id"])
	u.is(workflows.SubscriptionRequiresAction, workflows.NeedConfirmation)
	again := s.json("workflow_id run_id link already_started", watch...)
	require.Equal(t, started["run_id"], again["run_id"])
	for field, change := range map[string][]string{
		"default_on": {"--default-on", "subscription"}, "description": {"--description", "Plan Silver"}, "time_zone": {"--time-zone", "UTC"},
		"checkout_ui": {"--checkout-ui", "hosted"}, "payment_method_types": {"--payment-method-type", "sepa_debit"},
	} {
		r := s.starter(append(watch, change...)...)
		require.Equal(t, refused, r.code, r.stderr)
		require.Contains(t, r.stderr, "another "+field+":")
	}
	other := filepath.Join(t.TempDir(), "other.yaml")
	require.NoError(t, os.WriteFile(other, []byte("reminders: [3d]\nbefore_trial_end: [1d]\nat_risk: 1d\n"), 0o600))
	r := s.starter(append(watch, "--policy", other)...)
	require.Equal(t, refused, r.code, r.stderr)
	require.Contains(t, r.stderr, "another policy:")

	s.says("requires_action", "subscription", "show", u.id)
	s.says(u.pending()["id"].(string), "subscription", "show", u.id)
	s.says("bank", "subscription", "explain", u.id)
	eventually(t, func() error { // visibility is a moment behind
		if r := s.starter("subscription", "list", "--customer", u.customer, "--state", "requires_action"); r.code == done && strings.Contains(r.stdout, u.id) {
			return nil
		}
		return errNotYet
	})
	r = s.starter("subscription", "ready", u.id)
	require.Equal(t, refused, r.code, r.stderr)
	require.Contains(t, r.stdout, "no")
	u.control("/setup_intents/"+u.pending()["id"].(string)+"/authenticate", map[string]string{"result": "pass"})
	u.is(workflows.SubscriptionReady, "")
	require.Equal(t, true, s.json("subscription ready reason", "subscription", "ready", u.id)["ready"])

	unwatch := append([]string{"subscription", "unwatch", u.id}, byHandFlags...)
	require.Equal(t, "ended", s.json("state", unwatch...)["state"])
	u.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonUnwatched)
	require.Equal(t, "trialing", u.atStripe()["status"], "the subscription stays as it is")
	s.says("unwatched", "subscription", "show", u.id)
	s.says("e2e", "subscription", "show", u.id)

	// Watched anew, with other values.
	require.NotEqual(t, started["run_id"], s.json("workflow_id run_id", "subscription", "watch", u.id)["run_id"])
	u.is(workflows.SubscriptionNoActionNeeded, "")
}

// TestSubscriptionBadInput: clear errors, and nothing is written anywhere.
func TestSubscriptionBadInput(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{withoutWorker: true, withoutWeb: true})
	canceled := s.subscriber(authCard).subscribes(trial, incomplete)
	canceled.cancels()
	expired := s.subscriber("").subscribes(incomplete)
	expired.cancels()
	invoiced := s.subscriber("").subscribes([]string{"collection_method", "send_invoice", "days_until_due", "14"})
	orphan := s.subscriber(authCard).subscribes(trial, incomplete)
	orphan.stripe(http.MethodDelete, "/v1/customers/"+orphan.customer, nil)
	fine := s.subscriber(authCard).subscribes(trial, incomplete)
	before := len(s.writes())
	for name, test := range map[string]struct {
		id   string
		args []string
		code int
		says string
	}{
		"unknown":                   {"sub_unknown", nil, misused, "Stripe has no such subscription"},
		"no id of a subscription":   {"cus_123", nil, misused, "must be the id of a Stripe subscription"},
		"ended":                     {canceled.id, nil, refused, "has ended (canceled)"},
		"incomplete_expired":        {expired.id, nil, refused, "has ended (incomplete_expired)"},
		"sends invoices":            {invoiced.id, nil, refused, "send_invoice"},
		"customer deleted":          {orphan.id, nil, refused, ""},
		"default nowhere":           {fine.id, []string{"--default-on", "card"}, misused, "--default-on"},
		"page of no kind":           {fine.id, []string{"--checkout-ui", "paper"}, misused, "--checkout-ui"},
		"no such zone":              {fine.id, []string{"--time-zone", "Mars/Base"}, misused, "--time-zone"},
		"no such policy":            {fine.id, []string{"--policy", "/nowhere.yaml"}, misused, "/nowhere.yaml"},
		"shown, never watched":      {fine.id, []string{"show"}, notFound, fine.id},
		"explained, never watched":  {fine.id, []string{"explain"}, notFound, fine.id},
		"unwatched, never watched":  {fine.id, append([]string{"unwatch"}, byHandFlags...), notFound, fine.id},
		"unwatched without a name":  {fine.id, []string{"unwatch"}, misused, "actor"},
		"ready, unknown":            {"sub_unknown", []string{"ready"}, notFound, "sub_unknown"},
		"ready, ended":              {canceled.id, []string{"ready"}, refused, ""},
		"adopted all, too fast":     {"", []string{"adopt-all", "--rate", "1000"}, misused, "rate"},
		"adopted all, not at all":   {"", []string{"adopt-all", "--rate", "-1"}, misused, "rate"},
		"listed in no state at all": {"", []string{"list", "--state", "lost"}, misused, "state"},
	} {
		args := append([]string{"subscription", "watch", test.id}, test.args...)
		if len(test.args) > 0 && test.args[0][0] != '-' {
			args = append([]string{"subscription", test.args[0]}, test.args[1:]...)
			if test.id != "" {
				args = append(args, test.id)
			}
		}
		r := s.starter(args...)
		require.Equal(t, test.code, r.code, "%s: %v: %s", name, args, r.stderr)
		require.Contains(t, r.stdout+r.stderr, test.says, name)
	}
	require.Len(t, s.writes(), before)
	for _, u := range []*subscriber{canceled, expired, invoiced, orphan, fine} {
		u.nobodyWatches()
	}
}

// TestSubscriptionOfAnotherAccount: its key shows nothing of the subscription, and it is told apart from one that exists.
func TestSubscriptionOfAnotherAccount(t *testing.T) {
	t.Parallel()
	mine, theirs := sharedSite(t), newSite(t, siteOptions{withoutWorker: true, withoutWeb: true})
	u := theirs.subscriber(authCard).subscribes(trial, incomplete)
	r := mine.starter("subscription", "watch", u.id)
	require.Equal(t, misused, r.code)
	require.Contains(t, r.stderr, "under this key")
	u.nobodyWatches()
}
