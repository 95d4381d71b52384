package link_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/link"
)

const (
	publicURL  = "https://pay.example.com"
	secret     = "a-secret-of-the-tests"
	oldSecret  = "the-secret-before-it"
	workflowID = "payment:order-17"
)

var (
	now     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	expires = time.Date(2026, 4, 1, 12, 0, 0, 987_654_321, time.UTC)

	_ activities.Links = (*link.Minter)(nil)
)

func tokenOf(t *testing.T, address string) string {
	t.Helper()
	token, ok := strings.CutPrefix(address, publicURL+"/c/")
	require.True(t, ok, "no link: %q", address)
	return token
}

// sign makes a token with any content, as an attacker who knows the secret, or an older version of us, could.
func sign(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	require.NoError(t, err)
	return token
}

func goodClaims() jwt.MapClaims {
	return jwt.MapClaims{"iss": "offsession", "sub": workflowID, "p": "customer", "exp": expires.Unix()}
}

func without(key string) jwt.MapClaims {
	c := goodClaims()
	delete(c, key)
	return c
}

func with(key string, value any) jwt.MapClaims {
	c := goodClaims()
	c[key] = value
	return c
}

func TestLinkVerifies(t *testing.T) {
	t.Parallel()
	m := link.NewMinter(publicURL+"/", []string{secret})
	token := tokenOf(t, m.Link(workflowID, expires))

	claims, err := m.Verify(token, now)
	require.NoError(t, err)
	require.Equal(t, link.Claims{WorkflowID: workflowID, Purpose: "customer", Expires: expires.Truncate(time.Second)}, claims)
	require.Less(t, len(token), 200, "a link must survive mail programs that wrap long lines")
	require.NotContains(t, token, "/")
}

func TestLinkIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	first := link.NewMinter(publicURL, []string{secret}).Link(workflowID, expires)
	second := link.NewMinter(publicURL, []string{secret}).Link(workflowID, expires.In(time.FixedZone("", 7200)).Truncate(time.Second))
	require.Equal(t, first, second)
	require.NotEqual(t, first, link.NewMinter(publicURL, []string{secret}).Link("payment:order-18", expires))
	require.NotEqual(t, first, link.NewMinter(publicURL, []string{secret}).Link(workflowID, expires.Add(time.Second)))
}

func TestLinkIsEmptyWithoutConfiguration(t *testing.T) {
	t.Parallel()
	require.Empty(t, link.NewMinter(publicURL, nil).Link(workflowID, expires))
	require.Empty(t, link.NewMinter(publicURL, []string{""}).Link(workflowID, expires))
	require.Empty(t, link.NewMinter("", []string{secret}).Link(workflowID, expires))
}

func TestSecretsRoll(t *testing.T) {
	t.Parallel()
	old := link.NewMinter(publicURL, []string{oldSecret})
	rolled := link.NewMinter(publicURL, []string{secret, oldSecret})
	done := link.NewMinter(publicURL, []string{secret})
	oldToken := tokenOf(t, old.Link(workflowID, expires))
	newToken := tokenOf(t, rolled.Link(workflowID, expires))

	for _, token := range []string{oldToken, newToken} {
		_, err := rolled.Verify(token, now)
		require.NoError(t, err)
	}
	_, err := done.Verify(newToken, now)
	require.NoError(t, err, "the first secret signs")
	_, err = done.Verify(oldToken, now)
	require.ErrorIs(t, err, link.ErrForged)
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	m := link.NewMinter(publicURL, []string{secret})
	token := tokenOf(t, m.Link(workflowID, expires))
	end := expires.Truncate(time.Second)

	_, err := m.Verify(token, end.Add(-time.Nanosecond))
	require.NoError(t, err)
	for _, late := range []time.Time{end, end.AddDate(1, 0, 0)} {
		_, err = m.Verify(token, late)
		require.ErrorIs(t, err, link.ErrExpired)
	}
	_, err = link.NewMinter(publicURL, []string{oldSecret}).Verify(token, end)
	require.ErrorIs(t, err, link.ErrForged, "what is not ours is never called expired")
}

func TestForgedTokens(t *testing.T) {
	t.Parallel()
	m := link.NewMinter(publicURL, []string{secret})
	good := tokenOf(t, m.Link(workflowID, expires))
	parts := strings.Split(good, ".")
	require.Len(t, parts, 3)
	encode := base64.RawURLEncoding.EncodeToString
	// 32 bytes leave two bits of the last character unused; a lenient decoder takes any value in them.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	otherSpelling := good[:len(good)-1] + string(alphabet[strings.IndexByte(alphabet, good[len(good)-1])+1])
	otherBody := encode([]byte(`{"iss":"offsession","sub":"payment:order-18","exp":1900000000,"p":"customer"}`))

	_, err := m.Verify(sign(t, jwt.SigningMethodHS256, []byte(secret), goodClaims()), now)
	require.NoError(t, err, "the cases below differ from a good token in one point each")

	for name, token := range map[string]string{
		"empty":               "",
		"no token":            "payment:order-17",
		"truncated":           good[:len(good)-1],
		"longer":              good + "A",
		"other spelling":      otherSpelling,
		"no signature":        parts[0] + "." + parts[1] + ".",
		"two parts":           parts[0] + "." + parts[1],
		"four parts":          good + "." + parts[2],
		"other body":          parts[0] + "." + otherBody + "." + parts[2],
		"other secret":        sign(t, jwt.SigningMethodHS256, []byte(oldSecret), goodClaims()),
		"empty secret":        sign(t, jwt.SigningMethodHS256, []byte(""), goodClaims()),
		"alg none":            sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, goodClaims()),
		"alg none, signed":    encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + "." + parts[2],
		"alg RS256, our key":  encode([]byte(`{"alg":"RS256"}`)) + "." + parts[1] + "." + parts[2],
		"alg HS512":           sign(t, jwt.SigningMethodHS512, []byte(secret), goodClaims()),
		"other issuer":        sign(t, jwt.SigningMethodHS256, []byte(secret), with("iss", "someone")),
		"no issuer":           sign(t, jwt.SigningMethodHS256, []byte(secret), without("iss")),
		"other purpose":       sign(t, jwt.SigningMethodHS256, []byte(secret), with("p", "operator")),
		"no purpose":          sign(t, jwt.SigningMethodHS256, []byte(secret), without("p")),
		"no workflow":         sign(t, jwt.SigningMethodHS256, []byte(secret), without("sub")),
		"no expiry":           sign(t, jwt.SigningMethodHS256, []byte(secret), without("exp")),
		"expiry not a number": sign(t, jwt.SigningMethodHS256, []byte(secret), with("exp", "never")),
		"expired and foreign": sign(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"iss": "someone", "sub": workflowID, "p": "customer", "exp": 1}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims, err := m.Verify(token, now)
			require.ErrorIs(t, err, link.ErrForged)
			require.Empty(t, claims)
		})
	}
}

func TestVerifyWithoutSecrets(t *testing.T) {
	t.Parallel()
	unsigned := sign(t, jwt.SigningMethodHS256, []byte(""), goodClaims())
	for _, secrets := range [][]string{nil, {""}} {
		_, err := link.NewMinter(publicURL, secrets).Verify(unsigned, now)
		require.ErrorIs(t, err, link.ErrForged)
	}
}

func TestCheckSecret(t *testing.T) {
	t.Parallel()
	require.NoError(t, link.CheckSecret("0123456789abcdef"))
	for _, short := range []string{"", "hunter2", "0123456789abcde"} {
		err := link.CheckSecret(short)
		require.ErrorContains(t, err, "at least 16")
		if short != "" {
			require.NotContains(t, err.Error(), short)
		}
	}
}

// FuzzVerify looks for a token that verifies though we did not make it: only the seeds with our signature may.
func FuzzVerify(f *testing.F) {
	m := link.NewMinter(publicURL, []string{secret})
	good := strings.TrimPrefix(m.Link(workflowID, expires), publicURL+"/c/")
	f.Add(good)
	f.Add(good[1:])
	f.Add(good + "=")
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := m.Verify(token, now)
		if token == good {
			require.NoError(t, err)
			return
		}
		require.ErrorIs(t, err, link.ErrForged)
		require.Empty(t, claims)
	})
}
