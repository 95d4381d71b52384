package stripesandbox

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Server is a Sandbox that listens.
type Server struct {
	*Sandbox
	// URL is the address, such as http://127.0.0.1:12111, without a trailing slash.
	URL  string
	http *http.Server
	done chan error
}

// timeouts against slow clients.
type timeouts struct{ header, read, write, idle time.Duration }

// The write timeout leaves room for slow answers made on purpose.
var serverTimeouts = timeouts{header: 5 * time.Second, read: 30 * time.Second, write: 5 * time.Minute, idle: 2 * time.Minute}

const (
	shutdownTimeout = 2 * time.Second
	maxHeaderBytes  = 64 << 10
)

// Start serves a new Sandbox on addr, such as 127.0.0.1:0, until Close or the end of
// ctx. Without Config.PublicURL the server's own address is taken for it.
func Start(ctx context.Context, addr string, cfg Config) (*Server, error) {
	return start(ctx, addr, cfg, serverTimeouts)
}

func start(ctx context.Context, addr string, cfg Config, slowest timeouts) (*Server, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the Stripe sandbox: %w", err)
	}
	url := "http://" + ln.Addr().String()
	if cfg.PublicURL == "" {
		cfg.PublicURL = url
	}
	sandbox, err := New(cfg) //nolint:contextcheck // delivery lives until Close
	if err != nil {
		_ = ln.Close()
		return nil, err
	}
	s := &Server{Sandbox: sandbox, URL: url, done: make(chan error, 1)}
	s.http = &http.Server{
		Handler: s.Sandbox, ReadHeaderTimeout: slowest.header, ReadTimeout: slowest.read,
		WriteTimeout: slowest.write, IdleTimeout: slowest.idle, MaxHeaderBytes: maxHeaderBytes,
	}
	go func() { s.done <- s.http.Serve(ln) }()
	context.AfterFunc(ctx, s.Close)
	return s, nil
}

// Close stops the server, gives requests under way two seconds, and stops the delivery
// of webhooks. A second call does nothing.
func (s *Server) Close() {
	s.sender.stop()
	defer s.Sandbox.Close()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close() // whoever is left has had their two seconds
	}
}
