#!/usr/bin/env bash
# What a shell script does: a user, and the two calls that change a password.
set -euo pipefail

# call STEP CREDENTIALS METHOD PATH [BODY]: credentials are a line of a curl configuration, so that they are no argument.
call() {
    local step=$1 credentials=$2 method=$3 path=$4 answer
    answer=$(curl --silent --show-error --config - --request "$method" --header 'Content-Type: application/json' \
        ${5+--data "$5"} --write-out ' %{http_code}' "$API_URL$path" <<<"$credentials")
    printf '%s %s %s\n' "$step" "${answer##* }" "${answer% *}" >>"$RESULTS"
}

key="header = \"Authorization: ApiKey $API_KEY\""
user() { printf 'user = "user1:%s"' "$1"; }

curl --version | sed -n '1s/^\(curl [0-9.]*\).*/\1/p' >>"$RESULTS"
call create "$key" POST /_security/user/user1 '{"password": "first-test-password", "roles": []}'
call password "$key" POST '/_security/user/user1/_password' '{"password": "new-test-password"}'
call password "$(user new-test-password)" POST /_security/user/_password '{"password": "own-test-password"}'
call read "$(user own-test-password)" GET /_security/_authenticate
call read "$(user new-test-password)" GET /_security/_authenticate
call delete "$key" DELETE /_security/user/user1
