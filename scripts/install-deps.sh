#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what building, running and testing the gateway needs on Debian or Ubuntu: only what is
# missing, and only after saying so. Prints nothing when all is there. Swift itself is checked, not
# installed.
set -euo pipefail

readonly build_packages=(
    libcbor-dev libedit-dev libmosquitto-dev libmsgpack-cxx-dev librdkafka-dev libsimdjson-dev libsqlite3-dev
    libssl-dev libsystemd-dev libzstd-dev pkg-config zlib1g-dev
)
readonly run_packages=(kcat mosquitto mosquitto-clients openssl procps python3-pip sqlite3 strace)
readonly swift_version_min=6.2
readonly swift_site=https://www.swift.org/install/

say() {
    printf 'install-deps: %s\n' "$*" >&2
}

is_installed() {
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

missing_packages() {
    local package
    for package in "${build_packages[@]}" "${run_packages[@]}"; do
        is_installed "$package" || printf '%s\n' "$package"
    done
}

install_packages() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        say 'this is not Debian or Ubuntu. Install by hand what these packages hold:'
        say "  to build: ${build_packages[*]}"
        say "  to run and test: ${run_packages[*]}"
        return 1
    fi

    local missing=()
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]} > 0)) || return 0

    local as_root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            say 'packages are missing, and this is neither root nor is there sudo. As root, run:'
            say "  apt-get update && apt-get install ${missing[*]}"
            return 1
        fi
        as_root=(sudo)
    fi

    local update=(${as_root[@]+"${as_root[@]}"} apt-get update)
    local install=(
        ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive
        apt-get install --yes --no-install-recommends "${missing[@]}"
    )
    say 'some Debian packages are missing; this will run:'
    say "  ${update[*]}"
    say "  ${install[*]}"
    # An unreachable third-party source fails the update; what counts is whether the install works.
    "${update[@]}" || say 'apt-get update failed; trying with the package lists that are here'
    if ! "${install[@]}"; then
        say "apt-get could not install: ${missing[*]} (its message is above)"
        return 1
    fi
    if [[ " ${missing[*]} " == *' mosquitto '* && -d /run/systemd/system ]]; then
        say "Debian has started its own mosquitto on port 1883; the gateway's tests and demo do not"
        say 'use it. To stop it: systemctl disable --now mosquitto'
    fi
}

check_swift() {
    if ! command -v swift >/dev/null; then
        say "swift is not on the PATH: install Swift $swift_version_min or later from $swift_site"
        return 1
    fi
    local version oldest
    # It says "Swift version 6.3.1 (swift-6.3.1-RELEASE)" or "Apple Swift version 6.2 ...".
    version=$(swift --version 2>/dev/null |
        sed -nE 's/.*Swift version ([0-9]+(\.[0-9]+)+).*/\1/p' | head -n 1)
    if [[ -z $version ]]; then
        say "$(command -v swift) did not tell its version; $swift_version_min or later is needed"
        return 1
    fi
    oldest=$(printf '%s\n' "$swift_version_min" "$version" | sort --version-sort | head -n 1)
    if [[ $oldest != "$swift_version_min" ]]; then
        say "Swift $version is too old: $swift_version_min or later is needed ($swift_site)"
        return 1
    fi
}

# Both are reported, so that one run tells everything.
status=0
install_packages || status=1
check_swift || status=1
exit "$status"
