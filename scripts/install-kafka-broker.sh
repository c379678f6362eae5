#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs a small Kafka-wire broker from the Python package index, for the demo, the tests and the
# proof: into .build, only if it is not there. With --client also a newer client library than
# Debian's, which the tests read with.
set -euo pipefail

readonly broker=noida-db==0.2.3
readonly client=confluent-kafka==2.16.1
readonly folder=$(dirname "${BASH_SOURCE[0]}")/../.build/kafka

say() {
    printf 'install-kafka-broker: %s\n' "$*" >&2
}

install() {
    local package=$1 module=$2
    [[ ! -d $folder/$module ]] || return 0
    say "installing $package into .build/kafka"
    if ! python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --target "$folder" "$package"; then
        say "pip could not install $package (its message is above)"
        return 1
    fi
}

if ! python3 -m pip --version >/dev/null 2>&1; then
    say 'python3 with pip is needed: apt-get install python3-pip'
    exit 1
fi
install "$broker" noida_db
chmod +x "$folder/noida_db/noida-db"
[[ ${1:-} != --client ]] || install "$client" confluent_kafka
