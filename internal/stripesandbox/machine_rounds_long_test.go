//go:build long

package stripesandbox_test

const machineRounds = 200
