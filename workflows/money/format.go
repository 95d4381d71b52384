package money

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// Format writes an amount in minor units for people: "$10.99", "¥1,099",
// "RSD 1.234,50" in German. The locale is a BCP 47 tag such as "en-US" or "de"; one that is empty
// or not understood means "en". The symbol always comes first.
//
// golang.org/x/text supplies symbol, grouping and digits of the locale. The number
// of decimals is Stripe's: CLDR shows RSD, COP, IDR and others without decimals,
// which would be wrong by a factor of 100 for Stripe's amounts.
//
// A currency that Stripe does not charge in has no known decimals: the amount is shown as it is, before its code.
func Format(amount int64, code, locale string) string {
	p := message.NewPrinter(tagOf(locale))
	magnitude := uint64(amount)
	sign := ""
	if amount < 0 {
		magnitude = -magnitude
		sign = "-"
	}
	c, err := ParseCurrency(code)
	if err != nil {
		return sign + p.Sprint(number.Decimal(magnitude)) + noBreakSpace + strings.ToUpper(code)
	}

	unit := uint64(1)
	for range c.Exponent {
		unit *= 10
	}
	digits := p.Sprint(number.Decimal(magnitude / unit))
	if c.Exponent > 0 {
		// "0.99" without its leading zero: the separator and digits of the locale.
		fraction := p.Sprint(number.Decimal(float64(magnitude%unit)/float64(unit), number.Scale(c.Exponent)))
		_, zero := utf8.DecodeRuneInString(fraction)
		digits += fraction[zero:]
	}
	symbol := symbolOf(p, c)
	if last, _ := utf8.DecodeLastRuneInString(symbol); !unicode.Is(unicode.Sc, last) {
		symbol += noBreakSpace
	}
	return sign + symbol + digits
}

const noBreakSpace = "\u00a0"

func tagOf(locale string) language.Tag {
	tag, err := language.Parse(locale)
	if err != nil || tag == language.Und {
		return language.English
	}
	return tag
}

// symbolOf falls back to the ISO code: x/text does not know the newest currencies.
func symbolOf(p *message.Printer, c Currency) string {
	unit, err := currency.ParseISO(c.Code)
	if err != nil {
		return strings.ToUpper(c.Code)
	}
	return p.Sprint(currency.Symbol(unit))
}
