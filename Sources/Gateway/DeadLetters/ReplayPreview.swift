// SPDX-License-Identifier: Apache-2.0
// What a replay would do, without doing it: a processor with the configuration of this moment and no state, whose
// outcomes are thrown away.

/// Tells beforehand what would become of dead letters.
final class ReplayPreview {
    private let processor: Processor
    private let route: ReplayRoute
    private(set) var report = ReplayReport()
    /// Why some would fail again, by kind and reason with numbers masked.
    private(set) var failures: [String: (count: Int, example: Int64)] = [:]

    init(_ configuration: Configuration) throws {
        route = ReplayRoute(configuration)
        processor = Processor(
            configuration: configuration,
            rules: try CompiledRules.make(configuration),
            nextOffsets: [:]
        )
    }

    func add(_ letter: StoredDeadLetter) {
        guard letter.replayedAt == nil else { return report.add(.already, of: letter.offset) }
        let message: ReplayedMessage
        do {
            message = try route.message(letter)
        } catch {
            return report.add(.refused(error.reason), of: letter.offset)
        }
        var batch = MessageBatch()
        batch.append(message)
        let outcome = processor.process(batch, clock: nil)
        guard let again = outcome.deadLetter.first else {
            return report.add(.applied, of: letter.offset)
        }
        let json = Array(outcome.bytes.bytes[again.payload])
        let failed = StoredDeadLetter(
            offset: letter.offset,
            arrival: letter.arrival,
            vehicle: letter.vehicle,
            json: json
        )
        let words = "\(failed.kind ?? "-"): \(DeadLetterGroups.masked(failed.reason))"
        failures[words, default: (0, letter.offset)].count += 1
        report.add(.failed, of: letter.offset)
    }
}
