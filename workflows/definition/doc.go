// Package definition reads the files in which people define what offsession does, YAML or JSON, strictly: what the reader
// does not know is an error, and every error says in which line it is.
package definition
