// Package config reads the environment variables of all offsession processes. Temporal's own variables (TEMPORAL_*)
// are read by go.temporal.io/sdk/contrib/envconfig, the same way as the temporal CLI reads them.
package config
