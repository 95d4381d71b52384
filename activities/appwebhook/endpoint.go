// Package appwebhook posts to the app, signed as https://www.standardwebhooks.com prescribes. The channel of messages
// and the source of amounts both do it.
package appwebhook

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	// timeout is for the whole exchange, the answer's body included.
	timeout = 10 * time.Second
	// Secrets have 24 to 64 bytes: Standard Webhooks specification, "Signature scheme".
	secretLeast, secretMost = 24, 64
)

// Endpoint is an address of the app, and the secret it shares with offsession.
type Endpoint struct {
	url     string
	signer  *standardwebhooks.Webhook
	client  *http.Client
	timeout time.Duration
}

// New posts to address, an http or https URL, and signs with secret, "whsec_" and 24 to 64 bytes in base64. A nil client
// means http.DefaultClient; redirects are not followed in any case. Errors do not repeat the address or the secret.
func New(address, secret string, client *http.Client) (*Endpoint, error) {
	if u, err := url.Parse(address); err != nil || !isWeb(u) {
		return nil, errors.New("webhook url: must be http://… or https://…")
	}
	key, err := parseSecret(secret)
	if err != nil {
		return nil, fmt.Errorf("webhook secret: %w", err)
	}
	signer, err := standardwebhooks.NewWebhookRaw(key)
	if err != nil {
		return nil, fmt.Errorf("webhook secret: %w", err)
	}
	if client == nil {
		client = http.DefaultClient
	}
	own := *client
	// A redirect would take what is posted to an address nobody configured.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Endpoint{url: address, signer: signer, client: &own, timeout: timeout}, nil
}

// CheckSecret says what is wrong with a secret, without repeating it.
func CheckSecret(secret string) error {
	_, err := parseSecret(secret)
	return err
}

func parseSecret(secret string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	if !ok {
		return nil, errors.New("must start with whsec_")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("must be base64 after whsec_")
	}
	if len(key) < secretLeast || len(key) > secretMost {
		return nil, fmt.Errorf("%d bytes, must be %d to %d", len(key), secretLeast, secretMost)
	}
	return key, nil
}

// CheckSecure refuses an address whose traffic others could read or change on its way: it must be https, or http to this
// machine. The error does not repeat the address.
func CheckSecure(address string) error {
	u, err := url.Parse(address)
	if err == nil && isWeb(u) && (u.Scheme == "https" || isLoopback(u.Hostname())) {
		return nil
	}
	return errors.New("must be an absolute https:// address (http:// to this machine alone)")
}

func isWeb(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Answer is what the app said.
type Answer struct {
	Status int
	// ContentType is the header as it came.
	ContentType string
	// Body is at most one byte longer than the caller wanted to read, which tells that there is more.
	Body []byte
}

// Post sends a JSON payload once. The id is that of the message, the same whenever it is repeated; sentAt is of this
// sending, since receivers refuse signatures older than minutes. Of the answer's body limit bytes are read. An error
// says that there was no complete answer; it does not hold the address. When the answer broke off, its status is known
// all the same.
func (e *Endpoint) Post(ctx context.Context, id string, sentAt time.Time, payload []byte, limit int) (Answer, error) {
	signature, err := e.signer.Sign(id, sentAt, payload)
	if err != nil {
		return Answer{}, fmt.Errorf("signing: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(payload))
	if err != nil {
		return Answer{}, errors.New("request could not be made")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "offsession")
	req.Header.Set(standardwebhooks.HeaderWebhookID, id)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(sentAt.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)

	resp, err := e.client.Do(req)
	if err != nil {
		// url.Error would repeat the address, which may hold a token.
		if withURL, ok := errors.AsType[*url.Error](err); ok {
			err = withURL.Err
		}
		return Answer{}, fmt.Errorf("no answer: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if err != nil {
		return Answer{Status: resp.StatusCode}, fmt.Errorf("answered %d, but broke off: %w", resp.StatusCode, err)
	}
	return Answer{Status: resp.StatusCode, ContentType: resp.Header.Get("Content-Type"), Body: body}, nil
}
