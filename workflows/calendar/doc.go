// Package calendar turns a schedule into dates: when a customer's standing permission is charged. It is pure: the same
// schedule, zone and anchor give the same dates on every machine that has the same time zone database, and nothing in it
// looks at the clock.
//
// Dates are local. A local time that does not exist, because clocks go forward, moves forward by as much; one that exists
// twice happens once, the first time. Where a time that moved meets another of the same schedule, one of the two happens:
// the one that exists.
//
// No date lies before the agreement's own start, and none later than a hundred years after it.
package calendar
