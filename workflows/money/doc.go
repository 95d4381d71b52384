// Package money knows the currencies that Stripe charges in: how many decimals
// their minor unit has, which amounts are allowed, and how to show an amount to people.
//
// Everywhere in the product money is an integer in Stripe's minor units. The package
// is pure: no input or output, no clock, the same answer for the same question, so that
// workflow code may call it.
package money
