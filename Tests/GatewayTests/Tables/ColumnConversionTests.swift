// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct ColumnConversionTests {
    private static let readable: [(ColumnType?, SignalValue, SignalValue)] = [
        (nil, .int(1), .int(1)), (nil, .text("a"), .text("a")),
        (.int, .null, .null),
        (.text, .text("a"), .text("a")), (.text, .int(42), .text("42")),
        (.text, .bool(true), .text("true")), (.text, .double(0.5), .text("0.5")),
        (.int, .int(42), .int(42)), (.int, .text("-42"), .int(-42)),
        (.int, .bool(true), .int(1)), (.int, .double(42), .int(42)),
        // What AWS DMS makes of integers of more than 16 digits.
        (.int, .double(1.2345E+17), .int(123_450_000_000_000_000)),
        (.int, .double(-1E+18), .int(-1_000_000_000_000_000_000)),
        (.int, .double(9_007_199_254_740_992), .int(9_007_199_254_740_992)),
        (.int, .double(1.234E+16), .int(12_340_000_000_000_000)),
        (.float, .int(5), .double(5)), (.float, .text("1e3"), .double(1_000)),
        (.bool, .int(0), .bool(false)), (.bool, .text("true"), .bool(true)),
        (.bool, .text("1"), .bool(true)),
        // Debezium: io.debezium.time.Date, Timestamp, MicroTimestamp, NanoTimestamp, ZonedTimestamp.
        (.time(written: "epoch_d"), .int(17_096), .double(1_477_094_400)),
        (.time(written: "epoch_ms"), .int(1_477_094_400_500), .double(1_477_094_400.5)),
        (
            .time(written: "epoch_us"), .int(1_477_094_400_500_000),
            .double(1_477_094_400.5)
        ),
        (
            .time(written: "epoch_ns"), .int(1_477_094_400_500_000_000),
            .double(1_477_094_400.5)
        ),
        (.time(.iso8601), .text("2016-10-22T00:00:00.5Z"), .double(1_477_094_400.5)),
        (.time(.iso8601), .text("2016-10-22T02:00:00+02:00"), .double(1_477_094_400)),
        (
            .time(.pattern("yyyy-MM-dd HH:mm:ss.SSSSSS")), .text("2016-10-22 00:00:00.500000"),
            .double(1_477_094_400.5)
        ),
        // MySQL's zero date is none.
        (.time(.pattern("yyyy-MM-dd HH:mm:ss")), .text("0000-00-00 00:00:00"), .null),
        (.time(.iso8601), .null, .null),
    ]

    private static let unreadable: [(ColumnType, SignalValue)] = [
        (.int, .text("a")), (.int, .text("1.5")), (.int, .double(1.5)), (.int, .text("")),
        // Digits behind the 15th are not what the source sent.
        (.int, .double(1.2345678901234568E+17)), (.int, .double(1.23456789012345E+17)),
        (.int, .double(1E+19)), (.int, .double(1E+300)), (.int, .double(.infinity)),
        (.int, .double(.nan)), (.int, .double(9_223_372_036_854_775_808)),
        (.float, .text("fast")), (.float, .text("nan")), (.float, .bool(true)),
        // A decimal of Debezium in bytes.
        (.float, .text("AVQ=")),
        (.bool, .int(2)), (.bool, .text("maybe")), (.bool, .double(1)),
        (.time(.iso8601), .text("2016-10-22")), (.time(.iso8601), .int(0)),
        (.time(written: "epoch_s"), .bool(true)),
        (.time(written: "epoch_s"), .int(1_477_094_400_500)),
    ]

    @Test func valueIsKeptAsTheColumnIs() {
        for (type, value, expected) in Self.readable {
            #expect(
                ColumnReader(type).read(value) == expected,
                "\(value) as \(String(describing: type))"
            )
        }
    }

    @Test func valueThatWouldSaySomethingElseIsRefused() {
        for (type, value) in Self.unreadable {
            #expect(ColumnReader(type).read(value) == nil, "\(value) as \(type)")
        }
    }

    @Test func firstValueTellsTheType() {
        #expect(ColumnType(of: .int(1)) == .int)
        #expect(ColumnType(of: .double(1)) == .float)
        #expect(ColumnType(of: .bool(true)) == .bool)
        #expect(ColumnType(of: .text("")) == .text)
        #expect(ColumnType(of: .null) == nil)
    }

    @Test func onlyWholeNumbersBecomeWider() {
        #expect(ColumnType.int.widened(by: .double(0.5)) == .float)
        #expect(ColumnType.int.widened(by: .text("a")) == nil)
        #expect(ColumnType.bool.widened(by: .int(2)) == nil)
    }
}
