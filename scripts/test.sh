#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything that must hold before a change lands: no warning in debug or release, the house
# format, a moment of fuzzing, the shipped configuration, and every test against real servers on
# loopback.
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
step 'fuzzing, for a moment'
status=0
scripts/fuzz.sh 20 || status=$?
# 77: no fuzzer on this machine, which fuzz.sh has said.
[[ $status == 0 || $status == 77 ]] || exit "$status"
# One after the other: two of them start servers and programs, wait for them, and kill some, which
# a loaded machine would make a matter of luck.
for folder in Tests/*Tests; do
  tests=${folder##*/}
  step "tests, $tests"
  swift test --skip-build --filter "^$tests\\."
done
