#!/bin/sh
# One database for each that needs one; runs when the volume is new.
set -eu
for name in mlflow mlflow_accounts prefect shoploop; do
    psql --username "$POSTGRES_USER" --dbname postgres --command "create database $name"
done
