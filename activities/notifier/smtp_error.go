package notifier

import (
	"errors"
	"fmt"
	"net/textproto"
	"strconv"

	gomail "github.com/wneessen/go-mail"

	"github.com/offsession/offsession/activities"
)

// smtpError translates what go-mail reports. What servers answer is dropped but for its code, because it repeats
// addresses.
//
// A 5xx to the message itself is final. What fails before that, a rejected password among it, is the operator's to
// mend, and the next try may find it mended.
func smtpError(err error) error {
	if send, ok := errors.AsType[*gomail.SendError](err); ok {
		code := send.ErrorCode()
		switch {
		case code >= 500 && !aboutAuthentication(code):
			return &activities.UndeliverableError{Reason: "smtp_" + strconv.Itoa(code)}
		case code > 0:
			return fmt.Errorf("smtp: %s: answered %d", send.Reason, code)
		}
		return fmt.Errorf("smtp: %s: connection lost or broken answer", send.Reason)
	}
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Errorf("smtp: connecting: answered %d", answer.Code)
	}
	if _, garbage := errors.AsType[textproto.ProtocolError](err); garbage {
		return errors.New("smtp: connecting: broken answer")
	}
	return fmt.Errorf("smtp: connecting: %w", err)
}

// aboutAuthentication: RFC 4954 section 6. They come in answer to MAIL FROM when the server wants a login first.
func aboutAuthentication(code int) bool {
	return code == 530 || code == 534 || code == 535 || code == 538
}
