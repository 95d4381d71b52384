package client

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/definition"
	"github.com/offsession/offsession/workflows/dunning"
	"github.com/offsession/offsession/workflows/money"
)

// AgreementParams describes a customer's standing permission. Reference, Customer, Currency, Schedule, one of PaymentMethod
// and SaveCard and one of Amount and AmountFrom are required. The yaml names are those of a definition file, whose schema
// is agreement.schema.json.
type AgreementParams struct {
	// Reference is the caller's own id of the agreement: 1 to 100 of A-Z a-z 0-9 . _ -. It is spent for ever.
	Reference string `yaml:"-"`
	// Customer is the Stripe customer, cus_….
	Customer string `yaml:"customer"`
	// PaymentMethod is the saved method, pm_…, attached to the customer.
	PaymentMethod string `yaml:"payment_method"`
	// SaveCard asks the customer for a payment method first.
	SaveCard bool `yaml:"save_card"`
	// Amount is what each date charges, in minor units of Currency: 1099 is 10.99 USD.
	Amount int64 `yaml:"amount"`
	// AmountFrom is webhook when the app is asked, at charge time, what to charge.
	AmountFrom workflows.AmountFrom `yaml:"amount_from"`
	// Currency is a three-letter code in either case. It never changes.
	Currency string `yaml:"currency"`
	// MaxAmountPerCharge and MaxAmountPerMonth are ceilings agreed with the customer, in minor units; 0 is none. What
	// would be above is not charged: the agreement needs attention. A month is a calendar month in TimeZone.
	MaxAmountPerCharge int64 `yaml:"max_amount_per_charge"`
	MaxAmountPerMonth  int64 `yaml:"max_amount_per_month"`
	// TimeZone is the customer's IANA zone. Defaults to metadata time_zone of the Stripe customer, then Options.TimeZone.
	TimeZone string `yaml:"time_zone"`
	// Schedule says on which local dates a charge is due.
	Schedule calendar.Schedule `yaml:"schedule"`
	// FirstCharge defaults to scheduled.
	FirstCharge workflows.FirstCharge `yaml:"first_charge"`
	// CatchUp says what becomes of dates that nobody served because workers or Temporal were down. Defaults to latest.
	CatchUp workflows.CatchUp `yaml:"catch_up"`
	// WhileInDunning says what a date does while an earlier payment is still being collected. Defaults to continue.
	WhileInDunning workflows.WhileInDunning `yaml:"while_in_dunning"`
	// NoticeDays is how many days before each charge the customer is told of it: 0 (not at all) to 60.
	NoticeDays int `yaml:"notice_days"`
	// Description stands on the payments in Stripe and in messages to the customer. At most 1000 characters, without
	// personal data: Temporal's history keeps it.
	Description string `yaml:"description"`
	// StatementSuffix is what the customer's statement shows after the account's prefix. At most 22 characters.
	StatementSuffix string `yaml:"statement_suffix"`
	// Metadata goes on the PaymentIntents: at most 46 keys, none of them starting with offsession_, and no personal data:
	// Temporal's history keeps it.
	Metadata map[string]string `yaml:"metadata"`
	// PaymentMethodTypes are Stripe's names of what the customer may save. Defaults to card.
	PaymentMethodTypes []string `yaml:"payment_method_types"`
	// CheckoutUI is how the customer saves a method, and pays after a failure. Defaults to Options.CheckoutUI.
	CheckoutUI activities.CheckoutUI `yaml:"checkout_ui"`
	// Events says what the app's webhook is told. Defaults to exceptions.
	Events workflows.Events `yaml:"events"`
	// Policy says how a failed payment is tried again, and, by its final action, what becomes of the agreement when it
	// stays unpaid. Defaults to dunning.DefaultPolicy.
	Policy *dunning.Policy `yaml:"policy"`
}

// maxNoticeDays is two months, so that a notice does not come before the date before.
const maxNoticeDays = 60

// ParseAgreement reads a definition file, YAML or JSON: everything but the reference. A key that does not exist, a second
// document and a fraction for a whole number are errors that name the line; an inline policy takes what it does not name
// from dunning.DefaultPolicy. What the values may be is checked by StartAgreement and Preview.
func ParseAgreement(data []byte) (AgreementParams, error) {
	var p AgreementParams
	if err := definition.Read(data, &p); err != nil {
		return AgreementParams{}, fmt.Errorf("agreement: %w", err)
	}
	return p, nil
}

// ParseSchedule reads a file that holds a schedule alone, as strictly.
func ParseSchedule(data []byte) (calendar.Schedule, error) {
	var s calendar.Schedule
	if err := definition.Read(data, &s); err != nil {
		return calendar.Schedule{}, fmt.Errorf("schedule: %w", err)
	}
	return s, nil
}

// input normalises the definition, and fills in all defaults but the time zone.
func (p AgreementParams) input() workflows.BillingAgreementInput {
	in := workflows.BillingAgreementInput{
		Reference:          p.Reference,
		Customer:           p.Customer,
		PaymentMethod:      p.PaymentMethod,
		SaveCard:           p.SaveCard,
		Amount:             p.Amount,
		AmountFrom:         p.AmountFrom,
		Currency:           p.Currency,
		MaxAmountPerCharge: p.MaxAmountPerCharge,
		MaxAmountPerMonth:  p.MaxAmountPerMonth,
		TimeZone:           p.TimeZone,
		Schedule:           p.Schedule.Canonical(),
		FirstCharge:        cmp.Or(p.FirstCharge, workflows.FirstChargeScheduled),
		CatchUp:            cmp.Or(p.CatchUp, workflows.CatchUpLatest),
		WhileInDunning:     cmp.Or(p.WhileInDunning, workflows.DunningContinue),
		NoticeDays:         p.NoticeDays,
		Description:        p.Description,
		StatementSuffix:    p.StatementSuffix,
		Metadata:           maps.Clone(p.Metadata),
		PaymentMethodTypes: slices.Clone(p.PaymentMethodTypes),
		CheckoutUI:         cmp.Or(p.CheckoutUI, activities.CheckoutUICustom),
		Events:             cmp.Or(p.Events, workflows.EventsExceptions),
		Policy:             dunning.DefaultPolicy(),
	}
	in.Schedule.Dates = slices.Clone(in.Schedule.Dates)
	if len(in.PaymentMethodTypes) == 0 {
		in.PaymentMethodTypes = []string{defaultMethodType}
	}
	if p.Policy != nil {
		in.Policy = *p.Policy
	}
	if currency, err := money.NormalizeCurrency(in.Currency); err == nil {
		in.Currency = currency
	}
	return in
}

// checkAgreement checks what can be without asking anybody; not the reference, nor the schedule.
func checkAgreement(i *invalid, in workflows.BillingAgreementInput) {
	checkCustomer(i, "customer", in.Customer)
	switch {
	case in.SaveCard && in.PaymentMethod != "":
		i.add("payment_method", in.PaymentMethod, "must be exactly one of payment_method and save_card: true")
	case !in.SaveCard && in.PaymentMethod == "":
		i.add("payment_method", "", "must be given, or save_card: true to ask the customer for one")
	case in.PaymentMethod != "":
		checkPaymentMethod(i, in.PaymentMethod)
	}
	checkAmounts(i, in)
	if in.TimeZone != "" {
		checkTimeZone(i, in.TimeZone)
	}
	oneOf(i, "first_charge", in.FirstCharge, workflows.FirstChargeScheduled, workflows.FirstChargeNow)
	oneOf(i, "catch_up", in.CatchUp, workflows.CatchUpAll, workflows.CatchUpLatest, workflows.CatchUpNone)
	oneOf(i, "while_in_dunning", in.WhileInDunning, workflows.DunningContinue, workflows.DunningHold)
	if in.NoticeDays < 0 || in.NoticeDays > maxNoticeDays {
		i.add("notice_days", strconv.Itoa(in.NoticeDays), fmt.Sprintf("must be 0 to %d", maxNoticeDays))
	}
	checkDescription(i, in.Description)
	checkStatementSuffix(i, in.StatementSuffix)
	checkMetadata(i, in.Metadata)
	checkMethodTypes(i, in.PaymentMethodTypes)
	checkCheckoutUI(i, in.CheckoutUI)
	checkEvents(i, in.Events)
	i.within("policy", in.Policy.Validate())
}

// checkAmounts checks what is charged against what Stripe takes, and against the ceilings.
func checkAmounts(i *invalid, in workflows.BillingAgreementInput) {
	amount := strconv.FormatInt(in.Amount, 10)
	_, err := money.NormalizeCurrency(in.Currency)
	i.err("currency", in.Currency, err)
	switch {
	case in.AmountFrom != "" && in.AmountFrom != workflows.AmountFromWebhook:
		i.add("amount_from", string(in.AmountFrom), "must be "+string(workflows.AmountFromWebhook))
	case in.AmountFrom != "" && in.Amount != 0:
		i.add("amount", amount, "must be exactly one of amount and amount_from")
	case in.AmountFrom == "" && in.Amount == 0:
		i.add("amount", amount, "must be given, positive and in minor units, or amount_from: webhook to be asked for it")
	case in.AmountFrom == "":
		checkMoney(i, "amount", in.Amount, in.Currency)
	}
	for _, ceiling := range []struct {
		field string
		most  int64
	}{{"max_amount_per_charge", in.MaxAmountPerCharge}, {"max_amount_per_month", in.MaxAmountPerMonth}} {
		if ceiling.most == 0 {
			continue
		}
		if ok := checkMoney(i, ceiling.field, ceiling.most, in.Currency); ok && in.Amount > ceiling.most {
			i.add("amount", amount, fmt.Sprintf("must be at most %s, %d", ceiling.field, ceiling.most))
		}
	}
}

// checkMoney is money.Check for any field; a currency that is none is somebody else's mistake.
func checkMoney(i *invalid, field string, amount int64, currency string) bool {
	if _, err := money.NormalizeCurrency(currency); err != nil {
		if amount < 0 {
			i.add(field, strconv.FormatInt(amount, 10), "must be positive, in minor units")
		}
		return false
	}
	err := money.Check(amount, currency)
	if err != nil {
		i.err(field, strconv.FormatInt(amount, 10), fmt.Errorf("%s: %s", field, strings.TrimPrefix(err.Error(), "amount: ")))
	}
	return err == nil
}

func oneOf[T ~string](i *invalid, field string, value T, allowed ...T) {
	if slices.Contains(allowed, value) {
		return
	}
	names := make([]string, len(allowed))
	for n, name := range allowed {
		names[n] = string(name)
	}
	i.add(field, string(value), "must be one of "+strings.Join(names, ", "))
}

// calendarOf is the schedule of an agreement that begins at the time given; nil when the mistakes say why there is none.
func calendarOf(i *invalid, s calendar.Schedule, zone string, began time.Time) *calendar.Calendar {
	location, err := time.LoadLocation(cmp.Or(zone, config.DefaultTimeZone))
	if err != nil {
		location = time.UTC // another check names the zone, this one the schedule
	}
	dates, err := calendar.New(s, location, began)
	i.within("schedule", err)
	return dates
}

// agreementDefaults are the values that the memo does not repeat. They must never change. There is none for the policy,
// whose default may.
func agreementDefaults() workflows.BillingAgreementInput {
	return workflows.BillingAgreementInput{
		TimeZone:           "UTC",
		FirstCharge:        workflows.FirstChargeScheduled,
		CatchUp:            workflows.CatchUpLatest,
		WhileInDunning:     workflows.DunningContinue,
		PaymentMethodTypes: []string{"card"},
		CheckoutUI:         activities.CheckoutUICustom,
		Events:             workflows.EventsExceptions,
	}
}
