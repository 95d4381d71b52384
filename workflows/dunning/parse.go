package dunning

import (
	"fmt"

	"github.com/offsession/offsession/workflows/definition"
)

// ParsePolicy reads a policy file, YAML or JSON. A key that is missing takes its value
// from DefaultPolicy. A key that does not exist is an error that names it and its line; so is a
// second document. The result has passed Validate.
func ParsePolicy(data []byte) (Policy, error) {
	p := DefaultPolicy()
	if err := definition.Read(data, &p); err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	if err := p.Validate(); err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	return p, nil
}

// UnmarshalYAML reads a policy that may be a part of a larger file. A key that is missing takes its value from
// DefaultPolicy. The result is not validated.
func (p *Policy) UnmarshalYAML(unmarshal func(any) error) error {
	type policy Policy // without this method
	read := policy(DefaultPolicy())
	read.Reminders = nil
	if err := unmarshal(&read); err != nil {
		return err
	}
	if read.Reminders == nil {
		read.Reminders = defaultReminders(read.CustomerWindow)
	}
	*p = Policy(read)
	return nil
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
