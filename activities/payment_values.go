package activities

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of what callers may give a payment.
const (
	// MaxMetadata: Stripe allows 50 metadata keys on an object (https://docs.stripe.com/metadata), of which offsession uses up to 4.
	MaxMetadata      = 50 - 4
	maxMetadataKey   = 40
	maxMetadataValue = 500
	// MaxDescription is Stripe's limit for a PaymentIntent's description.
	MaxDescription = 1000
	// metadataPrefix belongs to offsession.
	metadataPrefix = "offsession_"
	// CustomerPattern and PaymentMethodPattern are the forms of ids; an id of another kind of object is no customer's either.
	CustomerPattern      = `^[A-Za-z0-9_-]{1,255}$`
	PaymentMethodPattern = `^(pm|card|src|ba)_[A-Za-z0-9_-]{1,250}$`
)

// CheckReference accepts the references that callers may choose. Like those of all checks here, its error is the rule alone,
// without field and value.
func CheckReference(reference string) error {
	if madeOf(reference, "._-", 1, 120) {
		return nil
	}
	return errReference
}

// CheckCustomer accepts what can be a customer's id: accounts of long ago have customers whose ids they chose.
func CheckCustomer(id string) error {
	if madeOf(id, "_-", 1, 255) && !ofAnotherKind(id) {
		return nil
	}
	return errCustomer
}

// CheckPaymentMethod accepts all kinds of saved methods: pm_…, and card_…, src_…, ba_… from before PaymentMethods.
func CheckPaymentMethod(id string) error {
	switch kind, rest, _ := strings.Cut(id, "_"); kind {
	case "pm", "card", "src", "ba":
		if madeOf(rest, "_-", 1, 250) {
			return nil
		}
	}
	return errPaymentMethod
}

var (
	errReference     = errors.New("use 1 to 120 characters of A-Z a-z 0-9 . _ -")
	errCustomer      = errors.New("must be the id of a Stripe customer, cus_…")
	errPaymentMethod = errors.New("must be the id of a Stripe payment method, pm_…")
)

// ofAnotherKind says that an id begins like those of objects that are no customers.
func ofAnotherKind(id string) bool {
	kind, _, found := strings.Cut(id, "_")
	if !found {
		return false
	}
	switch kind {
	case "pm", "card", "src", "ba", "pi", "seti", "cs", "sub", "in", "ch", "tok", "acct", "prod", "price":
		return true
	}
	return false
}

// madeOf says whether s has least to most letters of a-z, digits and others, and no more than that. A million rows are checked by
// it: regular expressions would take longer than all else.
func madeOf(s, others string, least, most int) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if letter := c | 0x20; (letter < 'a' || letter > 'z') && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}

// CheckDescription accepts a description, or none.
func CheckDescription(text string) error {
	if utf8.RuneCountInString(text) <= MaxDescription && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl) {
		return nil
	}
	return fmt.Errorf("must be at most %d characters on one line", MaxDescription)
}

// CheckMetadata tells, in the order of the keys, what is wrong with the caller's own metadata, or nothing.
func CheckMetadata(metadata map[string]string, wrong func(value string, rule error)) {
	if len(metadata) > MaxMetadata {
		wrong(strconv.Itoa(len(metadata))+" keys", fmt.Errorf("must be at most %d keys: Stripe allows 50, offsession uses 4", MaxMetadata))
	}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		value := metadata[key]
		switch {
		case key == "", utf8.RuneCountInString(key) > maxMetadataKey, strings.ContainsAny(key, "[]"), !utf8.ValidString(key):
			wrong(key, fmt.Errorf("a key must have 1 to %d characters without square brackets", maxMetadataKey))
		case strings.HasPrefix(key, metadataPrefix):
			wrong(key, errors.New("keys must not start with "+metadataPrefix))
		}
		if value == "" || utf8.RuneCountInString(value) > maxMetadataValue || !utf8.ValidString(value) {
			wrong(key+"="+value, fmt.Errorf("a value must have 1 to %d characters", maxMetadataValue))
		}
	}
}
