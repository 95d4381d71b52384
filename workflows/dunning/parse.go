package dunning

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
)

// maxPolicySize is far above any policy and far below what could hurt.
const maxPolicySize = 64 << 10

// ParsePolicy reads a policy file, YAML or JSON. A key that is missing takes its value
// from DefaultPolicy. A key that does not exist is an error that names it and its line; so is a
// second document. The result has passed Validate.
func ParsePolicy(data []byte) (Policy, error) {
	if len(data) > maxPolicySize {
		return Policy{}, fmt.Errorf("policy: %d bytes; at most %d", len(data), maxPolicySize)
	}
	p := DefaultPolicy()
	p.Reminders = nil
	decoder := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	switch err := decoder.Decode(&p); {
	case errors.Is(err, io.EOF): // an empty file asks for nothing else than the default
		return DefaultPolicy(), nil
	case err != nil:
		return Policy{}, fmt.Errorf("policy: %w", withLine(err))
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Policy{}, errors.New("policy: more than one YAML document; exactly one is allowed")
	}
	if err := checkWholeNumbers(data); err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	if p.Reminders == nil {
		p.Reminders = defaultReminders(p.CustomerWindow)
	}
	if err := p.Validate(); err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	return p, nil
}

// defaultReminders are those of DefaultPolicy that come before the window closes.
func defaultReminders(window Duration) []Duration {
	reminders := []Duration{}
	for _, r := range DefaultPolicy().Reminders {
		if r.nominal() < window.nominal() {
			reminders = append(reminders, r)
		}
	}
	return reminders
}

// checkWholeNumbers refuses 3.7, which the YAML library would read as 3.
func checkWholeNumbers(data []byte) error {
	var raw struct {
		Soft, Issuer struct{ Paydays []any }
		MaxAttempts  any `yaml:"max_attempts"`
	}
	if err := yaml.Unmarshal(data, &raw); err != nil {
		return withLine(err)
	}
	var mistakes []error
	check := func(field string, value any) {
		if f, ok := value.(float64); ok {
			mistakes = append(mistakes, fmt.Errorf("%s: %v; must be a whole number", field, f))
		}
	}
	check("max_attempts", raw.MaxAttempts)
	for i, day := range raw.Soft.Paydays {
		check(fmt.Sprintf("soft.paydays[%d]", i), day)
	}
	for i, day := range raw.Issuer.Paydays {
		check(fmt.Sprintf("issuer.paydays[%d]", i), day)
	}
	return errors.Join(mistakes...)
}

// withLine turns the YAML library's error into one line that says where.
func withLine(err error) error {
	var at yaml.Error
	if errors.As(err, &at) && at.GetToken() != nil && at.GetToken().Position != nil {
		message, _, _ := strings.Cut(at.GetMessage(), "\n")
		return fmt.Errorf("line %d: %s", at.GetToken().Position.Line, message)
	}
	return err
}
