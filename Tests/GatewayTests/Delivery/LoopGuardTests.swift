// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

struct LoopGuardTests {
    private func pattern(
        _ pattern: String,
        takes template: String,
        key: String,
        topic: String = "fleet/car-1/state"
    ) throws -> Bool {
        let loopGuard = LoopGuard(patterns: [try TopicPattern(pattern)])
        let template = try TopicTemplate(template)
        let event = StoredEvent(
            offset: 1,
            eventTime: .seconds(0),
            arrival: .seconds(0),
            key: key,
            topic: topic,
            payload: []
        )
        let rendered = template.topic(gateway: "g", stream: "enriched", key: key, topic: topic)
        return loopGuard.pattern(taking: rendered, from: template, of: event) != nil
    }

    @Test func vehicleNamedLikeALevelIsHeldBack() throws {
        let template = "fleet/enriched/{vehicle}"
        #expect(try pattern("fleet/{vehicle}/state", takes: template, key: "state"))
        #expect(try !pattern("fleet/{vehicle}/state", takes: template, key: "car-1"))
        #expect(try !pattern("fleet/{vehicle}/v/state", takes: template, key: "state"))
        #expect(try !pattern("cars/{vehicle}/state", takes: template, key: "state"))
    }

    @Test func alertNamedLikeALevelIsHeldBack() throws {
        let template = "fleet/{vehicle}/{alert}"
        #expect(try pattern("fleet/{vehicle}/state", takes: template, key: "a", topic: "state"))
        #expect(try !pattern("fleet/{vehicle}/state", takes: template, key: "a", topic: "hot"))
    }

    @Test func topicTakenOverIsHeldBackWhereItComesFrom() throws {
        #expect(try pattern("fleet/{vehicle}/state", takes: "{topic}", key: "car-1"))
        #expect(try !pattern("fleet/{vehicle}/state", takes: "up/{topic}", key: "car-1"))
    }
}
