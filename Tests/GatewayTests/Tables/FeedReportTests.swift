// SPDX-License-Identifier: Apache-2.0
import Logging
import Synchronization
import Testing

@testable import Gateway

@Suite struct FeedReportTests {
    /// What was logged, as `warning table feed down: reason`.
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var value: [String] { lines.withLock { $0 } }
        func append(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var logLevel = Logger.Level.debug
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let reason = event.metadata?[LogKeys.reason].map { ": \($0)" } ?? ""
            lines.append("\(event.level) \(event.message)\(reason)")
        }
    }

    private let lines = Lines()
    private let health = Health(sources: [], sinks: [], tables: ["car"])
    private let report: FeedReport

    init() {
        let table = TableConfiguration(
            name: "car",
            key: ["id"],
            format: .rows(RowsFormatConfiguration()),
            feed: .file(FileFeedConfiguration(path: "car.csv", format: .csv))
        )
        report = FeedReport(
            table: table,
            health: health,
            logger: Logger(label: "feed") { [lines] _ in Handler(lines: lines) }
        )
    }

    @Test func eachReasonIsSaidOnceUntilTheFeedWasUp() {
        for reason in ["one", "two", "one", "two"] { report.down(because: reason) }
        #expect(health.report().tables["car"] == .down(reason: "two"))
        report.up()
        report.up()
        report.down(because: "one")
        #expect(
            lines.value.filter { !$0.hasPrefix("debug") } == [
                "warning table feed down: one", "warning table feed down: two",
                "notice table feed up", "warning table feed down: one",
            ]
        )
    }

    @Test func whatIsNotSaidAgainCanBeDebugged() {
        for _ in 1...3 { report.down(because: "one") }
        #expect(
            lines.value == [
                "warning table feed down: one", "debug table feed still down: one",
                "debug table feed still down: one",
            ]
        )
    }

    @Test func reasonsThatAreAlwaysOthersDoNotFillTheLog() {
        for number in 1...1_000 { report.down(because: "\(number)") }
        #expect(lines.value.count { $0.hasPrefix("warning") } == 100)
        #expect(health.report().tables["car"] == .down(reason: "1000"))
    }
}
