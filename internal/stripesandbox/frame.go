package stripesandbox

import (
	"mime"
	"net/http"
	"strings"
	"time"
)

// unrecognized is the answer to a path, or a method, that the API does not have.
func (q *apiRequest) unrecognized() *apiError {
	message := "Unrecognized request URL (" + q.method + ": " + q.path + "). "
	if strings.HasSuffix(q.path, "/") {
		message += "If you are trying to list objects, remove the trailing slash. If you are trying to retrieve an object, " +
			"make sure you passed a valid (non-empty) identifier in your code. "
	}
	err := invalidRequest(message + "Please see https://stripe.com/docs or we can help at https://support.stripe.com/.")
	err.Status = http.StatusNotFound
	return err
}

// checkHeaders refuses versions that the sandbox does not speak and bodies that are no
// forms.
func checkHeaders(r *http.Request, body []byte) *apiError {
	if versions := r.Header.Values("Stripe-Version"); !speaks(versions) {
		return invalidRequest("Invalid Stripe API version: " + strings.Join(versions, ", ") + ". This sandbox speaks " + APIVersion + ".")
	}
	sent := r.Header.Get("Content-Type")
	if len(body) == 0 || sent == "" {
		return nil
	}
	if media, _, err := mime.ParseMediaType(sent); err != nil || media != "application/x-www-form-urlencoded" {
		return invalidRequest("Invalid request: unsupported Content-Type " + sent + ". If error persists and you need assistance, please contact support@stripe.com.")
	}
	return nil
}

// speaks reports whether the versions asked for are none or one of the release train of
// APIVersion: within a train nothing changes that a client could break on.
// https://docs.stripe.com/api/versioning
func speaks(versions []string) bool {
	if len(versions) == 0 {
		return true
	}
	_, err := time.Parse("2006-01-02.basil", versions[0])
	return err == nil && len(versions) == 1
}

// spokenVersion is what the answer says of the version.
func spokenVersion(r *http.Request) string {
	if versions := r.Header.Values("Stripe-Version"); len(versions) == 1 && speaks(versions) {
		return versions[0]
	}
	return APIVersion
}
