// Package notifier delivers notifications: to the log, to the customer by e-mail, and to the app by a signed webhook.
// Each channel is an activities.Notifier; any number of them may be in use at once.
//
// Addresses, names and links exist here only while a message is being sent. No error and no log line holds one, so
// that errors may go into Temporal's history.
package notifier
