// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization
import Testing

@testable import Gateway

/// The lines that a handler wrote.
private final class Lines: Sendable {
    private let list = Mutex<[String]>([])

    var text: String { list.withLock { $0.joined() } }

    @Sendable func append(_ line: String) { list.withLock { $0.append(line) } }
}

private struct Refusal: Error, CustomStringConvertible {
    var description: String { "refused by the broker" }
}

@Suite struct LoggingTests {
    private let lines = Lines()
    private static let time = Timestamp(milliseconds: 1_772_366_584_123)

    private func jsonLogger() -> Logger {
        Logger(label: "intake") { label in
            LineLogHandler(
                format: .json,
                label: label,
                level: .info,
                write: lines.append,
                now: { Self.time }
            )
        }
    }

    private func textLogger() -> Logger {
        Logger(label: "intake") { label in
            LineLogHandler(
                format: .text,
                label: label,
                level: .info,
                write: lines.append,
                now: { Self.time }
            )
        }
    }

    @Test func recordIsOneLineOfJSON() {
        var logger = jsonLogger()
        logger[metadataKey: LogKeys.source] = "vehicles"
        logger.info(
            "session up",
            metadata: [
                LogKeys.attempt: .stringConvertible(3), "tls": ["version": "1.3"], "ids": ["a"],
                "level": "high",
            ]
        )

        #expect(
            lines.text == """
                {"time":"2026-03-01T12:03:04.123Z","level":"info","logger":"intake",\
                "message":"session up","attempt":3,"ids.0":"a","metadata.level":"high",\
                "source":"vehicles","tls.version":"1.3"}

                """
        )
    }

    @Test func errorOfARecordIsPrintedWithItsType() {
        jsonLogger().error("session lost", error: Refusal())
        #expect(
            lines.text.hasSuffix(#""error":"refused by the broker","error_type":"Refusal"}"# + "\n")
        )
    }

    @Test func recordBelowTheLevelIsNotWritten() {
        jsonLogger().debug("detail")
        #expect(lines.text == "")
    }

    @Test func textLineReadsFromLeftToRight() {
        textLogger()
            .warning(
                "session down",
                metadata: [LogKeys.source: "vehicles", LogKeys.reason: "not authorised"]
            )

        let line = lines.text
        // The hour depends on the machine's time zone; minutes are whole in most, not in all.
        #expect(line.dropFirst(2).hasPrefix(":"))
        #expect(
            line.dropFirst("12:03:04.123".count)
                == " WARN  intake   session down reason=\"not authorised\" source=vehicles\n"
        )
    }

    @Test func valueFromOutsideCannotForgeALine() {
        let hostile: Logger.Metadata = [LogKeys.topic: "a\nERROR forged \u{1B}[2J x=\"1\""]
        textLogger().info("dead\nletter", metadata: hostile)
        jsonLogger().info("dead\nletter", metadata: hostile)

        #expect(lines.text.split(separator: "\n").count == 2)
        #expect(!lines.text.contains("\u{1B}"))
        #expect(lines.text.contains(#"dead\nletter topic="a\nERROR forged \u001b[2J x=\"1\"""#))
    }

    @Test func longValueIsCut() {
        jsonLogger()
            .info(
                "dead letter",
                metadata: [LogKeys.reason: "\(String(repeating: "x", count: 9_000))"]
            )
        #expect(lines.text.utf8.count < LogLine.valueCharactersMax + 200)
        #expect(lines.text.contains("xxx…\""))
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_735_689_599_999, "2024-12-31T23:59:59.999Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    ])
    func wallTimeIsWrittenInUTC(milliseconds: Int64, text: String) {
        #expect(Timestamp(milliseconds: milliseconds).iso8601 == text)
    }
}
