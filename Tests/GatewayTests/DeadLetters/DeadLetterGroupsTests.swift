// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct DeadLetterGroupsTests {
    private func letter(
        _ offset: Int64,
        _ reason: String,
        kind: String? = nil,
        source: String = "vehicles",
        topic: String = "fleet/car-1/state"
    ) -> StoredDeadLetter {
        var json = JSONWriter()
        json.raw("{")
        for (name, value) in [
            ("source", source), ("topic", topic), ("reason", reason), ("payload", ""),
        ] {
            json.member(name)
            json.string(value)
        }
        if let kind {
            json.member("kind")
            json.string(kind)
        }
        json.raw("}")
        return StoredDeadLetter(
            offset: offset,
            arrival: .seconds(offset),
            vehicle: "",
            json: json.bytes
        )
    }

    private func groups(_ letters: [StoredDeadLetter]) throws -> [DeadLetterGroups.Group] {
        var groups = DeadLetterGroups(try .testing())
        for letter in letters { groups.add(letter) }
        return groups.sorted
    }

    @Test func oneKindIsOneGroupWhateverItSays() throws {
        let groups = try groups([
            letter(1, "no vehicle id at 'a'", kind: "no_vehicle"),
            letter(2, "no vehicle id at 'b'", kind: "no_vehicle", topic: "fleet/car-2/state"),
            letter(3, "not JSON", kind: "not_json"),
        ])
        #expect(groups.map(\.count) == [2, 1])
        #expect(groups[0].key.reason == "no_vehicle")
        #expect(groups[0].key.topic == "fleet/{vehicle}/state")
        #expect(groups[0].first == .seconds(1))
        #expect(groups[0].last == .seconds(2))
        #expect(groups[0].example == 2)
        #expect(groups[0].words == "no vehicle id at 'b'")
    }

    @Test func reasonsThatDifferInNumbersAreOneGroup() throws {
        let groups = try groups([
            letter(1, "element 12: too deep"), letter(2, "element 7: too deep"),
        ])
        #expect(groups.map(\.count) == [2])
        #expect(groups[0].key.reason == "element #: too deep")
    }

    @Test func sourcesAndPatternsAreKeptApart() throws {
        let groups = try groups([
            letter(1, "x", kind: "refused", source: "cloud/enriched/5"),
            letter(2, "x", kind: "refused", source: "cloud/enriched/6", topic: "fleet/car-2/state"),
            letter(3, "x", kind: "no_pattern", topic: "other/topic"),
            letter(4, "x", kind: "no_key", source: "table/car", topic: "/srv/car.csv"),
        ])
        #expect(
            Set(groups.map { "\($0.key.source) \($0.key.topic) \($0.count)" }) == [
                "cloud/enriched fleet/{vehicle}/state 2", "vehicles (no pattern) 1",
                "table/car /srv/car.csv 1",
            ]
        )
    }

    // Filters.

    private func takes(_ filter: DeadLetterFilter, _ letter: StoredDeadLetter) -> Bool {
        filter.takes(letter)
    }

    @Test func everyFilterCounts() throws {
        let one = letter(5, "Not JSON", kind: "not_json")
        let refused = letter(6, "too large", kind: "refused", source: "cloud/enriched/9")
        #expect(takes(DeadLetterFilter(), one))
        #expect(takes(DeadLetterFilter(source: "vehicles"), one))
        #expect(!takes(DeadLetterFilter(source: "vehicle"), one))
        #expect(takes(DeadLetterFilter(source: "cloud"), refused))
        #expect(takes(DeadLetterFilter(source: "cloud/enriched"), refused))
        #expect(!takes(DeadLetterFilter(source: "clou"), refused))
        #expect(takes(DeadLetterFilter(topic: try TopicPattern("fleet/+/state")), one))
        #expect(takes(DeadLetterFilter(topic: try TopicPattern("fleet/#")), one))
        #expect(!takes(DeadLetterFilter(topic: try TopicPattern("fleet/+")), one))
        #expect(takes(DeadLetterFilter(reason: "not_json"), one))
        #expect(takes(DeadLetterFilter(reason: "json"), one))
        #expect(!takes(DeadLetterFilter(reason: "not_text"), one))
        #expect(takes(DeadLetterFilter(since: .seconds(5)), one))
        #expect(!takes(DeadLetterFilter(since: .seconds(6)), one))
        #expect(!takes(DeadLetterFilter(until: .seconds(5)), one))
        #expect(takes(DeadLetterFilter(until: .seconds(6)), one))
        var replayed = one
        replayed.replayedAt = .seconds(9)
        #expect(takes(DeadLetterFilter(), replayed))
        #expect(!takes(DeadLetterFilter(isOpen: true), replayed))
    }

    @Test func momentsAreTimesOrDurations() {
        #expect(DeadLetterFilter.time("2h", now: .seconds(7_200)) == .seconds(0))
        #expect(DeadLetterFilter.time("2026-01-05T08:00:01Z", now: .seconds(0)) == .seconds(1))
        #expect(DeadLetterFilter.time("yesterday", now: .seconds(0)) == nil)
    }
}
