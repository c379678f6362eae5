#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything that must hold before a change lands: no warning in debug or release, the house
# format, the shipped configuration, and every test against real servers on loopback.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n== %s\n' "$*"; }

# Warnings of our own targets are errors (Package.swift), so building is checking.
step 'build, debug'
swift build --build-tests
step 'build, release'
swift build -c release --product gateway
step 'format'
swift format lint --strict --recursive Sources Tests Package.swift
# One after the other: two of them start servers and programs, wait for them, and kill some, which
# a loaded machine would make a matter of luck.
for folder in Tests/*Tests; do
  tests=${folder##*/}
  step "tests, $tests"
  swift test --skip-build --filter "^$tests\\."
done
