package client

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/workflows"
)

const (
	// Stripe allows 50 metadata keys on an object (https://docs.stripe.com/metadata); offsession uses up to 4 of them.
	maxMetadata      = 50 - 4
	maxMetadataKey   = 40
	maxMetadataValue = 500
	// maxDescription is Stripe's limit for a PaymentIntent's description.
	maxDescription = 1000
	// maxSuffix is Stripe's, https://docs.stripe.com/get-started/account/statement-descriptors
	maxSuffix = 22
	// maxDue is as far as a Temporal timer reaches.
	maxDue         = 100
	maxMethodTypes = 20
	maxActor       = 80
	maxReason      = 200
	// metadataPrefix belongs to offsession.
	metadataPrefix = "offsession_"
)

var (
	stripeID       = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	methodID       = regexp.MustCompile(`^(pm|card|src|ba)_[A-Za-z0-9_-]{1,250}$`)
	otherPrefix    = regexp.MustCompile(`^(pm|card|src|ba|pi|seti|cs|sub|in|ch|tok|acct|prod|price)_`)
	methodTypeName = regexp.MustCompile(`^[a-z][a-z0-9_]{1,39}$`)
)

func checkReference(i *invalid, reference string) {
	i.err("reference", reference, workflows.CheckReference(reference))
}

// checkCustomer accepts what can be a customer's id: accounts of long ago have customers whose ids they chose.
func checkCustomer(i *invalid, field, id string) {
	if !stripeID.MatchString(id) || otherPrefix.MatchString(id) {
		i.add(field, id, "must be the id of a Stripe customer, cus_…")
	}
}

// checkPaymentMethod accepts all kinds of saved methods: pm_…, and card_…, src_…, ba_… from before PaymentMethods.
func checkPaymentMethod(i *invalid, id string) {
	if !methodID.MatchString(id) {
		i.add("payment_method", id, "must be the id of a Stripe payment method, pm_…")
	}
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
	if n := utf8.RuneCountInString(text); n > maxDescription || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		i.add("description", text, fmt.Sprintf("must be at most %d characters on one line", maxDescription))
	}
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
	if len(metadata) > maxMetadata {
		i.add("metadata", strconv.Itoa(len(metadata))+" keys", fmt.Sprintf("must be at most %d keys: Stripe allows 50, offsession uses 4", maxMetadata))
	}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		value := metadata[key]
		switch {
		case key == "", utf8.RuneCountInString(key) > maxMetadataKey, strings.ContainsAny(key, "[]"), !utf8.ValidString(key):
			i.add("metadata", key, fmt.Sprintf("a key must have 1 to %d characters without square brackets", maxMetadataKey))
		case strings.HasPrefix(key, metadataPrefix):
			i.add("metadata", key, "keys must not start with "+metadataPrefix)
		}
		if value == "" || utf8.RuneCountInString(value) > maxMetadataValue || !utf8.ValidString(value) {
			i.add("metadata", key+"="+value, fmt.Sprintf("a value must have 1 to %d characters", maxMetadataValue))
		}
	}
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
