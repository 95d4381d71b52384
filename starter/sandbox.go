package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/stripesandbox"
)

const defaultSandboxListen = "127.0.0.1:12111"

// sandboxKeys is what a sandbox prints once it listens: the variables for everything that shall use it.
type sandboxKeys struct {
	APIBase        string   `json:"stripe_api_base"`
	APIKey         string   `json:"stripe_api_key"`
	PublishableKey string   `json:"stripe_publishable_key"`
	WebhookSecret  string   `json:"stripe_webhook_secret"`
	WebhookURLs    []string `json:"webhook_urls"`
	Data           string   `json:"data"` // the file that keeps its state; empty: memory does
}

func newSandbox(a *app) *cobra.Command {
	var (
		listen, publicURL string
		rateLimit, data   string
		urls, secrets     []string
	)
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a Stripe of your own, for trying things out",
		Long:  sandboxHelp,
		Example: `  starter sandbox --webhook-url http://127.0.0.1:8080/webhooks/stripe --webhook-secret whsec_local
  starter sandbox --data sandbox.db
  starter sandbox --rate-limit global=100,endpoint=25`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			endpoints, err := readEndpoints(urls, secrets)
			if err != nil {
				return err
			}
			if _, _, err := net.SplitHostPort(listen); err != nil {
				return usagef("--listen: %q; must be host:port, such as %s", shorten(listen), defaultSandboxListen)
			}
			if publicURL != "" && !isWebURL(publicURL) {
				return usagef("--public-url: %q; must be an absolute http:// or https:// address", shorten(publicURL))
			}
			var limit stripesandbox.RateLimit
			if cmd.Flags().Changed("rate-limit") {
				if limit, err = readRateLimit(rateLimit); err != nil {
					return err
				}
			}
			cfg, err := config.Load(config.ForClient)
			if err != nil {
				return usage(err)
			}
			if !onlyThisMachine(listen) {
				a.note("warning: other machines can reach --listen %s; the sandbox's keys are public, and its control routes need none", listen)
			}
			return a.sandbox(cmd.Context(), listen, stripesandbox.Config{Webhooks: endpoints, PublicURL: publicURL, RateLimit: limit, Data: data, Logger: cfg.Logger(a.stderr)})
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", defaultSandboxListen, "address to listen on; others than this machine reach it only if you say so, with :12111 or 0.0.0.0:12111")
	f.StringVar(&publicURL, "public-url", "", "under which address browsers reach it (default http:// and --listen)")
	f.StringArrayVar(&urls, "webhook-url", nil, "where events are delivered; repeatable")
	f.StringArrayVar(&secrets, "webhook-secret", nil, "whsec_… to sign deliveries with: one for all addresses, or one each (default drawn at random)")
	f.StringVar(&data, "data", "", "keeps everything in this SQLite file across restarts (default in memory)")
	f.StringVar(&rateLimit, "rate-limit", "", "requests per second let in, others get 429: global=100,endpoint=25, or a number for the global one (default no limit)")
	cmd.AddCommand(newSandboxAudit(a))
	return cmd
}

// Collecting garbage is half of the sandbox's work by Go's default, for it keeps everything. It may use more memory instead,
// up to somewhat more than a million payments take, and is collected as often as needed from there on.
const (
	sandboxGCPercent = 400
	sandboxMemory    = 1800 << 20
)

func (a *app) sandbox(ctx context.Context, listen string, cfg stripesandbox.Config) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(sandboxGCPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(sandboxMemory)
	}
	server, err := stripesandbox.Start(ctx, listen, cfg)
	if err != nil {
		return err
	}
	defer server.Close() //nolint:contextcheck // ctx is done by then
	keys := sandboxKeys{APIBase: server.URL, APIKey: stripesandbox.DefaultAPIKey, PublishableKey: stripesandbox.PublishableKey, WebhookURLs: []string{}, Data: cfg.Data}
	var unique []string
	for _, endpoint := range cfg.Webhooks {
		keys.WebhookURLs = append(keys.WebhookURLs, endpoint.URL)
		if len(unique) == 0 || unique[len(unique)-1] != endpoint.Secret {
			unique = append(unique, endpoint.Secret)
		}
	}
	keys.WebhookSecret = strings.Join(unique, ",")
	if err := a.answer(keys, func() string {
		where := "in memory"
		if cfg.Data != "" {
			where = "kept in " + cfg.Data
		}
		text := fmt.Sprintf("Stripe sandbox on %s, %s. Use it with:\n  export STRIPE_API_BASE=%s STRIPE_API_KEY=%s STRIPE_PUBLISHABLE_KEY=%s",
			keys.APIBase, where, keys.APIBase, keys.APIKey, keys.PublishableKey)
		if keys.WebhookSecret != "" {
			text += " STRIPE_WEBHOOK_SECRET=" + keys.WebhookSecret
		}
		return text
	}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// readEndpoints pairs addresses with secrets.
func readEndpoints(urls, secrets []string) ([]stripesandbox.WebhookEndpoint, error) {
	if len(secrets) == 0 && len(urls) > 0 {
		secrets = []string{"whsec_" + rand.Text()}
	}
	if len(secrets) > 1 && len(secrets) != len(urls) || len(secrets) == 1 && len(urls) == 0 {
		return nil, usagef("--webhook-secret: given %d times, --webhook-url %d times; must be one for all addresses, or one each", len(secrets), len(urls))
	}
	for _, secret := range secrets {
		if !strings.HasPrefix(secret, "whsec_") {
			return nil, usagef("--webhook-secret: %q; must start with whsec_", shorten(secret))
		}
	}
	endpoints := make([]stripesandbox.WebhookEndpoint, 0, len(urls))
	for i, address := range urls {
		if !isWebURL(address) {
			return nil, usagef("--webhook-url: %q; must be an absolute http:// or https:// address", shorten(address))
		}
		endpoints = append(endpoints, stripesandbox.WebhookEndpoint{URL: address, Secret: secrets[min(i, len(secrets)-1)]})
	}
	return endpoints, nil
}

func isWebURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
