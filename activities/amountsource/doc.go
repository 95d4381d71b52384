// Package amountsource asks the app what an agreement charges for a period.
//
// The request is a POST of JSON, signed as https://www.standardwebhooks.com prescribes. Its webhook-id is made of the
// payment's reference and stays the same however often it is asked, so that the app recognises a repetition; the app
// must answer it the same. The answer is read strictly: it moves money.
package amountsource
