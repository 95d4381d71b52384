// Package link makes and checks the token in a customer's durable link, /c/{token}: a signed JWT over the id of the
// workflow that the customer may act on. The token is the customer's only credential: it is never stored or logged.
package link

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	issuer          = "offsession"
	purposeCustomer = "customer"
	// minSecretLength keeps out secrets that can be guessed offline from one link.
	minSecretLength = 16
)

// The two ways in which Verify refuses a token. Neither holds any part of it.
var (
	// ErrForged: not a token that one of our secrets has signed for a customer's page.
	ErrForged = errors.New("link: forged")
	// ErrExpired: one of our tokens, but past its end.
	ErrExpired = errors.New("link: expired")
)

// Claims is what a valid token says.
type Claims struct {
	WorkflowID string
	// Purpose is what the holder may do: "customer", acting as the customer of that workflow.
	Purpose string
	// Expires is when the token ends, UTC, in whole seconds.
	Expires time.Time
}

// CheckSecret refuses a secret that is too short to sign with. The error does not repeat it.
func CheckSecret(secret string) error {
	if len(secret) < minSecretLength {
		return fmt.Errorf("link secret: %d characters, at least %d are needed", len(secret), minSecretLength)
	}
	return nil
}

// Minter makes links and checks their tokens. It is safe for concurrent use.
type Minter struct {
	prefix string
	secret []byte
	keys   jwt.VerificationKeySet
}

// NewMinter takes the address under which customers reach this service, and the secrets: the first signs, each of them
// verifies, so that a secret is rolled by putting the new one in front. Empty secrets are left out.
func NewMinter(publicURL string, secrets []string) *Minter {
	m := &Minter{}
	if publicURL != "" {
		m.prefix = strings.TrimRight(publicURL, "/") + "/c/"
	}
	for _, s := range secrets {
		if s == "" {
			continue
		}
		if m.secret == nil {
			m.secret = []byte(s)
		}
		m.keys.Keys = append(m.keys.Keys, []byte(s))
	}
	return m
}

// tokenClaims has no time of issue: the link is part of idempotent requests to Stripe and must be the same each time.
type tokenClaims struct {
	jwt.RegisteredClaims
	Purpose string `json:"p"`
}

// Link answers <publicURL>/c/<token>, valid until expires in whole seconds. The same input gives the same link. It is
// empty when there is no secret or no public URL.
func (m *Minter) Link(workflowID string, expires time.Time) string {
	if m.secret == nil || m.prefix == "" {
		return ""
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, tokenClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    issuer,
			Subject:   workflowID,
			ExpiresAt: jwt.NewNumericDate(expires),
		},
		Purpose: purposeCustomer,
	})
	delete(token.Header, "typ") // optional (RFC 7519 section 5.1), and links should be short
	signed, err := token.SignedString(m.secret)
	if err != nil {
		return ""
	}
	return m.prefix + signed
}

// Verify answers what a token of ours says. The error is ErrForged or ErrExpired.
func (m *Minter) Verify(token string, now time.Time) (Claims, error) {
	if len(m.keys.Keys) == 0 {
		return Claims{}, ErrForged
	}
	var claims tokenClaims
	// The claims are checked below, in an order in which "expired" is only said of a token that is ours.
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	if _, err := parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return m.keys, nil }); err != nil {
		return Claims{}, ErrForged
	}
	if claims.Issuer != issuer || claims.Purpose != purposeCustomer || claims.Subject == "" || claims.ExpiresAt == nil {
		return Claims{}, ErrForged
	}
	if !now.Before(claims.ExpiresAt.Time) {
		return Claims{}, ErrExpired
	}
	return Claims{WorkflowID: claims.Subject, Purpose: claims.Purpose, Expires: claims.ExpiresAt.UTC()}, nil
}
