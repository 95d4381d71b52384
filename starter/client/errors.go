package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/workflows"
)

// ErrNotFound says that nothing has the reference given: no workflow within Temporal's retention and, for payments,
// when the client can ask Stripe, no payment there. Stripe's search sees a payment up to a minute late.
var ErrNotFound = errors.New("not found")

// RefusedError says that what was asked is not possible as things stand. Nothing was changed.
type RefusedError struct {
	// Message says why, in words.
	Message string
}

// Error is the message.
func (e *RefusedError) Error() string { return e.Message }

// InvalidError is one value that is not allowed. Several are joined; errors.As finds the first.
type InvalidError struct {
	// Field is the parameter's name in snake_case, such as payment_method.
	Field string
	// Value is what was given, shortened when long.
	Value string
	// Message names field, value and what is allowed.
	Message string
}

// Error is the message.
func (e *InvalidError) Error() string { return e.Message }

// invalid collects the mistakes in one call's parameters.
type invalid struct{ mistakes []error }

func (i *invalid) add(field, value, allowed string) {
	value = clip(value)
	i.mistakes = append(i.mistakes, &InvalidError{
		Field:   field,
		Value:   value,
		Message: fmt.Sprintf("%s: %q; %s", field, value, allowed),
	})
}

// rule takes over an error that says what is allowed, and no more.
func (i *invalid) rule(field, value string, allowed error) {
	if allowed != nil {
		i.add(field, value, allowed.Error())
	}
}

// err takes over an error whose text already names field and value.
func (i *invalid) err(field, value string, err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			i.err(field, value, e)
		}
		return
	}
	i.mistakes = append(i.mistakes, &InvalidError{Field: field, Value: clip(value), Message: err.Error()})
}

// within takes over the mistakes in a part of the parameters, each of which begins with the field's name, with or without
// the part's before it.
func (i *invalid) within(part string, err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			i.within(part, e)
		}
		return
	}
	message := err.Error()
	if rest, has := strings.CutPrefix(message, part); !has || !strings.HasPrefix(rest, ".") && !strings.HasPrefix(rest, ":") {
		message = part + "." + message
	}
	field, _, _ := strings.Cut(message, ":")
	i.mistakes = append(i.mistakes, &InvalidError{Field: field, Message: message})
}

func (i *invalid) result() error { return errors.Join(i.mistakes...) }

// refusal turns the answer of a workflow that said no into a RefusedError; nil when err is none.
func refusal(err error) *RefusedError {
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.Type() == workflows.RefusedError {
		return &RefusedError{Message: app.Message()}
	}
	return nil
}

func isNotFound(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}

// noAnswer explains the most common reason why a workflow does not answer: nobody runs it.
func (c *Client) noAnswer(workflowID string, err error) error {
	var (
		timeout      *sdk.WorkflowUpdateServiceTimeoutOrCanceledError
		precondition *serviceerror.FailedPrecondition
		deadline     *serviceerror.DeadlineExceeded
		canceled     *serviceerror.Canceled
	)
	switch {
	case errors.Is(err, context.Canceled), errors.As(err, &canceled):
		return err
	case errors.As(err, &timeout), errors.As(err, &precondition), errors.As(err, &deadline), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s does not answer; is a worker running on task queue %q? (%w)", workflowID, c.options.TaskQueue, err)
	}
	return fmt.Errorf("%s: %w", workflowID, err)
}

// clip keeps a message readable when a value is very long.
func clip(s string) string {
	const most = 140
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", cutRune(s, 40), len(s))
}
