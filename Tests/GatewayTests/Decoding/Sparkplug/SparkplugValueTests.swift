// SPDX-License-Identifier: Apache-2.0
// Goal: each data type of Sparkplug reads as docs/encodings.md says. Method: one metric, as JSON.
import Foundation
import SparkplugProtocol
import Testing

@testable import Gateway

@Suite struct SparkplugValueTests {
    /// The member that a metric becomes.
    private func json(_ type: UInt32, _ value: SparkplugMetric.OneOf_Value?) throws -> String {
        var writer = SparkplugReadingWriter(bytesMax: 10_000)
        writer.begin()
        try writer.readings(
            of: "v",
            SparkplugPayload(),
            [
                SparkplugNamedMetric(
                    name: "m",
                    type: SparkplugType(rawValue: type) ?? .unknown,
                    metric: SparkplugMetric(nil, type: type, value)
                )
            ],
            hasGap: false
        )
        writer.end()
        let text = String(decoding: writer.json.bytes, as: UTF8.self)
        let prefix = #"[{"vehicle":"v","online":true,"seq_gap":false"#
        #expect(text.hasPrefix(prefix) && text.hasSuffix("}]"))
        return String(text.dropFirst(prefix.count).dropLast(2))
    }

    @Test(
        arguments: [
            (1, 0xFF, "-1"), (1, 0xFFFF_FFFF, "-1"), (2, 0x8000, "-32768"),
            (3, 0x8000_0000, "-2147483648"),
            (5, 255, "255"), (6, 65_535, "65535"), (7, 0xFFFF_FFFF, "4294967295"), (11, 1, "true"),
            (0, 7, "7"), (99, 0xFFFF_FFFF, "4294967295"),
        ] as [(UInt32, UInt32, String)]
    )
    func numberOfFourBytes(type: UInt32, number: UInt32, expected: String) throws {
        #expect(try json(type, .intValue(number)) == ",\"m\":\(expected)")
    }

    @Test(
        arguments: [
            (4, .max, "-1"), (8, .max, "18446744073709551615"),
            (13, 1_767_600_000_000, "1767600000000"),
            (3, .max, "-1"), (0, .max, "18446744073709551615"),
        ] as [(UInt32, UInt64, String)]
    )
    func numberOfEightBytes(type: UInt32, number: UInt64, expected: String) throws {
        #expect(try json(type, .longValue(number)) == ",\"m\":\(expected)")
    }

    @Test func otherScalars() throws {
        #expect(try json(9, .floatValue(0.1)) == #","m":0.1"#)
        #expect(try json(9, .floatValue(.nan)) == #","m":null"#)
        #expect(try json(10, .doubleValue(0.1)) == #","m":0.1"#)
        #expect(try json(10, .doubleValue(.infinity)) == #","m":null"#)
        #expect(try json(11, .booleanValue(true)) == #","m":true"#)
        #expect(try json(12, .stringValue("a\"b")) == #","m":"a\"b""#)
        #expect(try json(17, .bytesValue(Data([1, 2, 3, 4]))) == #","m":"AQIDBA==""#)
        #expect(try json(3, nil) == #","m":null"#)
    }

    @Test(
        arguments: [
            (22, "ff01", "[-1,1]"), (23, "ff7f0080", "[32767,-32768]"), (24, "ffffffff", "[-1]"),
            (25, "ffffffffffffffff", "[-1]"), (26, "ff01", "[255,1]"), (27, "ffff", "[65535]"),
            (28, "ffffffff", "[4294967295]"), (29, "ffffffffffffffff", "[18446744073709551615]"),
            (30, "cdcccc3d", "[0.1]"), (31, "9a9999999999b93f", "[0.1]"),
            (
                32, "0c00000034d0",
                "[false,false,true,true,false,true,false,false,true,true,false,true]"
            ),
            (33, "41424300 68656c6c6f00", #"["ABC","hello"]"#),
            (34, "c7d0904588010000", "[1684794298567]"),
            (22, "", "[]"), (33, "", "[]"),
            // What is no such array stays bytes.
            (23, "ff", #""/w==""#), (33, "41", #""QQ==""#), (32, "09000000ff", #""CQAAAP8=""#),
        ] as [(UInt32, String, String)]
    )
    func packedArray(type: UInt32, hex: String, expected: String) throws {
        #expect(try json(type, .bytesValue(Data([UInt8](hex: hex)))) == ",\"m\":\(expected)")
    }

    @Test func dataSetIsAnArrayOfRows() throws {
        var set = SparkplugDataSet()
        set.columns = ["a", "b"]
        set.types = [1, 12]
        set.rows = [[.intValue(255), .stringValue("x")], [.intValue(1)]]
            .map { (cells: [SparkplugCell.OneOf_Value]) in
                var row = SparkplugRow()
                row.elements = cells.map {
                    var cell = SparkplugCell()
                    cell.value = $0
                    return cell
                }
                return row
            }
        #expect(
            try json(16, .datasetValue(set)) == #","m":[{"a":-1,"b":"x"},{"a":1,"b":null}]"#
        )
    }

    @Test func templateIsItsMembers() throws {
        var inner = SparkplugTemplate()
        inner.metrics = [SparkplugMetric("x/y", type: 3, .intValue(2))]
        var outer = SparkplugTemplate()
        outer.metrics = [
            SparkplugMetric("a", type: 3, .intValue(1)),
            SparkplugMetric("t", type: 19, .templateValue(inner)),
        ]
        #expect(try json(19, .templateValue(outer)) == #","m.a":1,"m.t.x.y":2"#)
        outer.isDefinition = true
        #expect(try json(19, .templateValue(outer)) == "")
    }

    @Test func ownNamesAreKeptFromMetrics() throws {
        var writer = SparkplugReadingWriter(bytesMax: 10_000)
        writer.begin()
        let metric = SparkplugNamedMetric(
            name: "online",
            type: .int32,
            metric: SparkplugMetric(nil, .intValue(3))
        )
        try writer.readings(of: "v", SparkplugPayload(), [metric], hasGap: true)
        #expect(
            String(decoding: writer.json.bytes, as: UTF8.self)
                == #"[{"vehicle":"v","online":true,"seq_gap":true,"metric.online":3}"#
        )
    }
}
