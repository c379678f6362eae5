// SPDX-License-Identifier: Apache-2.0
// Versions depend on what was said, not on how it fell into batches, and not on what came first.
import Testing

@testable import Gateway

@Suite struct SchemaPropertyTests {
    /// Messages of a fleet whose firmware changes now and then, in arrival order.
    private func messages(_ random: inout SplitMix64) -> [(vehicle: String, payload: String)] {
        var names = (0..<6).map { "s\($0)" }
        var kinds = ["1", "1.5", "true", "\"text\"", "null", "[1,2]", "{}", "{\"x\":1}"]
        kinds.shuffle(using: &random)
        var kind: [String: Int] = [:]
        return (0..<600)
            .map { number in
                if number > 200, random.oneIn(60) {
                    names[random.int(0...5)] = "s\(random.int(0...20))"
                }
                if random.oneIn(80) { kind[random.pick(names)] = random.int(0...7) }
                let members = Set(names).sorted().filter { _ in !random.oneIn(20) }
                    .map { "\"\($0)\":\(kinds[kind[$0, default: 0]])" }
                return ("v\(random.int(0...3))", "{\(members.joined(separator: ","))}")
            }
    }

    @Test(arguments: 0..<20)
    func versionsDoNotDependOnBatches(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let sent = messages(&random)
        let whole = try SchemaRig()
        let parts = try SchemaRig()
        try whole.send(sent.map { ($0.vehicle, $0.payload) })
        try whole.settle()
        var rest = sent[...]
        while !rest.isEmpty {
            let batch = rest.prefix(random.int(1...50))
            rest = rest.dropFirst(batch.count)
            try parts.send(batch.map { ($0.vehicle, $0.payload) })
            // An ordered end saves the counts; the evidence of an open burst is lost with its memory.
            if random.oneIn(10), !parts.isBurstOpen { try parts.end() }
        }
        try parts.settle()
        #expect(try whole.versions() == parts.versions())
        #expect(try whole.changes() == parts.changes())
    }

    @Test(arguments: 0..<20)
    func aVersionIsTheSameInAnyOrder(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        var sent = messages(&random).prefix(200).map(\.payload)
        func fingerprint(_ payloads: [String]) throws -> [String] {
            let rig = try SchemaRig { $0.learnMessages = 300 }
            try rig.send(payloads)
            try rig.send(payloads[0], times: 500)
            try rig.settle()
            return try Array(rig.versions().prefix(1))
        }
        let first = try fingerprint(sent)
        #expect(first.count == 1)
        sent[1...].shuffle(using: &random)
        #expect(try fingerprint(sent) == first)
    }

    @Test(arguments: [
        ("a", "a", true), ("*", "", true), ("*", "a.b", true), ("a.*", "a.b.c", true),
        ("a.*", "a", false), ("*.b", "a.b", true), ("*.b", "a.bc", false), ("a*c*e", "abcde", true),
        ("a*c*e", "ace", true), ("a*c*e", "aec", false), ("a*a", "a", false), ("", "a", false),
        ("", "", true), ("*b*", "abc", true), ("*b*", "ac", false),
    ])
    func globs(pattern: String, path: String, isMatch: Bool) {
        #expect(PathGlob(pattern).matches(path) == isMatch)
    }
}

extension SchemaRig {
    var isBurstOpen: Bool { gateway.processor.schemas?.nextDeadline != nil }

    /// Ends the gateway in order, and starts it again.
    func end() throws {
        let counts = gateway.processor.schemas?.takeCounts(pathsMax: .max) ?? []
        try gateway.writer.saveSchemaCounts(counts)
        try restart()
    }

    /// Publishes messages of several vehicles in one batch.
    func send(_ messages: [(String, String)]) throws {
        try gateway.process(
            messages.map { vehicle, payload in
                TestMessage("fleet/\(vehicle)/state", payload, arrival: tick())
            }
        )
    }
}
