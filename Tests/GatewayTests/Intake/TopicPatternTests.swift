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
