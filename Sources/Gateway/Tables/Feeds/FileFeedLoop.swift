// SPDX-License-Identifier: Apache-2.0
// A file that holds a whole table, read whenever it is another one than the log has. The version of
// the file travels with the end of its load, and the intake loop commits both in one transaction.
import Logging

/// Watches the file of one table; owns its thread.
final class FileFeedLoop {
    /// Why a file is refused whose rows were all refused.
    static let noRowReason =
        "no row of the file could be taken; the dead letters say why, and the table stays as it is"
    private static let lookMilliseconds: Int64 = 1_000
    private static let chunkBytes = 256 << 10
    private static let recordsMax = 1_000
    private static let recordBytesMax = 1 << 20

    /// What became of a version of the file.
    private enum Fate: Equatable {
        case taken
        case refused(String)
    }

    private let file: FileFeedConfiguration
    private let box: FeedBox
    private let mark: () throws -> String
    private let stop: StopSignal
    private let report: FeedReport
    /// The last version that was dealt with, as long as the box's attempt is this one.
    private var known: (version: FileVersion, attempt: Int, fate: Fate)?
    private var lastSeen: FileVersion?

    /// `mark` reads from the log which version of the file was committed last, and as what.
    init(
        table: TableConfiguration,
        file: FileFeedConfiguration,
        box: FeedBox,
        mark: @escaping () throws -> String,
        stop: StopSignal,
        health: Health,
        logger: Logger
    ) {
        self.file = file
        self.box = box
        self.mark = mark
        self.stop = stop
        var logger = logger
        logger[metadataKey: LogKeys.file] = "\(file.path)"
        report = FeedReport(table: table, health: health, logger: logger)
    }

    /// Runs until it is told to stop.
    func run() {
        while !stop.isSet {
            do {
                try look()
            } catch {
                report.down(because: "\(error)")
            }
            stop.wait(milliseconds: Self.lookMilliseconds)
        }
    }

    private func look() throws {
        guard let version = try FileVersion(path: file.path) else {
            lastSeen = nil
            return report.down(because: "'\(file.path)' does not exist")
        }
        defer { lastSeen = version }
        let attempt = box.attempt
        if try fate(of: version, attempt) == nil, isSettled(version),
            let fate = try load(version, attempt)
        {
            known = (version, attempt, fate)
        }
        switch try fate(of: version, attempt) {
        case .taken:
            if let reason = box.refusal(of: version.mark) {
                report.down(because: reason)
            } else {
                report.up()
            }
        case .refused(let reason): report.down(because: reason)
        // Somebody is writing it.
        case nil: break
        }
    }

    /// What was made of a version before; the log is asked only about what it may not have kept.
    private func fate(of version: FileVersion, _ attempt: Int) throws -> Fate? {
        if let known, known.version == version, known.attempt == attempt { return known.fate }
        if let known, known.attempt == attempt { return nil }
        let fate: Fate
        switch try mark() {
        case version.mark: fate = .taken
        case FileVersion.refused(version.mark): fate = .refused(Self.noRowReason)
        default: return nil
        }
        known = (version, attempt, fate)
        return fate
    }

    /// Whether nobody seems to be writing the file any more.
    ///
    /// One that is half written looks like a smaller table, which would then be taken.
    private func isSettled(_ version: FileVersion) -> Bool {
        version == lastSeen || WallClock.now() - version.time >= Self.lookMilliseconds
    }

    // Loading.

    /// Hands a version over; `nil` when it changed meanwhile, or the box wants to begin again.
    private func load(_ version: FileVersion, _ attempt: Int) throws -> Fate? {
        guard version.bytes > 0 else {
            return .refused("'\(file.path)' is empty; the table stays as it is")
        }
        let source = try FeedFile(path: file.path)
        guard try source.version() == version else { return nil }
        var reader = file.format.makeReader()
        var begin = RecordPlace(kind: .loadBegins)
        begin.time = version.time
        var records = [FeedRecord(place: begin)]
        var rows = 0
        do {
            repeat {
                let bytes = try source.read(Self.chunkBytes)
                if bytes.isEmpty { reader.finish() } else { reader.append(bytes) }
                guard try put(from: &reader, &records, &rows, attempt) else { return nil }
                guard !bytes.isEmpty else { break }
            } while !stop.isSet
        } catch let error as FeedFileError where error.isAboutContent {
            // It came before the first row, so nothing was handed over. The version will not get better.
            return .refused("'\(file.path)' is not taken: \(error)")
        }
        guard !stop.isSet else { return nil }
        // A file that was replaced meanwhile is whole; one that was written to is neither old nor new.
        guard try source.version() == version else {
            report.logger.notice("the table's file changed while it was read; it is read again")
            return nil
        }
        var end = RecordPlace(kind: .loadEnds)
        end.time = version.time
        end.mark = version.mark
        records.append(FeedRecord(place: end))
        guard box.put(records, attempt: attempt, stop: stop) else { return nil }
        report.logger.info("the table's file was read", metadata: [LogKeys.count: "\(rows)"])
        return .taken
    }

    /// Puts the rows that the reader can make into the box, or keeps them until they are enough.
    private func put(
        from reader: inout any RowReader,
        _ records: inout [FeedRecord],
        _ rows: inout Int,
        _ attempt: Int
    ) throws -> Bool {
        var bytes = records.reduce(0) { $0 + $1.bytes }
        while let row = try reader.next() {
            rows += 1
            bytes += row.bytes
            records.append(row)
            guard records.count >= Self.recordsMax || bytes >= Self.recordBytesMax else { continue }
            guard box.put(records, attempt: attempt, stop: stop) else { return false }
            records.removeAll(keepingCapacity: true)
            bytes = 0
        }
        return true
    }
}
