package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// TestVersionedDeploy takes a deployment from no version to its second one, with payments under way. The development
// server is older than 1.31: everything follows the current version with its next task.
func TestVersionedDeploy(t *testing.T) {
	t.Parallel()
	name := nextReference("deployment")
	s := newSite(t, siteOptions{withoutWorker: true, withoutWeb: true, change: func(c *config.Config) { c.Deployment = name }})

	// Nobody has heard of it.
	for _, args := range [][]string{{"deploy", "show"}, {"deploy", "set-current", "--build-id", "v1", "--wait", "0"}} {
		r := s.starter(args...)
		require.Equal(t, notFound, r.code, r.stderr)
		require.Contains(t, r.stderr, "no worker has named deployment "+name)
	}

	// Workers without versioning come first.
	s.config.Deployment = ""
	plain := s.worker()
	params := s.params(s.reference(), visa)
	params.Due = time.Now().Add(time.Hour)
	older := s.start(params)
	eventually(t, func() error { return s.is(older, workflows.PaymentScheduled) })
	plain.kill()
	s.config.Deployment = name

	// A version that is not current gets nothing, and says what to do.
	first := s.build("v1")
	logged, err := os.ReadFile(logFile.Name())
	require.NoError(t, err)
	require.Contains(t, string(logged), `command="starter deploy set-current --deployment `+name+` --build-id v1"`)
	early := s.charge(visa)
	require.Empty(t, s.versions(early))
	r := s.starter("deploy", "set-current", "--build-id", "v9", "--wait", "0")
	require.Equal(t, notFound, r.code, r.stderr)
	require.Contains(t, r.stderr, "no worker has named build v9 of deployment "+name+", only v1")

	// The first version.
	object := s.json("deployment build_id previous_build_id changed", "deploy", "set-current", "--build-id", "v1")
	require.Equal(t, map[string]any{"deployment": name, "build_id": "v1", "previous_build_id": "", "changed": true}, object)
	object = s.json("changed", "deploy", "set-current", "--build-id", "v1")
	require.Equal(t, false, object["changed"])
	s.ended(early, workflows.PaymentPaid)
	s.paidOnce(early)
	require.Equal(t, map[string]bool{"v1": true}, s.versions(early))
	_, err = s.client.RetryPayment(t.Context(), older, byHand)
	require.NoError(t, err)
	s.ended(older, workflows.PaymentPaid)
	require.Equal(t, map[string]bool{"": true, "v1": true}, s.versions(older))
	params = s.params(s.reference(), visa)
	params.Due = time.Now().Add(time.Hour)
	later := s.start(params)
	eventually(t, func() error { return s.is(later, workflows.PaymentScheduled) })

	// The second one takes over what is open; the first can be stopped.
	s.build("v2")
	s.says("v2 is the current version of "+name+" now, after v1", "deploy", "set-current", "--deployment", name, "--build-id", "v2")
	first.kill()
	_, err = s.client.RetryPayment(t.Context(), later, byHand)
	require.NoError(t, err)
	s.ended(later, workflows.PaymentPaid)
	s.paidOnce(later)
	require.Equal(t, map[string]bool{"v1": true, "v2": true}, s.versions(later))

	var shown shownDeployment
	r = s.starter("deploy", "show", "--output", "json")
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &shown), r.stderr)
	require.Equal(t, "v2", shown.CurrentBuildID)
	require.Len(t, shown.Versions, 2)
	for _, v := range shown.Versions {
		require.Zero(t, v.PinnedWorkflows)
		switch v.BuildID {
		case "v1":
			require.Contains(t, []string{"draining", "drained"}, v.Status)
		case "v2":
			require.Equal(t, "current", v.Status)
		}
	}
	s.says("Deployment "+name+": v2 is current", "deploy", "show")

	// Somebody has reserved the deployment.
	_, err = temporal.WorkerDeploymentClient().GetHandle(name).SetManagerIdentity(t.Context(), sdk.WorkerDeploymentSetManagerIdentityOptions{ManagerIdentity: "pipeline"})
	require.NoError(t, err)
	s.build("v3")
	r = s.starter("deploy", "set-current", "--build-id", "v3")
	require.Equal(t, refused, r.code, r.stderr)
	require.Contains(t, r.stderr, "ManagerIdentity 'pipeline' is set")
}

// TestAgreementsFollowADeploy changes the worker in the middle of a cycle. On a server older than 1.31 agreements are not
// pinned: the next build goes on with the cycle, since its change stands behind a change id.
func TestAgreementsFollowADeploy(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{withoutWorker: true, withoutWeb: true, change: func(c *config.Config) { c.Deployment = nextReference("deployment") }})
	changed := changedWorker(t, changedWithChangeID)
	first := s.build("a")
	s.json("changed", "deploy", "set-current", "--build-id", "a")
	all := s.agreements(10, visa)
	each(t, all, func(a agreement) error { return within(patience, func() error { return s.hasPaid(a, 1) }) })

	s.buildFrom(changed(), "b")
	s.json("changed", "deploy", "set-current", "--build-id", "b")
	first.kill()
	for paid := 2; paid <= 3; paid++ {
		each(t, all, func(a agreement) error {
			_, err := s.client.ChargeNow(t.Context(), a.reference, client.AgreementOperation{Actor: "test", Reason: "the next cycle", RequestID: fmt.Sprintf("charge-%d", paid)})
			return err
		})
		each(t, all, func(a agreement) error { return within(patience, func() error { return s.hasPaid(a, paid) }) })
	}

	require.Len(t, s.sandbox.Ledger("").References, 3*len(all))
	for _, a := range all {
		s.paidOnce(a.reference + "~now1")
		cycles := runs(t, temporal, a)
		require.GreaterOrEqual(t, len(cycles), 5, a.reference)
		for _, cycle := range cycles[:2] { // the one that begins, and the first charge
			require.Equal(t, map[string]bool{"a": true}, buildsOf(t, cycle), a.reference)
		}
		require.Equal(t, map[string]bool{"a": true, "b": true}, buildsOf(t, cycles[2]), "%s: changed in the middle", a.reference)
		require.False(t, napped(cycles[2]), "%s: goes on as build a began", a.reference)
		for _, cycle := range cycles[3:] {
			require.Equal(t, map[string]bool{"b": true}, buildsOf(t, cycle), a.reference)
			require.True(t, napped(cycle), "%s: begins as build b does", a.reference)
		}
	}
}

// shownDeployment is what `starter deploy show` prints as JSON.
type shownDeployment struct {
	CurrentBuildID string         `json:"current_build_id"`
	Versions       []shownVersion `json:"versions"`
}

type shownVersion struct {
	BuildID         string `json:"build_id"`
	Status          string `json:"status"`
	PinnedWorkflows int64  `json:"pinned_workflows"`
}

// build starts a worker of a build of the site's deployment.
func (s *site) build(id string) *process {
	s.t.Helper()
	return s.buildFrom(workerBinary, id)
}

func (s *site) buildFrom(binary, id string) *process {
	s.t.Helper()
	return launch(s.t, append(s.environment(), "OFFSESSION_BUILD_ID="+id), "worker ready", binary)
}

// versions are the builds that have completed workflow tasks of a payment.
func (s *site) versions(reference string) map[string]bool {
	s.t.Helper()
	history, err := historyOf(s.t.Context(), workflows.PaymentID(reference), "")
	require.NoError(s.t, err)
	return buildsOf(s.t, history)
}

// buildsOf are the builds that have completed workflow tasks of a run. None may have failed.
func buildsOf(t *testing.T, history *historypb.History) map[string]bool {
	t.Helper()
	builds := map[string]bool{}
	for _, event := range history.GetEvents() {
		if done := event.GetWorkflowTaskCompletedEventAttributes(); done != nil {
			builds[done.GetDeploymentVersion().GetBuildId()] = true
		}
		require.Nil(t, event.GetWorkflowTaskFailedEventAttributes(), "%s", event)
	}
	return builds
}
