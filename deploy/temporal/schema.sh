#!/bin/sh
# Creates Temporal's two PostgreSQL databases and brings their schema to the version of this temporal-sql-tool, which
# must be that of the server. Run again, it changes nothing; run by a newer version, it upgrades.
#
# Reads SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD.
set -eu
export SQL_PLUGIN=postgres12

# setup DATABASE SCHEMA
setup() {
	temporal-sql-tool --db "$1" create-database
	temporal-sql-tool --db "$1" setup-schema -v 0.0
	temporal-sql-tool --db "$1" update-schema --schema-name "postgresql/v12/$2"
}

setup temporal temporal
setup temporal_visibility visibility
