// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct TopicPatternTests {
    @Test(arguments: [
        ("fleet/{vehicle}/state", "fleet/+/state"), ("#", "#"), ("a/+/{b}/#", "a/+/+/#"),
        ("/a//b/", "/a//b/"), ("{vehicle}", "+"), ("$SYS/broker", "$SYS/broker"),
    ])
    func patternGivesTheFilterToSubscribeTo(pattern: String, filter: String) throws {
        #expect(try TopicPattern(pattern).filter == filter)
    }

    @Test func namedLevelsAreListedInOrder() throws {
        #expect(try TopicPattern("v/{vehicle}/+/{signal}/#").fields == ["vehicle", "signal"])
    }

    @Test(arguments: [
        ("fleet/{vehicle}/state", "fleet/car 1/state", ["vehicle": "car 1"]),
        ("fleet/{vehicle}/state", "fleet//state", ["vehicle": ""]),
        ("fleet/{vehicle}/#", "fleet/a/b/c", ["vehicle": "a"]),
        ("{depot}/{vehicle}", "north/a", ["depot": "north", "vehicle": "a"]),
        ("fleet/+/state", "fleet/a/state", [:]),
        // A filter's '#' also matches the level above it (MQTT 5, section 4.7.1.2).
        ("fleet/{vehicle}/#", "fleet/a", ["vehicle": "a"]),
    ])
    func topicOfThePatternGivesItsFields(
        pattern: String,
        topic: String,
        fields: [String: String]
    )
        throws
    {
        #expect(try TopicPattern(pattern).match(topic) == fields)
    }

    @Test(arguments: [
        ("fleet/{vehicle}/state", "fleet/a/position"), ("fleet/{vehicle}/state", "fleet/a"),
        ("fleet/{vehicle}/state", "fleet/a/state/x"), ("fleet/+", "/fleet/a"),
        ("fleet/{vehicle}/#", "fleet"), ("Fleet/+", "fleet/a"),
    ])
    func anyOtherTopicDoesNotMatch(pattern: String, topic: String) throws {
        #expect(try TopicPattern(pattern).match(topic) == nil)
    }

    @Test(arguments: [
        ("", "must not be empty"), ("$share/g/a", "set 'share' on the source"),
        ("a/#/b", "'#' must be the last level"), ("a/b+", "level 'b+'"), ("a/{", "level '{'"),
        ("a/{}", "level '{}'"), ("a/x{b}", "level 'x{b}'"), ("{a}/{a}", "names a level twice"),
    ])
    func patternThatCannotBeUsedSaysWhy(pattern: String, reason: String) {
        let error = #expect(throws: TopicPatternError.self) { try TopicPattern(pattern) }
        #expect(error?.message.contains(reason) == true)
    }

    @Test(arguments: [
        ("fleet/{vehicle}/state", "fleet/{id}/{signal}", true),
        ("fleet/{vehicle}/state", "fleet/car/#", true),
        ("fleet/{vehicle}/#", "fleet/{vehicle}", true),
        ("fleet/{vehicle}/state", "fleet/{vehicle}/position", false),
        ("fleet/{vehicle}", "fleet/{vehicle}/state", false), ("fleet/#", "Fleet/#", false),
    ])
    func namedLevelOverlapsWithAnyWord(one: String, other: String, overlap: Bool) throws {
        #expect(try TopicPattern(one).overlaps(TopicPattern(other)) == overlap)
        #expect(try TopicPattern(other).overlaps(TopicPattern(one)) == overlap)
    }

    // Method: every pair of patterns of up to three levels, held against all topics of as many.
    @Test func patternsOverlapWhenSomeTopicMatchesBoth() throws {
        func longer(_ paths: [String], by words: [String]) -> [String] {
            paths.flatMap { path in words.map { "\(path)/\($0)" } }
        }
        let words = ["a", "b"]
        let pairs = longer(words, by: words)
        let topics = words + pairs + longer(pairs, by: words)
        let stems = ["a", "b", "+"]
        let ends = stems + ["#"]
        let texts = ends + longer(stems, by: ends) + longer(longer(stems, by: stems), by: ends)
        let patterns = try texts.map { try TopicPattern($0) }
        let matches = patterns.map { pattern in
            Set(topics.filter { pattern.match($0) != nil })
        }
        for (one, topicsOfOne) in zip(patterns, matches) {
            for (other, topicsOfOther) in zip(patterns, matches) {
                let hasCommon = !topicsOfOne.isDisjoint(with: topicsOfOther)
                #expect(one.overlaps(other) == hasCommon, "\(one) and \(other)")
            }
        }
    }

    @Test func topicTakesTheFirstPatternThatMatches() throws {
        let patterns = [
            try TopicPattern("fleet/{vehicle}/v/{signal}"), try TopicPattern("fleet/{vehicle}/#"),
        ]
        let scalar = Topic(name: "fleet/a/v/speed", patterns: patterns)
        #expect(scalar.configurationIndex == 0)
        #expect(scalar.vehicle == "a")
        #expect(scalar.signal == "speed")
        let rest = Topic(name: "fleet/b/state", patterns: patterns)
        #expect(rest.configurationIndex == 1)
        #expect(rest.vehicle == "b")
        #expect(rest.signal == nil)
    }

    @Test func topicOfNoPatternHasNoConfiguration() throws {
        let topic = Topic(name: "other", patterns: [try TopicPattern("fleet/{vehicle}")])
        #expect(topic.configurationIndex == nil)
        #expect(topic.vehicle == nil)
    }
}
