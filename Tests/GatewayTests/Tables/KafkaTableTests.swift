// SPDX-License-Identifier: Apache-2.0
// Goal: what Kafka adds to changes does to a table what it means.
import Testing

@testable import Gateway

/// What Kafka adds: partitions, tombstones, topics that are made anew.
@Suite struct KafkaTableTests {
    private func rig(_ lines: String...) throws -> TableRig {
        try TableRig(
            (["format: debezium"] + lines)
                .reduce(
                    TableRig.table(
                        "car",
                        "columns: {id: int, v: int}",
                        #"source: {type: kafka, brokers: "localhost:9092", topic: cars}"#,
                        "operation: none",
                        "position: none"
                    )
                ) { $0 + "\n    " + $1 }
        )
    }

    private func place(
        _ offset: Int64,
        partition: Int32 = 0,
        _ kind: RecordPlace.Kind = .change
    )
        -> RecordPlace
    {
        var place = RecordPlace(kind: kind)
        place.offset = offset
        place.partition = partition
        place.time = .seconds(offset)
        return place
    }

    private func row(_ id: Int, _ snapshot: String, _ second: Int) -> String {
        #"{"op":"r","ts_ms":\#(1_767_600_000_000 + second * 1_000),"before":null,"#
            + #""after":{"id":\#(id),"v":\#(second)},"source":{"name":"pg","table":"car","#
            + #""snapshot":"\#(snapshot)"}}"#
    }

    @Test func topicThatWasMadeAnewIsTakenThoughItsOffsetsAreLower() throws {
        let rig = try rig()
        try rig.record(row(1, "first", 1), place(500))
        try rig.record(row(2, "last", 2), place(501))
        #expect(try rig.rows() == ["1,1", "2,2"])
        try rig.record("", place(-1, .beganAnew))
        try rig.record(row(1, "first", 10), place(0))
        try rig.record(row(3, "last", 11), place(1))
        #expect(try rig.rows() == ["1,10", "3,11"])
        try rig.expectSame()
    }

    @Test func tombstoneRemovesARowThatHasNotBeenDeleted() throws {
        let rig = try rig()
        try rig.record(row(1, "first", 1), place(1))
        try rig.record(row(2, "last", 2), place(2))
        try rig.record("", key: #"{"id":1}"#, place(3, .tombstone))
        #expect(try rig.rows() == ["2,2"])
        try rig.record("", key: #"{"id":7}"#, place(4, .tombstone))
        try rig.record("", key: "nonsense", place(5, .tombstone))
        #expect(try rig.reasons().count == 1)
        #expect(try rig.gateway.log.offsets(of: "car").map(\.offset) == [6])
        try rig.expectSame()
    }

    @Test func emptyTopicBecomesReadySomeTimeAfterItsFirstChange() throws {
        let rig = try rig()
        try rig.record("", place(-1, .caughtUp))
        #expect(!rig.table().state.isHeard)
        try rig.record(row(1, "false", 1).replacing("\"r\"", with: "\"c\""), place(0), at: 10)
        #expect(!rig.isReady)
        try rig.clock(16)
        #expect(rig.isReady)
    }

    @Test func timeOfARecordMayBeNonsense() throws {
        let rig = try rig()
        for time in [Int64.max, .min] {
            var place = place(1)
            place.time = Timestamp(milliseconds: time)
            try rig.record(#"{"id":1,"v":5}"#, place)
        }
        #expect(try rig.rows() == ["1,5"])
    }
}
