#!/bin/bash
# Let InfluxQL queries find the bucket under its own name as a database. Runs once, after the setup.
set -euo pipefail
influx v1 dbrp create --default \
    --db "$DOCKER_INFLUXDB_INIT_BUCKET" --rp autogen \
    --bucket-id "$DOCKER_INFLUXDB_INIT_BUCKET_ID" \
    --org "$DOCKER_INFLUXDB_INIT_ORG" \
    --token "$(cat "$DOCKER_INFLUXDB_INIT_ADMIN_TOKEN_FILE")"
