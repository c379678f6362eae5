// SPDX-License-Identifier: Apache-2.0
// Flat and nested signals of delivered events.
import Testing

@testable import Gateway

@Suite struct SignalNestingTests {
    private func event(_ signals: String) -> [UInt8] {
        Array(#"{"vehicle":"car","offset":7,"signals":\#(signals),"late":true}"#.utf8)
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test(arguments: [
        (#"{"a.b":1,"a.c.d":"x","e":null}"#, #"{"a":{"b":1,"c":{"d":"x"}},"e":null}"#),
        (#"{"a.b":1,"c":2,"a.d":3}"#, #"{"a":{"b":1,"d":3},"c":2}"#),
        // Arrays.
        (#"{"a.0":1,"a.1.b":2,"a.2.0":3}"#, #"{"a":[1,{"b":2},[3]]}"#),
        (#"{"a.1":1,"a.0":0}"#, #"{"a":[0,1]}"#),
        (#"{"a.1":1,"a.2":2}"#, #"{"a":{"1":1,"2":2}}"#),
        (#"{"a.0":1,"a.01":2}"#, #"{"a":{"0":1,"01":2}}"#),
        (#"{"a.0":1,"a.x":2}"#, #"{"a":{"0":1,"x":2}}"#),
        (#"{"0":1,"1":2}"#, #"{"0":1,"1":2}"#),
        (
            #"{"a.0":0,"a.1":1,"a.2":2,"a.3":3,"a.4":4,"a.5":5,"a.6":6,"a.7":7,"a.8":8,"a.9":9,"a.10":10}"#,
            #"{"a":[0,1,2,3,4,5,6,7,8,9,10]}"#
        ),
        // A value and a container: what is below keeps its dots where they clash.
        (#"{"a":1,"a.b":2}"#, #"{"a":1,"a.b":2}"#), (#"{"a.b":2,"a":1}"#, #"{"a":1,"a.b":2}"#),
        (#"{"x.a":1,"x.a.b":2,"x.a.c.d":3,"x.e":4}"#, #"{"x":{"a":1,"a.b":2,"a.c.d":3,"e":4}}"#),
        (#"{"x.0":1,"x.0.b":2,"x.1":3}"#, #"{"x":{"0":1,"0.b":2,"1":3}}"#),
        // Empty levels.
        (#"{"":1,"a.":2,".b":3,"..":4}"#, #"{"":1,".b":3,"..":4,"a":{"":2}}"#),
        (#"{"a..b":1}"#, #"{"a":{"":{"b":1}}}"#),
        // What stands in keys and values stays to the byte.
        (
            #"{"q\"\\.\u0000":18446744073709551615,"é.e":1.50,"e\#u{301}.e":"}{,:"}"#,
            #"{"q\"\\":{"\u0000":18446744073709551615},"é":{"e":1.50},"e\#u{301}":{"e":"}{,:"}}"#
        ),
        ("{}", "{}"),
    ])
    func flatBecomesNested(flat: String, nested: String) {
        let result = SignalNesting.unflatten(event: event(flat))
        #expect(result == event(nested), "\(text(result))")
    }

    @Test(arguments: [
        (
            #"{"a":{"b":1,"c":[2,{"d":3}]},"e":{}, "f" : [ ] }"#,
            #"{"a.b":1,"a.c.0":2,"a.c.1.d":3,"e":{},"f":[ ]}"#
        ),
        (#"{"":{"":1},"a.b":{"c":2}}"#, #"{".":1,"a.b.c":2}"#),
    ])
    func nestedBecomesFlat(nested: String, flat: String) {
        #expect(text(SignalNesting.flatten(event: event(nested))) == text(event(flat)))
    }

    @Test(arguments: [
        "", "[]", "7", "{}", #"{"signal":{"a.b":1}}"#, #"{"signals":7}"#, #"{"signals":[1]}"#,
        #"{"signals":{"a.b":1}"#, #"{"signals":{"a.b":1}} x"#, #"{"signals":{"a.b" 1}}"#,
        #"{"x":{"signals":{"a.b":1}}}"#, "{", #"{"a"#, #"{"signals":{"a.b":}}"#,
        #"{"signals":{"a.b":"x"#,
    ])
    func eventWithoutSignalsStaysAsItIs(payload: String) {
        #expect(text(SignalNesting.unflatten(event: Array(payload.utf8))) == payload)
        #expect(text(SignalNesting.flatten(event: Array(payload.utf8))) == payload)
    }

    @Test func nestingEndsWhereReadersStop() throws {
        let name = String(repeating: "a.", count: 100_000) + "a"
        let flat = event("{\"\(name)\":1}")
        let nested = SignalNesting.unflatten(event: flat)
        _ = try JSONParser(depthMax: SignalNesting.levelsMax + 2).parse(text(nested))
        #expect(SignalNesting.flatten(event: nested) == flat)
    }

    @Test func layoutDecides() {
        let flat = event(#"{"a.b":1}"#)
        #expect(SignalLayout.flat.apply(to: flat) == flat)
        #expect(SignalLayout.nested.apply(to: flat) == event(#"{"a":{"b":1}}"#))
    }

    // Properties.

    /// A document without what the documentation excepts: unique keys without dots, no empty
    /// containers, and no object whose keys are 0, 1, 2 and so on.
    private func document(_ random: inout SplitMix64) -> JSONTree {
        let keys = ["a", "b", "größe", "é", "e\u{301}", "🚗", "", "\u{301}", "x y", "q\"\\", "7"]
        return random.object(random.int(1...5), levels: 5, emptyOneIn: nil) { random, used in
            let free = keys.filter { key in !used.contains { ExactText($0) == ExactText(key) } }
            return random.pick(free)
        }
    }

    @Test(arguments: 1...20)
    func documentSurvivesTheWayThroughTheGateway(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let gateway = try TestGateway()
        for _ in 0..<200 {
            let tree = document(&random)
            let enriched = try gateway.process(tree.text).payloads(StreamName.enriched)[0]
            let nested = SignalNesting.unflatten(event: Array(enriched.utf8))
            #expect(Self.signals(of: nested) == Array(tree.text.utf8), "\(tree.text)")
            #expect(SignalNesting.flatten(event: nested) == Array(enriched.utf8))
        }
    }

    @Test(arguments: 1...20)
    func anyNamesComeBack(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let parser = JSONParser(depthMax: SignalNesting.levelsMax + 2)
        for _ in 0..<200 {
            var members: [[UInt8]: [UInt8]] = [:]
            for _ in 0..<random.int(0...12) {
                let levels = (0..<random.int(1...5))
                    .map { _ in random.pick(["a", "b", "0", "1", "2", "", "é", "10"]) }
                var key = JSONWriter()
                key.key(levels.joined(separator: "."))
                var value = JSONWriter()
                value.value(random.scalar())
                members[key.bytes] = value.bytes
            }
            let flat = event(
                text(
                    [UInt8(ascii: "{")]
                        + members.map { $0 + $1 }.joined(separator: [UInt8(ascii: ",")]) + [
                            UInt8(ascii: "}")
                        ]
                )
            )
            let nested = SignalNesting.unflatten(event: flat)
            _ = try parser.parse(text(nested))
            let back = SignalNesting.flatten(event: nested)
            #expect(Self.members(of: back) == Self.members(of: flat), "\(text(flat))")
            #expect(back.count == flat.count)
        }
    }

    private static func signals(of event: [UInt8]) -> [UInt8]? {
        let scanner = JSONScanner(bytes: event)
        return scanner.members(of: scanner.content)?
            .first { Array(event[$0.key]) == Array("signals".utf8) }
            .map { Array(event[$0.value]) }
    }

    private static func members(of event: [UInt8]) -> [[UInt8]: [UInt8]] {
        let signals = signals(of: event) ?? []
        let scanner = JSONScanner(bytes: signals)
        let members = scanner.members(of: scanner.content) ?? []
        return Dictionary(members.map { (Array(signals[$0.key]), Array(signals[$0.value])) }) { $1 }
    }
}
