// SPDX-License-Identifier: Apache-2.0
import Testing

/// Every integration test, one after the other: each has a broker and a gateway of its own.
@Suite(.serialized, .timeLimit(.minutes(4))) enum IntegrationSuites {}
