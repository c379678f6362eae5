// SPDX-License-Identifier: Apache-2.0
// Goal: what is compressed is unpacked within its bound, and nothing else is taken for compressed.
// Method: streams that gzip, zlib and zstd have made, cut and damaged at every byte, and bombs.
import Testing

@testable import Gateway

@Suite struct UnpackingTests {
    static let text = #"{"speed":42,"on":true}"#
    static let gzip = [UInt8](
        hex: "1f8b0800000000000203ab562a2e484d4d51b23231d251cacf53b22a292a4dad05000c97d17216000000"
    )
    static let zlib = [UInt8](hex: "789cab562a2e484d4d51b23231d251cacf53b22a292a4dad0500507e0735")
    /// With the smallest window that zlib knows.
    static let smallZlib = [UInt8](
        hex: "18d3ab562a2e484d4d51b23231d251cacf53b22a292a4dad0500507e0735"
    )
    static let zstd = [UInt8](
        hex: "28b52ffd0458b100007b227370656564223a34322c226f6e223a747275657d9ac9b3a0"
    )
    /// The same text in two gzip members, and in two zstd frames.
    static let members = [
        [UInt8](hex: "1f8b0800000000000203ab562a2e484d4d51b2320100a644e80d0a000000"),
        [UInt8](hex: "1f8b080000000000020333d251cacf53b22a292a4dad05004b46f1560c000000"),
    ]
    static let frames = [
        [UInt8](hex: "28b52ffd04585100007b227370656564223a34c2bda750"),
        [UInt8](hex: "28b52ffd0458610000322c226f6e223a747275657d274e5bf3"),
    ]
    static let skippable = [UInt8](hex: "502a4d18 03000000 616263")

    private let unpacker = PayloadUnpacker(bytesMax: 1 << 20)

    private func unpack(_ payload: [UInt8], canBeginAsZlib: Bool = false) throws -> String? {
        try unpacker.unpack(payload[...], canBeginAsZlib: canBeginAsZlib)
            .map { String(decoding: unpacker.bytes[..<$0], as: UTF8.self) }
    }

    private func failure(_ payload: [UInt8]) -> DecodingFailure? {
        #expect(throws: DecodingFailure.self) { try unpack(payload) }
    }

    @Test(arguments: [
        gzip, zlib, smallZlib, zstd, members[0] + members[1], frames[0] + frames[1],
        frames[0] + skippable + frames[1], skippable + zstd, zstd + skippable,
    ])
    func packedTextComesBack(payload: [UInt8]) throws {
        #expect(try unpack(payload) == Self.text)
        // The unpacker is none the worse for it.
        #expect(try unpack(Self.gzip) == Self.text)
    }

    @Test(arguments: ["", "{", "{}", "8", "80", "x", "\u{1F}\u{8B}\u{08}", "(µ/ý", "P*M", "hello"])
    func plainTextIsNotPacked(text: String) throws {
        #expect(try unpack(Array(text.utf8), canBeginAsZlib: true) == nil)
    }

    @Test(arguments: [gzip, zlib, zstd, members[0] + members[1], frames[0] + frames[1]])
    func cutStreamIsRefusedAtEveryByte(payload: [UInt8]) throws {
        // Where the first part ends the whole may end; two bytes behind it are no member of gzip yet.
        let member = Self.members[0].count
        let ends = [Self.frames[0].count, member, member + 1, member + 2]
        for length in 4..<payload.count where !ends.contains(length) {
            let failure = failure(Array(payload[..<length]))
            #expect(failure?.kind == .notUnpacked)
            #expect(failure?.reason.contains("cut off") ?? false, "\(length): \(failure as Any)")
            #expect(failure?.position == length)
        }
    }

    @Test func damageIsFoundAndNamed() throws {
        for (payload, name) in [(Self.gzip, "gzip"), (Self.zlib, "zlib")] {
            var broken = payload
            broken[payload.count - (name == "gzip" ? 8 : 4)] ^= 1
            #expect(failure(broken)?.reason == "not unpacked as \(name): incorrect data check")
        }
        var broken = Self.zstd
        broken[broken.count - 1] ^= 1
        #expect(
            failure(broken)?.reason
                == "not unpacked as zstd: Restored data doesn't match checksum"
        )
        broken = Self.gzip
        broken[10] = 0x07
        #expect(failure(broken)?.reason == "not unpacked as gzip: invalid block type")
        #expect(failure(broken)?.position.map { $0 >= 10 } ?? false)
    }

    @Test(arguments: [(gzip, "gzip"), (zlib, "zlib"), (zstd, "zstd")])
    func whatFollowsIsRefused(payload: [UInt8], name: String) {
        for tail in [[0], [0x0A], Array("more".utf8)] as [[UInt8]] {
            let failure = failure(payload + tail)
            #expect(failure?.kind == .notUnpacked)
            #expect(
                failure?.reason == "not unpacked as \(name): bytes follow the compressed data"
            )
            #expect(failure?.position == payload.count)
        }
    }

    // Bounds.

    /// 1 GiB of zeros: 1,024 gzip members of 1 MiB each.
    private static let gzipBomb: [UInt8] = {
        let head = [UInt8](hex: "1f8b0800000000000203edc13101000000c2a0f54f6d085fa0")
        let tail = [UInt8](hex: "00000000000000000000003e031cea38a700001000")
        let member = head + [UInt8](repeating: 0, count: 1_005) + tail
        return Array(repeatElement(member, count: 1_024).joined())
    }()

    /// 1 GiB of zeros: 8,192 blocks, each of which repeats one byte 131,072 times.
    private static let zstdBomb: [UInt8] = {
        let block = { (isLast: UInt32) -> [UInt8] in
            let header = isLast | 1 << 1 | 131_072 << 3
            return (0..<3).map { UInt8(truncatingIfNeeded: header >> ($0 * 8)) } + [0]
        }
        let blocks = repeatElement(block(0), count: 8_191).joined()
        return [UInt8](hex: "28b52ffd 00 68") + blocks + block(1)
    }()

    @Test(arguments: [gzipBomb, zstdBomb])
    func bombStopsAtTheBound(bomb: [UInt8]) {
        let failure = failure(bomb)
        #expect(failure?.kind == .overLimit)
        #expect(failure?.reason == "the payload unpacks to more than limits.unpacked")
        #expect((failure?.position ?? bomb.count) < bomb.count / 100)
        #expect(unpacker.bytes.count <= (1 << 20) + 1 + JSONParser.padding)
    }

    @Test func boundItselfIsAllowed() throws {
        let exact = PayloadUnpacker(bytesMax: Self.text.utf8.count)
        let less = PayloadUnpacker(bytesMax: Self.text.utf8.count - 1)
        for payload in [Self.gzip, Self.zlib, Self.zstd, Self.members[0] + Self.members[1]] {
            #expect(try exact.unpack(payload[...], canBeginAsZlib: false) == Self.text.utf8.count)
            let failure = #expect(throws: DecodingFailure.self) {
                try less.unpack(payload[...], canBeginAsZlib: false)
            }
            #expect(failure?.kind == .overLimit)
        }
    }

    @Test func largeWindowIsRefused() {
        // A frame that wants a window of 1 GiB.
        let failure = failure([UInt8](hex: "28b52ffd 00 a0 090000 00"))
        #expect(failure?.kind == .notUnpacked)
        #expect(failure?.reason.contains("too much memory") ?? false)
    }

    // Through a topic.

    private func decoder(
        _ format: PayloadFormat = .object,
        _ encoding: PayloadEncoding = .json
    ) throws -> TestDecoder {
        let pattern = format == .object ? "fleet/{vehicle}/state" : "fleet/{vehicle}/{signal}"
        var topic = try TopicConfiguration.testing(pattern, format: format)
        topic.encoding = encoding
        return TestDecoder(topic)
    }

    @Test(arguments: [gzip, zlib, zstd])
    func packedObjectBecomesSignals(payload: [UInt8]) throws {
        let reading = try decoder().decode(payload)[0]
        #expect(reading.signals == ["speed": .int(42), "on": .bool(true)])
    }

    @Test func onlyOneLevelIsUnpacked() throws {
        // The gzip of `gzip`, whose text is not JSON.
        let twice = [UInt8](
            hex: "1f8b080000000000020393efe660000126e6d5615a7a1ebebe819b8c0c2f"
                + "059e3a1fbc494b53cb772d2b03cff48b4562401500074b59192a000000"
        )
        #expect(throws: DecodingFailure.self) { try decoder().decode(twice) }
    }

    @Test func positionInUnpackedTextIsCalledSo() throws {
        // `{"a":nul}`
        let payload = [UInt8](hex: "789cab564a54b2ca2bcda905000e6d0327")
        let failure = #expect(throws: DecodingFailure.self) { try decoder().decode(payload) }
        #expect(
            failure?.reason.hasSuffix(", in the unpacked payload") ?? false,
            "\(failure as Any)"
        )
    }

    /// `80` and `x^` are zlib headers by chance.
    @Test func whatOnlyBeginsAsZlibIsTakenAsItIs() throws {
        #expect(try decoder(.scalar).decode("80")[0].signals == ["state": .int(80)])
        #expect(try decoder(.scalar).decode("8017")[0].signals == ["state": .int(8_017)])
        #expect(try decoder(.text).decode("x^2")[0].signals == ["state": .text("x^2")])
        // A CBOR text of 94 bytes.
        let text = String(repeating: "a", count: 94)
        let cbor = try decoder(.scalar, .cbor).decode([0x78, 0x5E] + Array(text.utf8))
        #expect(cbor[0].signals == ["state": .text(text)])
        #expect(try decoder(.text).decode(Self.zlib)[0].signals == ["state": .text(Self.text)])
    }

    @Test func encodingsUnpackToo() throws {
        // {"speed": 42} in CBOR and in MessagePack, in zstd.
        let cbor = [UInt8](hex: "28b52ffd0458490000a1657370656564182a02f4c3c5")
        let pack = [UInt8](hex: "28b52ffd045841000081a573706565642a40e8605e")
        #expect(try decoder(.object, .cbor).decode(cbor)[0].signals == ["speed": .int(42)])
        #expect(try decoder(.object, .messagePack).decode(pack)[0].signals == ["speed": .int(42)])
    }

    /// The `raw` stream keeps bytes as they came, and says so of what is no text.
    @Test func rawIsWhatCame() throws {
        let gateway = try TestGateway()
        for (payload, isText) in [(Self.gzip, false), (Array(Self.text.utf8), true)] {
            let processed = try gateway.process([
                TestMessage("fleet/car/state", payload, arrival: .seconds(0))
            ])
            let event = try #require(processed.outcome.raw.first)
            #expect(Array(processed.batch.bytes[event.payload]) == payload)
            #expect(event.isText == isText)
            #expect(processed.outcome.enriched.count == 1)
        }
    }
}
