package stripegateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/stripe/stripe-go/v82"
)

// cause names, for the log, why no readable answer came. It never repeats the error's text: that may quote the body.
func cause(err error) string {
	var (
		se          *stripe.Error
		dns         *net.DNSError
		errno       syscall.Errno
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		timeout     net.Error
	)
	switch {
	case errors.As(err, &se):
		return "answered"
	case errors.Is(err, errIncomplete):
		return errIncomplete.Error()
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.As(err, &dns):
		return "host name not found"
	case errors.As(err, &certificate), errors.As(err, &authority):
		return "certificate refused"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed"
	default:
		return "unreadable answer"
	}
}
