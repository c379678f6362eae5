// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// `gateway deadletters replay`: through the same processor, each once.
struct DeadLettersReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Process dead letters again, each once, after their cause was mended.",
        discussion: """
            A gateway that runs does it, with the configuration that it was started with; otherwise this \
            command does it itself, without connecting to anything. What was replayed is never replayed \
            again. Exits with 1 if any became a dead letter again, or an --offset was refused.
            """
    )

    /// Dead letters that one request is about: a few batches.
    private static let chunk = 500

    @OptionGroup var file: ConfigurationOption
    @OptionGroup var which: DeadLetterOptions

    @Option(help: "This one; may be given several times.")
    var offset: [Int64] = []

    @Flag(help: "All that were not replayed.")
    var all = false

    @Flag(
        name: .customLong("dry-run"),
        help: "Tell what would happen with the configuration file as it is; change nothing."
    )
    var dryRun = false

    func validate() throws {
        let ways = [!offset.isEmpty, all, !which.isEmpty].count { $0 }
        guard ways == 1 else {
            throw ValidationError("say which: --offset, or filters such as --reason, or --all")
        }
    }

    func run() async throws {
        let (configuration, offsets) = try file.withDeadLetters { configuration, reader in
            if dryRun { try preview(configuration, reader) }
            return (configuration, try selected(reader))
        }
        guard !dryRun else { return }
        let report = try await replay(offsets, configuration)
        Self.tell(report, ofMany: offsets.count, isPreview: false)
        guard report.failed == 0, offset.isEmpty || report.refused.isEmpty else {
            throw ExitCode(1)
        }
    }

    /// With filters, what was replayed is left alone without a word.
    private func selected(_ reader: DeadLetterReader) throws -> [Int64] {
        guard offset.isEmpty else { return Set(offset).sorted() }
        var filter = try which.filter()
        filter.isOpen = true
        return try reader.select(filter, limit: which.limit ?? .max) { $0.offset }
    }

    private func preview(_ configuration: Configuration, _ reader: DeadLetterReader) throws {
        let preview: ReplayPreview
        do {
            preview = try ReplayPreview(configuration)
        } catch let problems as Problems {
            throw ExitError.configuration(problems)
        }
        let offsets = try selected(reader)
        var missing: [Int64] = []
        for offset in offsets {
            guard let letter = try reader.letter(at: offset) else {
                missing.append(offset)
                continue
            }
            preview.add(letter)
        }
        Self.tell(preview.report, ofMany: offsets.count - missing.count, isPreview: true)
        for (words, failure) in preview.failures.sorted(by: { $0.value.count > $1.value.count }) {
            StandardOutput.print(
                "  \(failure.count) × \(TableWriter.visible(words)) (such as \(failure.example))"
            )
        }
        for offset in missing { StandardOutput.print("\(offset): not in the log (any more)") }
    }

    private func replay(
        _ offsets: [Int64],
        _ configuration: Configuration
    ) async throws -> ReplayReport {
        let log: EventLog
        do {
            log = try EventLog(
                directory: configuration.gateway.dataDirectory,
                derived: configuration.derivedStreams
            )
        } catch .inUse {
            return try await ask(offsets, configuration)
        } catch {
            throw ExitError.log(error)
        }
        do {
            let replay = try OfflineReplay(configuration, log: log)
            var report = ReplayReport()
            for chunk in Self.chunks(of: offsets) { report.add(try replay.replay(chunk)) }
            try replay.finish()
            return report
        } catch let problems as Problems {
            throw ExitError.configuration(problems)
        } catch let error as LogError {
            throw ExitError.log(error)
        }
    }

    /// Has the running gateway do it: the log has one writer.
    private func ask(
        _ offsets: [Int64],
        _ configuration: Configuration
    ) async throws -> ReplayReport {
        guard configuration.http.isEnabled,
            let address = GatewayAddress.read(in: configuration.gateway.dataDirectory)
        else {
            StandardError.print(
                "gateway deadletters: a gateway runs and can't be asked: it has http.enabled: false, or "
                    + "\(GatewayAddress.fileName) in gateway.data_directory is not for this user. Run "
                    + "this as the gateway's user, or stop the gateway"
            )
            throw ExitCode(1)
        }
        let client = ReplayClient(address: address)
        var report = ReplayReport()
        for chunk in Self.chunks(of: offsets) {
            do {
                report.add(try await client.replay(chunk))
            } catch {
                Self.tell(report, ofMany: offsets.count, isPreview: false)
                StandardError.print("gateway deadletters: \(error)")
                throw ExitCode(1)
            }
        }
        return report
    }

    private static func chunks(of offsets: [Int64]) -> [[Int64]] {
        stride(from: 0, to: offsets.count, by: chunk)
            .map { Array(offsets[$0..<min($0 + chunk, offsets.count)]) }
    }

    private static func tell(_ report: ReplayReport, ofMany count: Int, isPreview: Bool) {
        let words =
            isPreview
            ? ("would replay", "would take effect", "would become dead letters again")
            : ("replayed", "took effect", "became dead letters again")
        let done = report.applied + report.failed
        StandardOutput.print(
            "\(words.0) \(done) of \(count): \(report.applied) \(words.1), "
                + "\(report.failed) \(words.2); \(report.already) were replayed before"
        )
        for refusal in report.refused {
            StandardOutput.print(
                "\(refusal.count) refused, such as \(refusal.example): "
                    + TableWriter.visible(refusal.reason)
            )
        }
    }
}
