// Package devstack runs on one machine what the product needs around it: the Temporal development server, the Stripe
// sandbox, the worker and the web server, as the demo, `starter dev` and the integration tests use them.
package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	// startTimeout is generous: a machine that compiles at the same time needs 20 s.
	startTimeout = 90 * time.Second
	// stopTimeout is what an interrupted server gets before it is killed.
	stopTimeout = 10 * time.Second
	// startAttempts: the server itself picks random ports for its inner services and another process can be faster.
	startAttempts = 3
	// retention is that of a deployment. The server's own, a day, would make a DBFile forget what it was made to keep.
	retention = 90 * 24 * time.Hour
)

// TemporalOptions says how StartTemporal runs the development server. The zero value is a server with nothing on
// disk, no web UI, a free port and the namespace "default".
type TemporalOptions struct {
	// Path of the Temporal CLI. Empty means FindTemporal.
	Path string
	// Address is host:port of the gRPC frontend. Defaults to "127.0.0.1:0"; port 0 means a free one.
	Address string
	// UIPort is where the web UI listens, on the host of Address. 0 means no UI.
	UIPort int
	// Namespace that exists once the server runs. Defaults to "default".
	Namespace string
	// DBFile keeps everything in an SQLite file over restarts. Empty means memory: faster, and gone at the end.
	DBFile string
	// SearchAttributes exist once the server runs, so that workflows can be started before a worker was there.
	SearchAttributes []temporal.SearchAttributeKey
	// DynamicConfig are the server's own settings, as KEY=VALUE.
	DynamicConfig []string
	// Log receives the server's output (warnings and errors) and what FindTemporal says. Defaults to io.Discard.
	Log io.Writer
}

// Temporal is a running development server, a child process.
type Temporal struct {
	// Address is host:port of the gRPC frontend.
	Address string
	// Namespace is the one it was started with.
	Namespace string
	// UIURL is the address of the web UI without a slash at the end, empty without a UI.
	UIURL string

	cmd    *exec.Cmd
	exited chan struct{}
	err    error // set before exited is closed

	stop sync.Once
}

// StartTemporal starts a Temporal development server and returns when its namespace and search attributes can be
// used. ctx bounds the start only. The caller stops the server; on Linux it also ends when this process is killed.
// A port that is in use is an error that names it.
func StartTemporal(ctx context.Context, options TemporalOptions) (*Temporal, error) {
	if options.Log == nil {
		options.Log = io.Discard
	}
	if options.Address == "" {
		options.Address = "127.0.0.1:0"
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	if options.Path == "" {
		path, err := FindTemporal(ctx, options.Log)
		if err != nil {
			return nil, err
		}
		options.Path = path
	}
	host, port, err := net.SplitHostPort(options.Address)
	if err != nil {
		return nil, fmt.Errorf("address of the Temporal server: %w", err)
	}
	if options.UIPort != 0 {
		if _, err := freePort(ctx, host, strconv.Itoa(options.UIPort)); err != nil {
			return nil, fmt.Errorf("port of the Temporal UI: %w", err)
		}
	}

	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		frontend, err := freePort(ctx, host, port)
		if err != nil {
			return nil, fmt.Errorf("port of the Temporal server: %w", err)
		}
		server, err := launch(options, host, frontend)
		if err != nil {
			return nil, err
		}
		err = server.awaitReady(ctx)
		if err == nil {
			return server, nil
		}
		_ = server.Stop()
		if !errors.Is(err, errExited) || attempt == startAttempts {
			return nil, err
		}
	}
}

// errExited means that the server ended by itself.
var errExited = errors.New("the Temporal development server ended")

// launch starts the process. On its own ports nobody else can be met: freePort found them free a moment ago.
func launch(options TemporalOptions, host, port string) (*Temporal, error) {
	args := []string{
		"server", "start-dev",
		"--ip", host, "--port", port,
		"--namespace", options.Namespace,
		"--log-level", "warn",
		// No call home to ask for newer versions.
		"--dynamic-config-value", "frontend.enableServerVersionCheck=false",
	}
	server := &Temporal{
		Address:   net.JoinHostPort(host, port),
		Namespace: options.Namespace,
		exited:    make(chan struct{}),
	}
	if options.UIPort == 0 {
		args = append(args, "--headless")
	} else {
		args = append(args, "--ui-port", strconv.Itoa(options.UIPort))
		server.UIURL = "http://" + net.JoinHostPort(host, strconv.Itoa(options.UIPort))
	}
	if options.DBFile != "" {
		args = append(args, "--db-filename", options.DBFile)
	}
	for _, setting := range options.DynamicConfig {
		args = append(args, "--dynamic-config-value", setting)
	}
	for _, key := range options.SearchAttributes {
		args = append(args, "--search-attribute", key.GetName()+"="+key.GetValueType().String())
	}

	// Not CommandContext: the server outlives the context of its start.
	server.cmd = exec.Command(options.Path, args...) //nolint:gosec,noctx // the CLI that FindTemporal or the caller chose
	server.cmd.Stdout, server.cmd.Stderr = options.Log, options.Log
	dieWithParent(server.cmd)
	if err := server.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the Temporal development server: %w", err)
	}
	go func() {
		if err := server.cmd.Wait(); err != nil {
			server.err = fmt.Errorf("%w: %w", errExited, err)
		} else {
			server.err = errExited
		}
		close(server.exited)
	}()
	return server, nil
}

// awaitReady returns once the namespace answers and has its retention.
func (s *Temporal) awaitReady(ctx context.Context) error {
	c, err := client.NewLazyClient(client.Options{HostPort: s.Address, Namespace: s.Namespace, Logger: silent{}})
	if err != nil {
		return err
	}
	defer c.Close()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: s.Namespace})
		select {
		case <-s.exited:
			return s.err
		default:
		}
		if err == nil {
			_, err := c.WorkflowService().UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
				Namespace: s.Namespace,
				Config:    &namespace.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(retention)},
			})
			if err != nil {
				return fmt.Errorf("set the retention of namespace %s: %w", s.Namespace, err)
			}
			return nil
		}
		select {
		case <-s.exited:
			return s.err
		case <-ctx.Done():
			return fmt.Errorf("the Temporal development server did not answer: %w (last: %w)", ctx.Err(), err)
		case <-ticker.C:
		}
	}
}

// Done is closed when the server has ended, by Stop or by itself.
func (s *Temporal) Done() <-chan struct{} {
	return s.exited
}

// PID is the server's process.
func (s *Temporal) PID() int { return s.cmd.Process.Pid }

// Stop ends the server and returns when it is gone; after ten seconds it is killed. A second call does nothing.
// The error is that of a server which had ended by itself before.
func (s *Temporal) Stop() error {
	var err error
	s.stop.Do(func() {
		select {
		case <-s.exited:
			err = s.err
			return
		default:
		}
		_ = s.cmd.Process.Signal(os.Interrupt)
		select {
		case <-s.exited:
		case <-time.After(stopTimeout):
			_ = s.cmd.Process.Kill()
			<-s.exited
		}
	})
	return err
}

// freePort returns port, or a free one for "0". It fails when the port is in use.
func freePort(ctx context.Context, host, port string) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return "", err
	}
	defer func() { _ = listener.Close() }()
	_, port, err = net.SplitHostPort(listener.Addr().String())
	return port, err
}
