// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Gateway

@Suite struct TimestampTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (1_767_600_000_123, "2026-01-05T08:00:00.123Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-2_208_988_800_000, "1900-01-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)]
    )
    func timeIsWrittenAsRFC3339(milliseconds: Int64, text: String) {
        #expect(Timestamp(milliseconds: milliseconds).iso8601 == text)
    }

    @Test func everyTimeReadsBackAsItself() throws {
        var random = SplitMix64(seed: 7)
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        for _ in 0..<2_000 {
            let time = Timestamp(milliseconds: Int64(random.int(0...253_402_300_799_999)))
            let date = try format.parse(time.iso8601)
            #expect(Int64((date.timeIntervalSince1970 * 1_000).rounded()) == time.milliseconds)
        }
    }

    @Test func arithmeticIsInMilliseconds() {
        #expect(Timestamp.seconds(1) + 500 - .seconds(0) == 1_500)
        #expect(Timestamp.seconds(1) < .seconds(1) + 1)
    }
}
