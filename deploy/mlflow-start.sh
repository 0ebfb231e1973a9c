#!/bin/sh
# The accounts' file is written at every start from the environment, so that no secret lies in an image or in git.
set -eu
umask 077
printf '[mlflow]\ndefault_permission = READ\ndatabase_uri = %s\nadmin_username = %s\nadmin_password = %s\n' \
    "${MLFLOW_ACCOUNTS_URI:?}" "${MLFLOW_TRACKING_USERNAME:?}" "${MLFLOW_TRACKING_PASSWORD:?}" > /tmp/accounts.ini
export MLFLOW_AUTH_CONFIG_PATH=/tmp/accounts.ini
exec mlflow server --app-name basic-auth --host 0.0.0.0 --port 5000 \
    --backend-store-uri "${MLFLOW_STORE_URI:?}" --artifacts-destination /artifacts --serve-artifacts
