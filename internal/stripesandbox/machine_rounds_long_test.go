//go:build long

package stripesandbox_test

const machineRounds, billingRounds = 200, 100
