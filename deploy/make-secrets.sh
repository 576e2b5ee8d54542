#!/bin/sh
# Writes the secrets of docker-compose.yml: .env for passwords and keys, deploy/secrets/ for
# files. What exists is kept, so a second run changes nothing. Prints no secret.
set -eu
umask 077
cd "$(dirname "$0")/.."
mkdir -p deploy/secrets

random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

file() { # file NAME COMMAND...
    name="deploy/secrets/$1"
    shift
    [ -s "$name" ] || "$@" >"$name"
    chmod 444 "$name" # compose mounts the file as it is; the container's account must read it
}

variable() { # variable NAME VALUE
    grep -qs "^$1=" .env || printf '%s=%s\n' "$1" "$2" >>.env
}

chmod 700 deploy/secrets
file pepper random 32
file audit_signing_key.pem openssl genpkey -algorithm ed25519
variable SOVGATE_POSTGRES_PASSWORD "$(random 24)"
variable SOVGATE_VALKEY_PASSWORD "$(random 24)"
variable SOV_ADMIN_PASSWORD "$(random 12)"
variable SOV_KEY_ACME "sov-$(random 24)"
echo "Secrets are in .env and deploy/secrets/. The administrator is owner@example.com."
