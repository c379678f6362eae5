// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Gateway

@Suite struct EventTimeTests {
    /// 2026-01-05T08:00:00Z.
    private static let time = Timestamp.seconds(0)

    private func read(
        _ format: String,
        _ value: SignalValue,
        zone: String = "UTC"
    ) throws -> Timestamp? {
        let format = try #require(EventTimeFormat(format))
        return EventTimeReader(EventTimeConfiguration(paths: ["t"], format: format, timeZone: zone))
            .read(value)
    }

    @Test(
        arguments: [
            ("epoch_s", .int(1_767_600_000), 0), ("epoch_s", .double(1_767_600_000.123), 123),
            ("epoch_s", .text("1767600000.5"), 500), ("epoch_ms", .int(1_767_600_000_001), 1),
            ("epoch_ms", .text("1767600000001"), 1), ("epoch_us", .int(1_767_600_000_001_499), 1),
            ("epoch_ns", .int(1_767_600_000_001_500_000), 2),
            ("epoch_ms", .double(1.767_600_000_002e12), 2),
        ] as [(String, SignalValue, Int64)]
    )
    func numberSince1970IsRead(format: String, value: SignalValue, milliseconds: Int64) throws {
        #expect(try read(format, value) == Self.time + milliseconds)
    }

    @Test(
        arguments: [
            ("2026-01-05T08:00:00Z", 0), ("2026-01-05T08:00:00.123Z", 123),
            ("2026-01-05T08:00:00.1Z", 100), ("2026-01-05T08:00:00.123456Z", 123),
            ("2026-01-05T08:00:00.123456789Z", 123), ("2026-01-05T09:00:00+01:00", 0),
            ("2026-01-05T09:00:00+0100", 0), ("2026-01-05T03:30:00.5-04:30", 500),
            ("2026-01-05T08:00:00+00:00", 0),
        ] as [(String, Int64)]
    )
    func iso8601IsReadWithAndWithoutFractionAndOffset(text: String, milliseconds: Int64) throws {
        #expect(try read("iso8601", .text(text)) == Self.time + milliseconds)
    }

    @Test(arguments: [
        ("EEE MMM dd HH:mm:ss z yyyy", "Mon Jan 05 08:00:00 UTC 2026", "UTC"),
        ("EEE MMM dd HH:mm:ss z yyyy", "Mon Jan 05 08:00:00 GMT 2026", "Europe/Berlin"),
        ("EEE MMM dd HH:mm:ss z yyyy", "Mon Jan 05 03:00:00 EST 2026", "UTC"),
        ("EEE MMM dd HH:mm:ss z yyyy", "Mon Jan 05 09:00:00 GMT+01:00 2026", "UTC"),
        ("yyyy-MM-dd HH:mm:ss", "2026-01-05 08:00:00", "UTC"),
        ("yyyy-MM-dd HH:mm:ss", "2026-01-05 09:00:00", "Europe/Berlin"),
        ("MM/dd/yyyy HH:mm:ss", "01/05/2026 08:00:00", "UTC"),
        ("dd.MM.yyyy HH:mm:ss.SSS", "05.01.2026 08:00:00.000", "UTC"),
    ])
    func patternIsRead(format: String, text: String, zone: String) throws {
        #expect(try read(format, .text(text), zone: zone) == Self.time)
    }

    @Test(arguments: ["CET", "MEZ"])
    func zoneNameOfTheConfiguredZoneIsRead(name: String) throws {
        // What java.util.Date prints on a German device.
        let text = SignalValue.text("Mon Jan 05 09:00:00 \(name) 2026")
        let time = try read("EEE MMM dd HH:mm:ss z yyyy", text, zone: "Europe/Berlin")
        #expect(time == Self.time)
    }

    @Test(
        arguments: [
            ("epoch_s", .text("soon")), ("epoch_s", .bool(true)), ("epoch_s", .null),
            ("epoch_s", .int(1_767_600_000_000)), ("epoch_s", .double(1e300)),
            ("epoch_s", .text("nan")),
            ("iso8601", .int(1_767_600_000)), ("iso8601", .text("2026-01-05")),
            ("iso8601", .text("")),
            ("iso8601", .text("2026-13-05T08:00:00Z")), ("yyyy-MM-dd", .text("today")),
            ("yyyy-MM-dd", .int(2026)),
        ] as [(String, SignalValue)]
    )
    func valueInNoSuchFormatIsUnreadable(format: String, value: SignalValue) throws {
        #expect(try read(format, value) == nil)
    }

    @Test(arguments: [
        "2026-01-05T08:00:00Zgarbage", "2026-02-30T08:00:00Z", "2026-02-29T08:00:00Z",
        "2026-01-05T24:00:00Z", "2026-01-05T08:00:00.Z", "2026-01-05T08:00:00",
        "2026-1-5T08:00:00Z",
        "2026-01-05T08:00:00+1", " 2026-01-05T08:00:00Z", "2026-01-05T08:00:00\u{661}Z",
    ])
    func whatOnlyStartsLikeATimeIsUnreadable(text: String) throws {
        let time = try read("iso8601", .text(text))
        #expect(time == nil)
    }

    @Test func iso8601IsWhatFoundationReads() throws {
        let style = Date.ISO8601FormatStyle()
        var random = SplitMix64(seed: 7)
        // From 1589 on: before, Foundation counts by the Julian calendar.
        for _ in 0..<2_000 {
            let seconds = Int64.random(in: -12_000_000_000...200_000_000_000, using: &random)
            let text = style.format(Date(timeIntervalSince1970: Double(seconds)))
            let expected = Timestamp(milliseconds: seconds * 1_000)
            #expect(try read("iso8601", .text(text)) == expected, "\(text)")
        }
    }

    @Test(arguments: ["epoch", "", "HH:mm", "yyyy"])
    func formatThatTellsNoDayIsRefused(text: String) {
        #expect(EventTimeFormat(text) == nil)
    }

    // In a decoder: what is believed.

    private func decode(
        _ payload: String,
        paths: [String] = ["t"],
        format: String = "epoch_ms"
    ) throws
        -> Reading
    {
        let format = try #require(EventTimeFormat(format))
        let topic = try TopicConfiguration.testing(
            eventTime: EventTimeConfiguration(paths: paths, format: format)
        )
        return try TestDecoder(topic).decode(payload, arrival: Self.time)[0].reading
    }

    @Test func plausibleTimeIsBelieved() throws {
        let reading = try decode(#"{"t":1767600299999}"#)
        #expect(reading.eventTime == .seconds(300) + -1)
        #expect(reading.clockFlag == nil)
    }

    @Test(
        arguments: [
            (#"{"t":1767600300000}"#, nil), (#"{"t":1767600300001}"#, .future),
            (#"{"t":253402300799999}"#, .future), (#"{"t":946684800000}"#, nil),
            (#"{"t":946684799999}"#, .past), (#"{"t":0}"#, .past), (#"{"t":-5}"#, .past),
            (#"{"t":"soon"}"#, .unreadable), (#"{"t":null}"#, .unreadable),
            (#"{"t":true}"#, .unreadable),
            (#"{"t":1e300}"#, .unreadable),
        ] as [(String, ClockFlag?)]
    )
    func deviceClockIsFlagged(payload: String, flag: ClockFlag?) throws {
        let reading = try decode(payload)
        #expect(reading.clockFlag == flag)
        if flag != nil { #expect(reading.eventTime == Self.time) }
    }

    @Test(arguments: ["{}", #"{"t":{}}"#, #"{"x":1}"#])
    func readingWithoutATimeHasItsArrivals(payload: String) throws {
        let reading = try decode(payload)
        #expect(reading.eventTime == Self.time)
        #expect(reading.clockFlag == nil)
    }

    @Test(arguments: [
        #"{"d":{"date":"01/04/2026","time":"07:30:00"}}"#,
        #"{"d":{"time":"07:30:00","x":1,"date":"01/04/2026"}}"#,
    ])
    func dateAndTimeInTwoFieldsAreJoinedInTheOrderConfigured(payload: String) throws {
        let reading = try decode(
            payload,
            paths: ["d.date", "d.time"],
            format: "MM/dd/yyyy HH:mm:ss"
        )
        #expect(reading.eventTime == .seconds(-86_400 - 1_800))
    }

    @Test func halfOfATimeIsUnreadable() throws {
        let reading = try decode(
            #"{"date":"01/04/2026"}"#,
            paths: ["date", "time"],
            format: "MM/dd/yyyy HH:mm:ss"
        )
        #expect(reading.clockFlag == .unreadable)
    }

    @Test func nameValueMessagesTellTheirTime() throws {
        let topic = try TopicConfiguration.testing(
            format: .nameValue,
            eventTime: EventTimeConfiguration(
                paths: ["timestamp"],
                format: .epoch(unitsPerMillisecond: 0.001)
            )
        )
        let payload = #"{"name":"a","value":1,"timestamp":1767599999.5}"#
        let reading = try TestDecoder(topic).decode(payload, arrival: Self.time)[0].reading
        #expect(reading.eventTime == Self.time + -500)
    }
}
