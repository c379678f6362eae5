// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct DurationTextTests {
    @Test(
        arguments: [
            ("0", 0), ("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("12h", 43_200_000),
            ("7d", 604_800_000), ("2w", 1_209_600_000), ("1h30m", 5_400_000),
            ("1d12h1ms", 129_600_001),
        ] as [(String, Int64)]
    )
    func durationIsReadAsPrometheusWritesIt(text: String, milliseconds: Int64) {
        #expect(DurationText.milliseconds(text) == milliseconds)
    }

    @Test(arguments: [
        "", "5", "s", "-5s", "1.5h", "5 s", "5S", "1y", "٣s", "5s ", "99999999999999999999s",
        "9223372036854775807w",
    ])
    func textThatIsNoDurationIsRefused(text: String) {
        #expect(DurationText.milliseconds(text) == nil)
    }

    @Test(
        arguments: [
            (0, "0s"), (-1, "0s"), (1, "1ms"), (1_000, "1s"), (90_000, "1m30s"),
            (1_209_600_000, "14d"), (86_400_001, "1d1ms"),
        ] as [(Int64, String)]
    )
    func durationIsWrittenShortAndExact(milliseconds: Int64, text: String) {
        #expect(DurationText.text(milliseconds) == text)
    }

    @Test func everyDurationReadsBackAsItWasWritten() {
        var random = SplitMix64(seed: 1)
        for _ in 0..<2_000 {
            let duration = Int64.random(in: 0...(1 << random.int(1...47)), using: &random)
            #expect(DurationText.milliseconds(DurationText.text(duration)) == duration)
        }
    }
}

@Suite struct ByteSizeTextTests {
    @Test(
        arguments: [
            ("4096", 4_096), ("0", 0), ("1_000", 1_000), ("512KiB", 524_288),
            ("64 MiB", 67_108_864),
            ("8GiB", 8_589_934_592), ("1TiB", 1 << 40), ("12B", 12), ("2mib", 2 << 20),
        ] as [(String, Int64)]
    )
    func sizeIsReadInBinaryUnits(text: String, bytes: Int64) {
        #expect(ByteSizeText.bytes(text) == bytes)
    }

    @Test(arguments: ["", "KiB", "-1", "1KB", "1.5MiB", "_", "8388608TiB", "99999999999999999999"])
    func textThatIsNoSizeIsRefused(text: String) {
        #expect(ByteSizeText.bytes(text) == nil)
    }

    @Test(
        arguments: [
            (0, "0 B"), (1_023, "1023 B"), (1_024, "1 KiB"), (1_025, "1025 B"), (3 << 20, "3 MiB"),
            (1 << 40, "1 TiB"),
        ] as [(Int64, String)]
    )
    func sizeIsWrittenInItsLargestExactUnit(bytes: Int64, text: String) {
        #expect(ByteSizeText.text(bytes) == text)
        #expect(ByteSizeText.bytes(text) == bytes)
    }
}
