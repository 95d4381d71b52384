package client

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/workflows"
)

const (
	// maxSuffix is Stripe's, https://docs.stripe.com/get-started/account/statement-descriptors
	maxSuffix = 22
	// maxDue is as far as a Temporal timer reaches.
	maxDue         = 100
	maxMethodTypes = 20
	maxActor       = 80
	maxReason      = 200
)

var methodTypeName = regexp.MustCompile(`^[a-z][a-z0-9_]{1,39}$`)

func checkReference(i *invalid, reference string) {
	i.err("reference", reference, workflows.CheckReference(reference))
}

func checkCustomer(i *invalid, field, id string) { i.rule(field, id, activities.CheckCustomer(id)) }

func checkPaymentMethod(i *invalid, id string) {
	i.rule("payment_method", id, activities.CheckPaymentMethod(id))
}

func checkMethodTypes(i *invalid, names []string) {
	if len(names) > maxMethodTypes {
		i.add("payment_method_types", strconv.Itoa(len(names))+" types", fmt.Sprintf("must be at most %d", maxMethodTypes))
	}
	for _, name := range names {
		if !methodTypeName.MatchString(name) {
			i.add("payment_method_types", name, "must be Stripe's name of a payment method type, such as card or sepa_debit")
		}
	}
}

func checkTimeZone(i *invalid, zone string) {
	if err := config.CheckTimeZone(zone); err != nil {
		i.err("time_zone", zone, fmt.Errorf("time_zone: %w", err))
	}
}

func checkCheckoutUI(i *invalid, ui activities.CheckoutUI) {
	switch ui {
	case activities.CheckoutUICustom, activities.CheckoutUIHosted:
	default:
		i.add("checkout_ui", string(ui), fmt.Sprintf("must be %s or %s", activities.CheckoutUICustom, activities.CheckoutUIHosted))
	}
}

func checkEvents(i *invalid, events workflows.Events) {
	switch events {
	case workflows.EventsAll, workflows.EventsExceptions:
	default:
		i.add("events", string(events), fmt.Sprintf("must be %s or %s", workflows.EventsAll, workflows.EventsExceptions))
	}
}

func checkDue(i *invalid, due, now time.Time) {
	if due.After(now.AddDate(maxDue, 0, 0)) {
		i.add("due", due.Format(time.RFC3339), fmt.Sprintf("must be within %d years", maxDue))
	}
}

func checkDescription(i *invalid, text string) {
	i.rule("description", text, activities.CheckDescription(text))
}

// checkStatementSuffix keeps to https://docs.stripe.com/get-started/account/statement-descriptors#requirements
func checkStatementSuffix(i *invalid, suffix string) {
	if suffix == "" {
		return
	}
	bad := func(c rune) bool { return c < ' ' || c > '~' || strings.ContainsRune(`<>\'"*`, c) }
	letter := func(c rune) bool { return (c|0x20) >= 'a' && (c|0x20) <= 'z' }
	if len(suffix) > maxSuffix || strings.ContainsFunc(suffix, bad) || !strings.ContainsFunc(suffix, letter) {
		i.add("statement_suffix", suffix, fmt.Sprintf(`must be 1 to %d Latin characters with at least one letter and none of < > \ ' " *`, maxSuffix))
	}
}

func checkMetadata(i *invalid, metadata map[string]string) {
	activities.CheckMetadata(metadata, func(value string, rule error) { i.rule("metadata", value, rule) })
}

func checkOperation(i *invalid, op workflows.Operation) { checkWho(i, op.Actor, op.Reason) }

func checkWho(i *invalid, actor, reason string) {
	for _, f := range []struct {
		field, value string
		most         int
	}{{"actor", actor, maxActor}, {"reason", reason, maxReason}} {
		if n := utf8.RuneCountInString(f.value); strings.TrimSpace(f.value) == "" || n > f.most || !utf8.ValidString(f.value) {
			i.add(f.field, f.value, fmt.Sprintf("must have 1 to %d characters, without personal data", f.most))
		}
	}
}

// cutRune is the first most bytes of s, without half a character at the end.
func cutRune(s string, most int) string {
	return strings.ToValidUTF8(s[:min(most, len(s))], "")
}
