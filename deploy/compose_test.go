// Package deploy holds what a deployment needs besides the programs; its tests check docker-compose.yml, Dockerfile and
// .env.example without a container engine.
package deploy

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/workflows"
)

// oneShot services do their work and end.
var oneShot = []string{"temporal-schema", "temporal-namespace"}

// pinned is an image with a version: a tag with at least major and minor number.
var pinned = regexp.MustCompile(`^[a-z0-9./-]+:v?\d+(\.\d+)+$`)

// loadCompose reads docker-compose.yml as `docker compose --profile … ` does where no variable is set.
func loadCompose(t *testing.T, profiles ...string) *types.Project {
	t.Helper()
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  "..",
		ConfigFiles: []types.ConfigFile{{Filename: "../docker-compose.yml"}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) {
		o.Profiles = profiles
		o.SkipResolveEnvironment = true // a developer's own .env is no part of this
	})
	require.NoError(t, err)
	return project
}

func TestComposeServices(t *testing.T) {
	t.Parallel()
	sandbox := []string{"mailpit", "postgres", "sandbox", "temporal", "temporal-namespace", "temporal-schema", "temporal-ui", "web", "worker"}
	require.Equal(t, sandbox, slices.Sorted(maps.Keys(loadCompose(t).Services)))
	withStripe := slices.Sorted(slices.Values(append(slices.Clone(sandbox), "stripe-web", "stripe-worker")))
	require.Equal(t, withStripe, slices.Sorted(maps.Keys(loadCompose(t, "stripe").Services)))
}

func TestComposeServicesAreHardened(t *testing.T) {
	t.Parallel()
	for name, service := range loadCompose(t, "stripe").Services {
		require.Regexp(t, pinned, service.Image, name)
		require.NotEmpty(t, service.User, "%s: a user must be named, the image's may be root", name)
		require.NotRegexp(t, `^(root|0)(:|$)`, service.User, name)
		require.True(t, service.ReadOnly, "%s: read_only", name)
		require.False(t, service.Privileged, name)
		require.Equal(t, []string{"ALL"}, service.CapDrop, name)
		require.Contains(t, service.SecurityOpt, "no-new-privileges:true", name)
		for _, port := range service.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, "%s: port %d", name, port.Target)
		}
	}
}

func TestComposeHealth(t *testing.T) {
	t.Parallel()
	for name, service := range loadCompose(t, "stripe").Services {
		if slices.Contains(oneShot, name) {
			require.Nil(t, service.HealthCheck, name)
			require.Regexp(t, `^on-failure:\d+$`, service.Restart, name)
			continue
		}
		require.Equal(t, types.RestartPolicyUnlessStopped, service.Restart, name)
		require.NotNil(t, service.HealthCheck, name)
		require.False(t, service.HealthCheck.Disable, name)
		// CMD needs no shell in the image.
		require.Equal(t, "CMD", service.HealthCheck.Test[0], name)
		require.Greater(t, len(service.HealthCheck.Test), 1, name)
		require.NotNil(t, service.HealthCheck.Interval, name)
		require.NotNil(t, service.HealthCheck.Retries, name)
	}
}

func TestComposeDependencies(t *testing.T) {
	t.Parallel()
	for _, profiles := range [][]string{nil, {"stripe"}} {
		project := loadCompose(t, profiles...)
		for name, service := range project.Services {
			for on, dependency := range service.DependsOn {
				target, exists := project.Services[on]
				require.True(t, exists, "%s depends on %s, which is in no active profile", name, on)
				switch dependency.Condition {
				case types.ServiceConditionHealthy:
					require.NotNil(t, target.HealthCheck, "%s waits for the health of %s", name, on)
				case types.ServiceConditionCompletedSuccessfully:
					require.Contains(t, oneShot, on, "%s waits for the end of %s", name, on)
				default:
					require.Fail(t, "a condition says what is waited for", "%s on %s: %s", name, on, dependency.Condition)
				}
			}
		}
	}
}

func TestComposeStripeIsApartFromTheSandbox(t *testing.T) {
	t.Parallel()
	services := loadCompose(t, "stripe").Services
	for _, pair := range [][2]string{{"worker", "stripe-worker"}, {"web", "stripe-web"}} {
		sandbox, stripe := services[pair[0]], services[pair[1]]
		require.Equal(t, sandbox.Command, stripe.Command)
		require.Contains(t, *sandbox.Environment["STRIPE_API_BASE"], "sandbox")
		require.Equal(t, "https://api.stripe.com", *stripe.Environment["STRIPE_API_BASE"])
		require.NotEqual(t, *sandbox.Environment["TEMPORAL_NAMESPACE"], *stripe.Environment["TEMPORAL_NAMESPACE"])
		for _, secret := range []string{"STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "OFFSESSION_LINK_SECRET"} {
			require.NotContains(t, stripe.Environment, secret, "secrets come from .env alone")
		}
		require.Len(t, stripe.EnvFiles, 1)
		require.NotContains(t, stripe.DependsOn, "sandbox")
	}
	namespaces := services["temporal-namespace"].Command[1:]
	require.Contains(t, namespaces, *services["worker"].Environment["TEMPORAL_NAMESPACE"])
	require.Contains(t, namespaces, *services["stripe-worker"].Environment["TEMPORAL_NAMESPACE"])
}

// ours are the variables that the programs read, from the struct that reads them, and those of Temporal's envconfig
// that the documentation names.
func ours(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("../internal/config/variables.go")
	require.NoError(t, err)
	names := []string{"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY"}
	for _, tag := range regexp.MustCompile(`envconfig:"([A-Z_]+)"`).FindAllSubmatch(source, -1) {
		names = append(names, string(tag[1]))
	}
	require.Greater(t, len(names), 20)
	return names
}

func TestComposeSetsVariablesThatExist(t *testing.T) {
	t.Parallel()
	known := ours(t)
	built := 0
	for name, service := range loadCompose(t, "stripe").Services {
		if service.Build == nil {
			continue
		}
		built++
		for variable := range service.Environment {
			require.Contains(t, known, variable, name)
		}
	}
	require.Equal(t, 5, built)
}

func TestEnvExampleListsEveryVariable(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("../.env.example")
	require.NoError(t, err)
	known := ours(t)
	var listed []string
	for _, line := range regexp.MustCompile(`(?m)^(?:# )?([A-Z][A-Z0-9_]+)=`).FindAllSubmatch(example, -1) {
		listed = append(listed, string(line[1]))
		require.Contains(t, known, string(line[1]))
	}
	for _, variable := range known {
		require.Contains(t, string(example), variable)
		if variable != "TEMPORAL_API_KEY" {
			require.Contains(t, listed, variable)
		}
	}
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(listed))), len(listed), "each once")
}

func TestTemporalVersionsAgree(t *testing.T) {
	t.Parallel()
	tools, err := os.ReadFile("../tools/temporal-server/go.mod")
	require.NoError(t, err)
	pin := regexp.MustCompile(`go\.temporal\.io/server v(\S+)`).FindSubmatch(tools)
	require.NotNil(t, pin)
	services := loadCompose(t).Services
	require.Equal(t, "temporalio/server:"+string(pin[1]), services["temporal"].Image)
	require.Equal(t, "temporalio/admin-tools:"+string(pin[1]), services["temporal-schema"].Image)
	require.Equal(t, services["temporal-schema"].Image, services["temporal-namespace"].Image)
}

func TestDockerfileIsPinnedAndNotRoot(t *testing.T) {
	t.Parallel()
	dockerfile, err := os.ReadFile("../Dockerfile")
	require.NoError(t, err)
	stages := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllSubmatch(dockerfile, -1)
	require.Len(t, stages, 2)
	for _, stage := range stages {
		require.Regexp(t, pinned, string(stage[1]))
	}
	final := dockerfile[strings.LastIndex(string(dockerfile), "\nFROM "):]
	require.Regexp(t, `(?m)^USER \d{4,}:\d{4,}$`, string(final))

	goMod, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	wanted := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(goMod)
	require.NotNil(t, wanted)
	require.True(t, strings.HasPrefix(string(stages[0][1]), "golang:"+string(wanted[1])), "%s builds what go.mod asks of Go %s", stages[0][1], wanted[1])
}

func TestNamespaceScriptCreatesOurSearchAttributes(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("temporal/namespace.sh")
	require.NoError(t, err)
	created := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^\t(Offsession\w+):(\w+)$`).FindAllSubmatch(script, -1) {
		created[string(line[1])] = string(line[2])
	}
	wanted := map[string]string{}
	for _, key := range workflows.SearchAttributeKeys() {
		wanted[key.GetName()] = key.GetValueType().String()
	}
	require.Equal(t, wanted, created)
}

// The programs themselves say whether they start with what compose sets.
func TestProgramsAcceptTheirComposeEnvironment(t *testing.T) {
	services := loadCompose(t).Services
	for name, process := range map[string]config.Process{"worker": config.ForWorker, "web": config.ForServe} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range ours(t) {
				t.Setenv(variable, "")
			}
			for variable, value := range services[name].Environment {
				t.Setenv(variable, *value)
			}
			c, err := config.Load(process)
			require.NoError(t, err)
			require.Equal(t, "temporal:7233", c.Temporal.HostPort)
			require.Equal(t, "default", c.Temporal.Namespace)
		})
	}
}

// `make stack-postgres` is what can be run where there is no container engine: it must set what compose sets.
func TestNativeStackSetsWhatComposeSets(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../tools/stack-postgres/run.sh")
	require.NoError(t, err)
	// An address has another port there, a log level is the user's, and Mailpit is missing.
	others := []string{
		"TEMPORAL_ADDRESS", "STRIPE_API_BASE", "OFFSESSION_LISTEN", "OFFSESSION_PUBLIC_URL", "OFFSESSION_METRICS_LISTEN",
		"OFFSESSION_LOG_LEVEL", "SMTP_URL", "NOTIFY_FROM",
	}
	set := map[string]string{}
	for _, assignment := range regexp.MustCompile(`(?m)\b([A-Z][A-Z_0-9]+)=(\S+)`).FindAllSubmatch(script, -1) {
		if _, again := set[string(assignment[1])]; !again { // later ones are the text for the user
			set[string(assignment[1])] = string(assignment[2])
		}
	}
	services := loadCompose(t).Services
	require.Equal(t, services["worker"].Environment, services["web"].Environment)
	for variable, value := range services["worker"].Environment {
		if !slices.Contains(others, variable) {
			require.Equal(t, *value, set[variable], variable)
		}
	}
	for _, variable := range []string{"NUM_HISTORY_SHARDS", "DB"} {
		require.Equal(t, *services["temporal"].Environment[variable], set[variable], variable)
	}
}
