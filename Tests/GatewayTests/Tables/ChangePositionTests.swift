// SPDX-License-Identifier: Apache-2.0
// The order of changes: what a source says about its log decides, and otherwise the time.
import Testing

@testable import Gateway

/// Two places of one log, the first before the second.
private struct Pair: CustomTestStringConvertible {
    let testDescription: String
    let first: String
    let second: String

    init(_ name: String, _ first: String, _ second: String) {
        testDescription = name
        self.first = first
        self.second = second
    }
}

@Suite struct ChangePositionTests {
    private static let pairs = [
        Pair("MySQL: position", "mysql-bin.000003/484/0", "mysql-bin.000003/1001/0"),
        Pair("MySQL: row of an event", "mysql-bin.000003/484/9", "mysql-bin.000003/484/10"),
        Pair("MySQL: file", "mysql-bin.000009/999/0", "mysql-bin.000010/4/0"),
        Pair("MySQL: file number grows", "mysql-bin.999999/9/0", "mysql-bin.1000000/4/0"),
        Pair("PostgreSQL: LSN", "9999999", "24023128"),
        Pair("SQL Server: commit", "00000027:00000ac0:0002/1", "00000027:00000b01:0001/1"),
        Pair("SQL Server: digit and letter", "00000027:00000990:0002", "00000027:00000a90:0002"),
        Pair("SQL Server: file", "0000000f:ffffffff:0002", "00000010:00000000:0001"),
        Pair("Oracle: SCN", "2122185/2122184/001234.00012345.0124/1", "2122186/1/000001.0.0/0"),
        Pair("hexadecimal in capitals", "00000002/7C0073F8.2", "00000002/7C00740A.1"),
        Pair(
            "DMS: position",
            "mysql-bin-changelog.000003:484:0:512:7:mysql-bin-changelog.000003:400/1",
            "mysql-bin-changelog.000003:1484:0:1512:8:mysql-bin-changelog.000003:1400/1"
        ),
        Pair(
            "DMS: record of a transaction",
            "mysql-bin.000003:484:0/2",
            "mysql-bin.000003:484:0/10"
        ),
        Pair("leading zeros", "0099", "100"),
    ]

    private func place(_ sequence: String, time: Int64 = 0) -> ChangePosition {
        ChangePosition(time: time, lineage: "log", sequence: sequence)
    }

    @Test(arguments: pairs)
    private func placeInTheLogDecidesWhateverTheTime(pair: Pair) {
        let (first, second) = (place(pair.first, time: 9), place(pair.second, time: 1))
        #expect(second.order(after: first) == .newer)
        #expect(first.order(after: second) == .older)
        #expect(first.order(after: first) == .same)
    }

    @Test func samePlaceIsTheSameChangeWhenItIsCapturedAgain() {
        #expect(place("a.1/4", time: 9).order(after: place("a.1/4", time: 1)) == .same)
        #expect(place("a.01/4").order(after: place("a.1/4")) == .same)
        #expect(place("00AB").order(after: place("00ab")) == .same)
    }

    @Test(arguments: [
        ("mysql-bin.000009/4/0", "binlog.000001/4/0"), ("1/2", "1/2/3"), ("mysql", "17"),
    ])
    func placesThatDoNotCorrespondAreOrderedByTime(one: String, other: String) {
        #expect(place(one, time: 1).order(after: place(other, time: 2)) == .older)
        #expect(place(other, time: 2).order(after: place(one, time: 1)) == .newer)
    }

    @Test func placesOfTwoLogsAreOrderedByTime() {
        let one = ChangePosition(time: 1, lineage: "a", sequence: "9")
        let other = ChangePosition(time: 2, lineage: "b", sequence: "1")
        #expect(other.order(after: one) == .newer)
        #expect(one.order(after: other) == .older)
    }

    @Test func whatCannotBeToldApartIsTakenAsItArrives() {
        let one = ChangePosition(time: 1)
        #expect(one.order(after: one) == .newer)
    }

    @Test(arguments: 0..<200)
    func orderWithinOneLogIsThatOfItsNumbers(seed: UInt64) {
        // Places drawn close to each other, so that fields are often equal; the model compares the
        // numbers that the text was made of.
        var random = SplitMix64(seed: seed)
        let makers: [([Int]) -> String] = [
            { "mysql-bin.\(Self.padded($0[0] + 999_998, 6, 10))/\($0[1] + 98)/\($0[2] + 8)" },
            { "\($0[0] * 1_000_000 + $0[1] * 1_000 + $0[2] + 9_999_990)" },
            { fields in
                fields.map { Self.padded($0 + 0x9E, 8, 16) }.joined(separator: ":")
            },
            { "\($0[0] + 99)/\($0[1] + 9)/00\(String($0[2] + 0x9E, radix: 16, uppercase: true))" },
        ]
        let make = random.pick(makers)
        let numbers = (0..<12).map { _ in (0..<3).map { _ in random.int(0...3) } }
        for left in numbers {
            for right in numbers {
                let order = place(make(left), time: Int64(random.int(0...9)))
                    .order(after: place(make(right), time: Int64(random.int(0...9))))
                let expected: ChangePosition.Order =
                    left == right ? .same : left.lexicographicallyPrecedes(right) ? .older : .newer
                #expect(order == expected, "\(make(left)) after \(make(right))")
            }
        }
    }

    @Test(arguments: 0..<200)
    func orderIsAntisymmetricAndTransitive(seed: UInt64) {
        // Any text of the same number of fields, of digits and hexadecimal letters.
        var random = SplitMix64(seed: seed)
        let places = (0..<8)
            .map { _ in
                place(
                    (0..<2)
                        .map { _ in
                            (0..<random.int(1...3)).map { _ in random.pick(["0", "1", "a", "F"]) }
                                .joined()
                        }
                        .joined(separator: ":")
                )
            }
        for one in places {
            for other in places {
                let order = one.order(after: other)
                let back = other.order(after: one)
                #expect((order == .same) == (back == .same))
                #expect((order == .newer) == (back == .older))
                for third in places where order == .newer && other.order(after: third) == .newer {
                    #expect(one.order(after: third) == .newer, "\(one) \(other) \(third)")
                }
            }
        }
    }

    @Test(arguments: [
        ChangePosition(time: 1_722_214_684_886_717),
        ChangePosition(
            time: -1,
            lineage: "debezium/a b/223344",
            sequence: "mysql-bin.000003/484/0"
        ),
        ChangePosition(time: 0, lineage: "rows", sequence: "with some spaces"),
        ChangePosition(time: .min, lineage: "", sequence: "7"),
    ])
    func positionIsReadAsItWasWritten(position: ChangePosition) {
        #expect(ChangePosition(position.text) == position)
    }

    private static func padded(_ number: Int, _ width: Int, _ radix: Int) -> String {
        let digits = String(number, radix: radix)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
