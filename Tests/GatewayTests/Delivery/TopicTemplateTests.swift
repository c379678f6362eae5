// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct TopicTemplateTests {
    private func topic(
        _ template: String,
        key: String = "car",
        topic: String = "speeding"
    ) throws
        -> String
    {
        try TopicTemplate(template)
            .topic(
                gateway: "depot",
                stream: "outlier",
                key: key,
                topic: topic
            )
    }

    @Test func everyFieldIsFilledIn() throws {
        #expect(
            try topic("{gateway}/{stream}/{alert}/{vehicle}/{topic}/end")
                == "depot/outlier/speeding/car/speeding/end"
        )
    }

    @Test func templateWithoutFieldsIsATopic() throws {
        #expect(try topic("fleet/all") == "fleet/all")
    }

    @Test(arguments: [
        ("a/b", "a_b"), ("a+b#", "a_b_"), ("v\nw\u{7F}", "v_w_"), ("a\u{0}b", "a_b"), ("", "_"),
        ("ü 🚗", "ü 🚗"),
    ])
    func whatMQTTForbidsInALevelIsReplaced(vehicle: String, level: String) throws {
        #expect(try topic("v/{vehicle}", key: vehicle) == "v/\(level)")
    }

    @Test func wholeTopicKeepsItsLevels() throws {
        #expect(try topic("up/{topic}", topic: "fleet/car/state") == "up/fleet/car/state")
    }

    @Test(arguments: [
        ("", "must not be empty"), ("a/+", "'+' or '#'"), ("{vehicle}/#", "'+' or '#'"),
        ("{vehicle", "'{' is not closed"),
        ("{vehicel}", "unknown field '{vehicel}'; did you mean 'vehicle'?"),
    ])
    func templateThatCannotBeUsedSaysWhy(template: String, reason: String) {
        let error = #expect(throws: TopicPatternError.self) { try TopicTemplate(template) }
        #expect(error?.message.contains(reason) == true)
    }
}
