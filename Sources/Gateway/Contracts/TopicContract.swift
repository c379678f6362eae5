// SPDX-License-Identifier: Apache-2.0

/// Holds the messages of one topic against its contract; belongs to the intake thread.
final class TopicContract {
    let action: ContractConfiguration.Action
    private let schema: ContractSchema
    private let checker: ContractChecker
    /// How many elements the last message has; `nil` when it could not be read.
    private var count: Int?

    init(_ configuration: ContractConfiguration, depthMax: Int) {
        action = configuration.action
        schema = configuration.schema
        checker = ContractChecker(depthMax: depthMax)
    }

    /// Takes the text that the decoder has parsed.
    func read(_ bytes: [UInt8], in range: Range<Int>) {
        count = checker.read(bytes, in: range)
    }

    /// What an element of the message violates.
    ///
    /// A message that is no array is one element, however many readings it gives.
    func violations(of element: Int) -> [String] {
        guard let count else { return ["can't be read for its contract"] }
        return checker.violations(of: min(element, count - 1), schema)
    }
}

extension Processor {
    /// Holds an element against its topic's contract; gives the violations that its event tells.
    func violations(
        of element: Int,
        _ decoder: MessageDecoder,
        source: Int
    ) throws(DecodingFailure) -> [String] {
        guard let contract = decoder.contract else { return [] }
        let found = contract.violations(of: element)
        guard !found.isEmpty else { return [] }
        let kind = OutcomeCounts.ViolationKind(source: source, action: contract.action)
        outcome.counts.contractViolations[kind, default: 0] += 1
        switch contract.action {
        case .deadLetter:
            throw DecodingFailure(
                kind: .contract,
                reason: "breaks its contract: \(found.joined(separator: "; "))"
            )
        case .flag: return found
        case .count: return []
        }
    }
}
