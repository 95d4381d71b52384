// Package bench measures offsession against the sandbox on the Temporal development server, beside the bare HTTP call.
// It is a module of its own, so that what it compares with does not become a dependency of the product.
//
//	make bench
//
// Ratios of one run can be compared between machines; absolute numbers say something of the machine they were measured
// on.
package bench
