// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import Gateway

/// A monotonic clock that stands still until a test moves it.
private final class ManualTime: Sendable {
    private let nanoseconds = Atomic<UInt64>(5_000_000_000)

    /// What `Health` reads.
    var now: UInt64 { nanoseconds.load(ordering: .relaxed) }

    /// Moves the clock on.
    func advance(seconds: Double) {
        nanoseconds.wrappingAdd(UInt64(seconds * 1_000_000_000), ordering: .relaxed)
    }
}

@Suite struct HealthTests {
    private let time = ManualTime()

    private func health(sources: [String] = ["vehicles"], sinks: [String] = ["depot"]) -> Health {
        Health(sources: sources, sinks: sinks, now: { [time] in time.now })
    }

    private func healthyHealth() -> Health {
        let health = health()
        health.sourceIsUp("vehicles")
        health.sinkIsUp("depot")
        health.logIsWritable()
        return health
    }

    @Test func gatewayThatHasJustStartedIsAliveButNotReady() {
        let report = health().report()
        #expect(report.isAlive)
        #expect(!report.isReady)
        #expect(report.state == .unready)
    }

    @Test func everythingUpIsOK() {
        let report = healthyHealth().report()
        #expect(report.isReady)
        #expect(report.state == .ok)
        #expect(
            report.json() == """
                {"status":"ok","intake":{"status":"up","seconds_since_progress":0.0},\
                "log":{"status":"up"},"sources":{"vehicles":{"status":"up"}},\
                "sinks":{"depot":{"status":"up"}}}

                """
        )
    }

    @Test func everySourceMustBeUpForReadiness() {
        let health = health(sources: ["north", "south"], sinks: [])
        health.logIsWritable()
        health.sourceIsUp("north")
        #expect(!health.report().isReady)
        health.sourceIsUp("south")
        #expect(health.report().isReady)
        health.sourceIsDown("north", because: "connection refused")
        #expect(!health.report().isReady)
        #expect(health.report().sources["north"] == .down(reason: "connection refused"))
    }

    @Test func logThatCannotBeWrittenIsUnready() {
        let health = healthyHealth()
        health.logIsNotWritable(because: "disk full")
        #expect(!health.report().isReady)
        #expect(health.report().state == .unready)
        health.logIsWritable()
        #expect(health.report().state == .ok)
    }

    @Test func absentSinkDegradesButStaysReady() {
        let health = healthyHealth()
        health.sinkIsDown("depot", because: "no route to host")
        let report = health.report()
        #expect(report.isReady)
        #expect(report.state == .degraded)
        #expect(report.json().contains(#""depot":{"status":"down","reason":"no route to host"}"#))
    }

    @Test func silentTableDegradesButStaysReady() {
        let health = Health(sources: [], sinks: [], tables: ["car"], now: { [time] in time.now })
        health.logIsWritable()
        #expect(health.report().isReady)
        #expect(health.report().state == .degraded)
        health.tableIsUp("car")
        #expect(health.report().state == .ok)
        #expect(health.report().json().contains(#""sinks":{},"tables":{"car":{"status":"up"}}}"#))
        health.tableIsDown("car", because: "topic 'cars' does not exist")
        #expect(health.report().isReady)
        #expect(health.report().state == .degraded)
        #expect(
            health.report().json()
                .contains(#""car":{"status":"down","reason":"topic 'cars' does not exist"}"#)
        )
    }

    @Test func manyDeadLettersDegradeButStayReady() {
        let health = healthyHealth()
        #expect(!health.report().json().contains("dead_letters"))
        health.deadLetters("the stream holds 65 MiB")
        #expect(health.report().isReady)
        #expect(health.report().state == .degraded)
        #expect(
            health.report().json()
                .contains(
                    #","dead_letters":{"status":"growing","reason":"the stream holds 65 MiB"}}"#
                )
        )
        health.deadLetters(nil)
        #expect(health.report().state == .ok)
    }

    @Test func intakeThatStandsStillIsStalledUntilItMovesAgain() {
        let health = healthyHealth()
        time.advance(seconds: Health.intakeStallSecondsMax)
        #expect(health.report().isAlive)
        time.advance(seconds: 0.5)
        #expect(!health.report().isAlive)
        #expect(!health.report().isReady)
        #expect(health.report().state == .stalled)
        #expect(health.report().json().contains("\"seconds_since_progress\":30.5,\"reason\":"))

        health.intakeProgressed()
        #expect(health.report().secondsSinceProgress == 0)
        #expect(health.report().state == .ok)
    }

    @Test func reasonsAreEscapedInTheReport() {
        let health = health()
        health.logIsNotWritable(because: "said \"no\"\n\u{1B}[31m")
        #expect(health.report().json().contains(#""reason":"said \"no\"\n\u001b[31m""#))
    }

    @Test func monotonicClockNeverGoesBack() {
        let first = Health.monotonicNanoseconds()
        let second = Health.monotonicNanoseconds()
        #expect(second >= first)
    }
}
