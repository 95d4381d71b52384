package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
)

// oldestTemporal is the Temporal CLI pinned in tools/temporal: what the product is tested with.
var oldestTemporal = temporalVersion{1, 5, 1}

const (
	// downloadSite is where testsuite.StartDevServer asks which CLI to fetch.
	downloadSite = "https://temporal.download/"
	// probeTimeout bounds what a machine without internet pays before the build from source starts.
	probeTimeout = 5 * time.Second
	// downloadTimeout is for some 50 MB on a slow line.
	downloadTimeout = 3 * time.Minute
)

// FindTemporal returns the path of a Temporal CLI of at least v1.5.1, whose `server start-dev` StartTemporal runs.
//
// It takes the first of: `temporal` on PATH; the copy that testsuite.StartDevServer of the Go SDK keeps in the
// directory for temporary files; one built earlier into .bin/; the SDK's download; one built from source now.
// Building works inside this repository only and takes minutes. log is told what was passed over and why, and that
// a download or build goes on; it stays silent when nothing has to be made. A second call finds what the first made.
func FindTemporal(ctx context.Context, log io.Writer) (string, error) {
	root, err := repositoryRoot()
	if err != nil {
		return "", err
	}
	f := temporalFinder{
		searchPath: os.Getenv("PATH"),
		cached:     filepath.Join(os.TempDir(), "temporal-cli-go-sdk-"+temporal.SDKVersion),
		root:       root,
		version:    printedVersion,
		download:   downloadTemporal,
		log:        log,
	}
	return f.find(ctx)
}

// temporalFinder is FindTemporal with its surroundings as values.
type temporalFinder struct {
	searchPath string // as in $PATH
	cached     string // where the Go SDK keeps its download
	root       string // of this repository; empty outside it
	version    func(ctx context.Context, path string) (string, error)
	download   func(context.Context) error
	log        io.Writer
}

func (f temporalFinder) find(ctx context.Context) (string, error) {
	var passedOver []error
	try := func(path string) bool {
		err := f.newEnough(ctx, path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			passedOver = append(passedOver, err)
		}
		return err == nil
	}

	for _, dir := range filepath.SplitList(f.searchPath) {
		if path := filepath.Join(dir, "temporal"); dir != "" && try(path) {
			return path, nil
		}
	}
	if try(f.cached) {
		return f.cached, nil
	}
	built := filepath.Join(f.root, ".bin", "temporal")
	if f.root != "" && try(built) {
		return built, nil
	}

	for _, err := range passedOver {
		f.sayf("passed over: %v", err)
	}
	f.sayf("no Temporal CLI of at least v%s on PATH: fetching the one the Go SDK uses", oldestTemporal)
	err := f.download(ctx)
	if err == nil {
		err = f.newEnough(ctx, f.cached)
	}
	if err == nil {
		return f.cached, nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	f.sayf("no download: %v", err)
	if f.root == "" {
		return "", fmt.Errorf("no Temporal CLI of at least v%s on PATH, and none could be downloaded: %w", oldestTemporal, err)
	}
	if err := f.build(ctx); err != nil {
		return "", err
	}
	if err := f.newEnough(ctx, built); err != nil {
		return "", fmt.Errorf("the Temporal CLI just built: %w", err)
	}
	return built, nil
}

// build has tools/build.sh, which `make` uses too, build the pinned CLI.
func (f temporalFinder) build(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "bash", filepath.Join(f.root, "tools", "build.sh"), "temporal") //nolint:gosec // the script of this repository
	cmd.Stdout, cmd.Stderr = f.log, f.log
	dieWithParent(cmd)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the Temporal CLI from tools/temporal: %w", err)
	}
	return nil
}

func (f temporalFinder) sayf(format string, args ...any) {
	_, _ = fmt.Fprintf(f.log, format+"\n", args...)
}

// downloadTemporal fills the SDK's cache. The SDK offers that as part of starting a server only.
func downloadTemporal(ctx context.Context) error {
	probe, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(probe, http.MethodHead, downloadSite, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()

	ctx, cancel = context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	server, err := testsuite.StartDevServer(ctx, testsuite.DevServerOptions{
		ClientOptions: &client.Options{Logger: silent{}},
		Stdout:        io.Discard,
		Stderr:        io.Discard,
	})
	if err != nil {
		return err
	}
	server.Client().Close()
	return server.Stop()
}

// temporalVersion is major, minor, patch.
type temporalVersion [3]int

func (v temporalVersion) String() string {
	return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2])
}

// newEnough returns nil when path can be used, os.ErrNotExist when there is no such file.
func (f temporalFinder) newEnough(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	out, err := f.version(ctx, path)
	if err != nil {
		return fmt.Errorf("%s --version: %w", path, err)
	}
	version, err := parseTemporalVersion(out)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if slices.Compare(version[:], oldestTemporal[:]) < 0 {
		return fmt.Errorf("%s is v%s, older than v%s", path, version, oldestTemporal)
	}
	return nil
}

// printedVersion is the output of `path --version`.
func printedVersion(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	return string(out), err
}

var versionLine = regexp.MustCompile(`(?m)^temporal version v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})\b`)

// parseTemporalVersion reads the output of `temporal --version`,
// "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)".
func parseTemporalVersion(out string) (temporalVersion, error) {
	match := versionLine.FindStringSubmatch(out)
	if match == nil {
		return temporalVersion{}, fmt.Errorf("no Temporal CLI: its version reads %.60q", out)
	}
	var version temporalVersion
	for i := range version {
		number, err := strconv.Atoi(match[i+1])
		if err != nil {
			return temporalVersion{}, err
		}
		version[i] = number
	}
	return version, nil
}

// repositoryRoot returns the checkout that the working directory is in, empty when it is in none.
func repositoryRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "tools", "temporal", "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", nil
		}
		dir = parent
	}
}

// silent is the logger for a client whose every failure is returned.
type silent struct{}

var _ sdklog.Logger = silent{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
