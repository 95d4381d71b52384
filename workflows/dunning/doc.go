// Package dunning decides what happens after an attempt to take a payment did not
// succeed: try again at a certain time, ask the customer, or look for a payment that was already taken.
//
// A decision is a pure function of the policy, the attempts so far, the failure and
// the clock that the caller passes in. Workflow code may call it: there is no input or output, and the
// same question always gets the same answer.
//
// What a failure means comes from two embedded tables, one of decline codes and one of advice
// codes, with the page of Stripe's documentation that each row was derived from. The
// more specific word wins: Stripe's advice_code, then the card network's advice code,
// then the class of the decline code, then a default by outcome.
package dunning
