// SPDX-License-Identifier: Apache-2.0
import Testing

/// Every fault test, one after the other: each wants the machine for itself (scripts/test.sh sees to that).
@Suite(.serialized, .timeLimit(.minutes(4))) enum FaultSuites {}
