// SPDX-License-Identifier: Apache-2.0
// A followed statement sees each event once and in order, whatever the commits were. Method: a real
// log, commits of random sizes, and evaluations at random moments between them.
import Testing

@testable import Gateway

@Suite struct FollowTests {
    private func evaluateAll(_ follow: Follow) throws {
        while try follow.evaluate() {}
    }

    private func offsets(_ csv: String) -> [Int64] {
        csv.split(separator: "\r\n").compactMap { Int64($0) }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func eachEventComesOnceAndInOrder(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let rig = try QueryRig()
        try rig.gateway.process(["{}", "{}", "{}"])
        let follow = try rig.follow("SELECT offset FROM raw")
        var seen: [Int64] = []
        for _ in 0..<60 {
            let count = Int.random(in: 0...40, using: &random)
            try rig.gateway.process((0..<count).map { "{\"n\":\($0)}" })
            if Bool.random(using: &random) {
                try evaluateAll(follow)
                seen += offsets(try rig.written())
            }
        }
        try evaluateAll(follow)
        seen += offsets(try rig.written())
        let last = try rig.gateway.offsets("raw").last ?? 0
        #expect(seen == Array(4...last))
    }

    @Test func burstIsEvaluatedInPieces() throws {
        let rig = try QueryRig()
        let total = Int(StreamBounds.eventsMax) + 5_000
        for _ in 0..<(total / 1_000) {
            try rig.gateway.process([String](repeating: "{}", count: 1_000))
        }
        let follow = try rig.follow("SELECT count(*) AS n FROM raw", fromBeginning: true)
        #expect(try follow.evaluate())
        #expect(try !follow.evaluate())
        #expect(try rig.written() == "n\r\n10000\r\n5000\r\n")
    }

    @Test func tablesAreJoinedWhole() throws {
        let rig = try QueryRig()
        try rig.write("CREATE TABLE car (id, plate); INSERT INTO car VALUES ('car', 'B-X 1')")
        let follow = try rig.follow(
            "SELECT offset, plate FROM raw AS r JOIN car ON car.id = r.key WHERE payload ->> '$.n' > 1"
        )
        try rig.gateway.process(["{\"n\":1}", "{\"n\":2}"])
        try evaluateAll(follow)
        try rig.gateway.process(["{\"n\":3}"])
        try evaluateAll(follow)
        #expect(try rig.written() == "offset,plate\r\n2,B-X 1\r\n3,B-X 1\r\n")
    }

    @Test func whatWasRemovedIsReported() throws {
        let rig = try QueryRig()
        var told: [String] = []
        let follow = try rig.follow("SELECT offset FROM raw") { told.append($0) }
        try rig.gateway.process([String](repeating: "{}", count: 10))
        try rig.gateway.writer.deleteHead(of: "raw", through: 6)
        try evaluateAll(follow)
        #expect(told == ["6 event(s) of raw were removed before they were read"])
        #expect(offsets(try rig.written()) == [7, 8, 9, 10])
    }

    @Test(arguments: [
        ("SELECT * FROM vehicles", "reads no stream"),
        ("SELECT * FROM main.raw", "reads no stream"),
        ("SELECT 1", "reads no stream"), ("", "no SELECT"),
        ("SELECT * FROM raw; SELECT 1", "not several"),
    ])
    func whatCannotBeFollowedIsTold(sql: String, reason: String) throws {
        let rig = try QueryRig()
        let error = #expect(throws: QueryError.self) { try rig.follow(sql) }
        guard case .cannotFollow(let told)? = error else {
            Issue.record("\(error?.description ?? "followed")")
            return
        }
        #expect(told.contains(reason))
    }

    @Test(arguments: StreamName.all)
    func everyStreamCanBeFollowed(stream: String) throws {
        let rig = try QueryRig()
        #expect(throws: Never.self) { try rig.follow("SELECT count(*) FROM \"\(stream)\"") }
    }
}
