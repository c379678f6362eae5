// SPDX-License-Identifier: Apache-2.0
import KafkaShim
import Testing

@testable import Gateway

@Suite struct KafkaHeadersTests {
    private func name(_ headers: KafkaHeaders, _ index: Int) -> String {
        unsafe String(cString: headers.list[index].name)
    }

    /// What librdkafka would read.
    private func bytes(_ headers: KafkaHeaders, _ index: Int) -> [UInt8] {
        let header = unsafe headers.list[index]
        return unsafe [UInt8](UnsafeRawBufferPointer(start: header.value, count: header.length))
    }

    private func text(_ headers: KafkaHeaders, _ index: Int) -> String {
        String(decoding: bytes(headers, index), as: UTF8.self)
    }

    private func set(_ headers: KafkaHeaders, _ index: Int, _ text: String) {
        var text = text
        text.withUTF8 { unsafe headers.set(index, UnsafeRawBufferPointer($0)) }
    }

    @Test func namesAndValuesAreRead() {
        let headers = KafkaHeaders([("gateway", "depot"), ("stream", "outlier"), ("naïve", "ü 🚗")])
        #expect(headers.count == 3)
        #expect((0..<3).map { name(headers, $0) } == ["gateway", "stream", "naïve"])
        #expect((0..<3).map { text(headers, $0) } == ["depot", "outlier", "ü 🚗"])
    }

    @Test func listMayBeEmpty() {
        #expect(KafkaHeaders([]).count == 0)
    }

    @Test(arguments: [0, 1, 23, 24, 25, 1_000, 100_000])
    func firstValueHasAnyLength(count: Int) {
        let value = String(repeating: "x", count: count)
        #expect(text(KafkaHeaders([("a", value)]), 0) == value)
    }

    @Test(
        arguments: [
            0, 1, -1, 9, 10, -10, 1_767_600_000_000, Int64.max, Int64.max - 1, Int64.min,
            Int64.min + 1,
        ] as [Int64]
    )
    func numberIsDecimal(number: Int64) {
        let headers = KafkaHeaders([("offset", "")])
        headers.set(0, number)
        #expect(text(headers, 0) == "\(number)")
    }

    @Test func everyNumberIsDecimal() {
        var random = SplitMix64(seed: 1)
        let headers = KafkaHeaders([("offset", ""), ("event_time", "")])
        for _ in 0..<5_000 {
            // Shifted, so that numbers of all lengths come.
            let first = Int64.random(in: .min ... .max, using: &random) >> random.int(0...63)
            let second = Int64.random(in: .min ... .max, using: &random) >> random.int(0...63)
            headers.set(0, first)
            headers.set(1, second)
            #expect(text(headers, 0) == "\(first)")
            #expect(text(headers, 1) == "\(second)")
        }
    }

    @Test func valueGrowsAndShrinks() {
        let headers = KafkaHeaders([("before", "b"), ("alert", "a"), ("after", "c")])
        for count in [1, 24, 25, 24, 0, 300, 299, 5_000, 2, 5_001] {
            let value = String(repeating: "y", count: count)
            set(headers, 1, value)
            #expect(text(headers, 1) == value)
            // Its neighbours stay where they are.
            #expect(text(headers, 0) == "b")
            #expect(text(headers, 2) == "c")
            #expect(name(headers, 1) == "alert")
        }
        headers.set(1, .min)
        #expect(text(headers, 1) == "-9223372036854775808")
    }

    @Test func valueMayBeEmpty() {
        let headers = KafkaHeaders([("alert", "speeding"), ("empty", "")])
        #expect(bytes(headers, 1) == [])
        set(headers, 0, "")
        #expect(bytes(headers, 0) == [])
        set(headers, 0, "a")
        unsafe headers.set(0, UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(bytes(headers, 0) == [])
        headers.set(0, 7)
        #expect(text(headers, 0) == "7")
    }

    @Test func valueIsBytesAndNoText() {
        let headers = KafkaHeaders([("alert", "")])
        set(headers, 0, "a\u{0}b\n")
        #expect(bytes(headers, 0) == [0x61, 0, 0x62, 0x0A])
    }

    @Test(arguments: 1...10)
    func headersAgreeWithAnObviousModel(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var model = (0..<6).map { _ in random.text(count: 40) }
        let headers = KafkaHeaders(model.enumerated().map { ("header-\($0)", $1) })
        for _ in 0..<1_000 {
            let index = random.int(0...5)
            if random.oneIn(2) {
                let number = Int64.random(in: .min ... .max, using: &random)
                headers.set(index, number)
                model[index] = "\(number)"
            } else {
                let count = random.oneIn(20) ? 2_000 : 40
                model[index] = random.text(count: count)
                set(headers, index, model[index])
            }
            #expect((0..<6).allSatisfy { text(headers, $0) == model[$0] })
        }
    }
}

@Suite struct KafkaPositionTests {
    @Test func positionIsReadBackAsItWasWritten() {
        let id = String(repeating: "0123456789abcdef", count: 2)
        let positions = [
            KafkaPosition(topic: "iot.outlier", offset: 43, metadata: id),
            KafkaPosition(topic: "iot.raw"),
            KafkaPosition(topic: "iot.enriched", partition: 7, offset: 0, metadata: "ü"),
            KafkaPosition(topic: "iot.firing", offset: Int64.max),
        ]
        let found = unsafe withShimPositions(positions) { list, count in
            (0..<count).map { unsafe KafkaPosition(topic: positions[$0].topic, list[$0]) }
        }
        #expect(found == positions)
    }
}
