// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

import class GRDB.Row

@testable import Gateway

/// A gateway with a real log in a folder of its own, but without sockets, threads and wall clock.
final class LoggedGateway {
    /// All that a crash takes away.
    private struct Parts {
        let log: EventLog
        let writer: LogWriter
        let processor: Processor
        /// What recovery found of rules that are gone.
        let orphans: [StoredAlert]
    }

    let configuration: Configuration
    let folder: TemporaryFolder
    private var parts: Parts?

    init(
        _ configuration: Configuration? = nil,
        rules: String = "groups: []",
        pagesMax: Int? = nil,
        in folder: TemporaryFolder? = nil
    ) throws {
        self.configuration = try configuration ?? .testing()
        self.folder = try folder ?? TemporaryFolder()
        let log = try EventLog(
            directory: self.folder.path,
            derived: self.configuration.derivedStreams,
            pagesMax: pagesMax
        )
        parts = try open(log, rules: rules)
    }

    var log: EventLog { here.log }
    var writer: LogWriter { here.writer }
    var processor: Processor { here.processor }
    var orphans: [StoredAlert] { here.orphans }

    private var here: Parts {
        guard let parts else { preconditionFailure("a restart has failed") }
        return parts
    }

    /// Processes and commits one batch, as the intake loop does.
    @discardableResult
    func process(
        _ messages: [TestMessage],
        clock: ClockReading? = nil,
        extras: CommitExtras = CommitExtras()
    ) throws -> Outcome {
        var batch = MessageBatch()
        for message in messages {
            batch.append(message, patterns: configuration.patterns(of: message.source))
        }
        let outcome = processor.process(batch, clock: clock)
        try writer.commit(outcome, of: batch, extras)
        return outcome
    }

    /// Commits one message of a vehicle for each payload.
    func process(
        _ payloads: [String],
        vehicle: String = "car",
        arrival: Timestamp = .seconds(0)
    ) throws {
        try process(payloads.map { TestMessage("fleet/\(vehicle)/state", $0, arrival: arrival) })
    }

    /// Ends the process, so to say, and starts another one on the same files.
    func restart(rules: String = "groups: []", pagesMax: Int? = nil) throws {
        parts = nil
        parts = try open(
            EventLog(
                directory: folder.path,
                derived: configuration.derivedStreams,
                pagesMax: pagesMax
            ),
            rules: rules
        )
    }

    /// Throws processor and writer away and makes new ones from the log, as after a failed commit.
    func recover(rules: String = "groups: []") throws {
        parts = try open(log, rules: rules)
    }

    private func open(_ log: EventLog, rules: String) throws -> Parts {
        let compiled = try CompiledRules.testing(configuration, rules: rules)
        let writer = try LogWriter(
            log: log,
            signals: compiled.signals,
            sourceNames: configuration.sources.map(\.name),
            tables: log.recoverTables(of: compiled, configuration)
        )
        let processor = Processor(
            configuration: configuration,
            rules: compiled,
            nextOffsets: writer.nextOffsets
        )
        let orphans = try log.recover(into: processor, sources: configuration.sources)
        return Parts(log: log, writer: writer, processor: processor, orphans: orphans)
    }

    /// Brings the vehicle table up to date, as the intake loop does once a second.
    func saveVehicles() throws {
        try writer.saveVehicles()
    }

    // What the log holds.

    /// All events of a stream.
    func events(_ stream: String) throws -> [StoredEvent] {
        try LogReader(log: log).read(stream, after: 0, count: 1_000_000, bytesMax: .max)
    }

    func offsets(_ stream: String) throws -> [Int64] {
        try events(stream).map(\.offset)
    }

    /// The payloads of a stream, as text.
    func payloads(_ stream: String) throws -> [String] {
        try events(stream).map { String(decoding: $0.payload, as: UTF8.self) }
    }

    func count(_ table: String) throws -> Int {
        try log.pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \"\(table)\"") } ?? 0
    }

    /// The contents of every table, for comparing.
    func dump() throws -> [String] {
        try log.pool.read { db in
            let tables =
                StreamName.all + ["stream", "vehicle", "snapshot", "alert", "cursor", "redelivery"]
            return try tables.flatMap { table in
                try Row.fetchAll(db, sql: "SELECT * FROM \"\(table)\" ORDER BY 1")
                    .map {
                        "\(table): \($0)"
                    }
            }
        }
    }
}
