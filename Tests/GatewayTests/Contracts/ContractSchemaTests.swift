// SPDX-License-Identifier: Apache-2.0
// What a violation says, what a mistake in a schema says, and that numbers are compared exactly.
import Testing

@testable import Gateway

@Suite struct ContractSchemaTests {
    // Violations.

    @Test(arguments: [
        (#"{"properties":{"speed":{"maximum":250}}}"#, "/speed: 300 is above the maximum 250"),
        (#"{"properties":{"speed":{"minimum":300.5}}}"#, "/speed: 300 is below the minimum 300.5"),
        (#"{"properties":{"speed":{"exclusiveMaximum":300}}}"#, "/speed: 300 must be below 300"),
        (#"{"properties":{"speed":{"exclusiveMinimum":300}}}"#, "/speed: 300 must be above 300"),
        (#"{"properties":{"speed":{"multipleOf":0.7}}}"#, "/speed: 300 is not a multiple of 0.7"),
        (#"{"properties":{"speed":{"type":"string"}}}"#, "/speed: is 300, must be a string"),
        (
            #"{"properties":{"gear":{"type":["integer","null"]}}}"#,
            #"/gear: is "P", must be a whole number or null"#
        ),
        (#"{"properties":{"gear":{"enum":["D","R"]}}}"#, #"/gear: "P" is none of "D", "R""#),
        (#"{"properties":{"gear":{"const":1}}}"#, #"/gear: "P" is not 1"#),
        (#"{"properties":{"gear":{"minLength":2}}}"#, "/gear: has 1 characters, fewer than 2"),
        (#"{"properties":{"gear":{"maxLength":0}}}"#, "/gear: has 1 characters, more than 0"),
        (#"{"required":["vin"]}"#, "'vin' is missing"),
        (#"{"dependencies":{"gear":["vin"]}}"#, "'vin' is missing, which 'gear' needs"),
        (
            #"{"properties":{"speed":{},"gear":{}},"additionalProperties":false}"#,
            "/tyres: is not allowed here"
        ),
        (#"{"minProperties":4}"#, "has 3 members, fewer than 4"),
        (#"{"maxProperties":2}"#, "has 3 members, more than 2"),
        (
            #"{"properties":{"tyres":{"items":{"properties":{"a/b~":{"maximum":2}}}}}}"#,
            "/tyres/1/a~1b~0: 2.5 is above the maximum 2"
        ),
        (#"{"properties":{"tyres":{"maxItems":1}}}"#, "/tyres: has 2 elements, more than 1"),
        (#"{"properties":{"tyres":{"minItems":3}}}"#, "/tyres: has 2 elements, fewer than 3"),
        (
            #"{"properties":{"tyres":{"contains":{"type":"null"}}}}"#,
            "/tyres: has no element that it must contain"
        ),
        (
            #"{"properties":{"tyres":{"anyOf":[{"type":"null"},{"maxItems":1}]}}}"#,
            "/tyres: an array fits none of the 2 schemas of anyOf"
        ),
        (
            #"{"oneOf":[true,{"required":["gear"]}]}"#,
            "an object fits 2 of the 2 schemas of oneOf, must fit one"
        ),
        (#"{"not":{"required":["gear"]}}"#, "an object fits the schema of not"),
        (
            #"{"if":{"required":["gear"]},"then":{"required":["vin"]}}"#, "'vin' is missing"
        ),
    ])
    func violationTellsPlaceAndReason(schema: String, violation: String) throws {
        let value = #"{"speed":300,"gear":"P","tyres":[{"a/b~":1},{"a/b~":2.5}]}"#
        #expect(try ContractRig(schema).violations(value) == [violation])
    }

    @Test func fiveViolationsAreToldAndNoMore() throws {
        let rig = try ContractRig(#"{"items":{"type":"string"}}"#)
        let found = rig.violations("[1,2,3,4,5,6,7]")
        #expect(found?.count == 5)
        #expect(found?.last == "/4: is 5, must be a string")
    }

    @Test func longTextIsCutBetweenCharacters() throws {
        let text = String(repeating: "ü", count: 100)
        let rig = try ContractRig(#"{"type":"number"}"#)
        let shown = String(repeating: "ü", count: 30)
        #expect(rig.violations("\"\(text)\"") == [#"is "\#(shown)…", must be a number"#])
    }

    // Numbers.

    @Test func numbersBeyondADoubleAreComparedExactly() throws {
        let maximum = try ContractRig(#"{"maximum":9007199254740992}"#)
        #expect(maximum.accepts("9007199254740992"))
        #expect(maximum.violations("9007199254740993")?.count == 1)
        #expect(maximum.accepts("9007199254740992.0"))
        let constant = try ContractRig(#"{"enum":[18446744073709551615]}"#)
        #expect(constant.accepts("18446744073709551615"))
        #expect(constant.accepts("18446744073709551614") == false)
        let least = try ContractRig(#"{"minimum":-9223372036854775808,"multipleOf":1}"#)
        #expect(least.accepts("-9223372036854775808"))
        #expect(least.accepts("-9223372036854777856.0") == false)
    }

    @Test func numberIsTheSameHoweverItIsWritten() throws {
        let rig = try ContractRig(#"{"type":"integer","enum":[1,-0.0,1e3]}"#)
        for text in ["1", "1.0", "1e0", "0", "-0", "0.0", "1000", "1000.0"] {
            #expect(rig.accepts(text), "\(text)")
        }
        for text in ["1.5", "true", "\"1\"", "1000.5"] { #expect(!rig.accepts(text), "\(text)") }
    }

    @Test(arguments: [
        ("0.01", "19.99", true), ("0.01", "19.995", false), ("2", "4.5", false), ("2", "4.0", true),
        ("0.1", "0.30000000000000004", false), ("0.1", "-0.3", true), ("3", "1e300", false),
        ("2", "1e300", true), ("1e-300", "1e300", true), ("1e300", "1e-300", false),
        ("5e-324", "1.7976931348623157e308", true), ("1", "-9223372036854775808", true),
        ("18446744073709551615", "18446744073709551615", true), ("1e19", "0", true),
        ("9223372036854775807", "1.7976931348623157e308", false), ("2", "\"5\"", true),
    ])
    func multipleIsMeantInDecimals(divisor: String, value: String, isMultiple: Bool) throws {
        #expect(try ContractRig("{\"multipleOf\":\(divisor)}").accepts(value) == isMultiple)
    }

    // Bounds.

    @Test func twinsAmongManyElementsAreFoundSoon() throws {
        let rig = try ContractRig(#"{"uniqueItems":true}"#)
        let different = (0..<60_000).map(String.init).joined(separator: ",")
        #expect(rig.accepts("[\(different)]"))
        #expect(
            rig.violations("[\(different),59999.0]")
                == ["has 59999 twice; its elements must differ"]
        )
    }

    // Each level is looked at twice: 2^30 times at the bottom, without a bound.
    @Test func costOfACheckIsBounded() throws {
        let rig = try ContractRig(
            ##"{"anyOf":[{"properties":{"a":{"$ref":"#"},"b":false}},"##
                + ##"{"properties":{"a":{"$ref":"#"},"c":false}}]}"##
        )
        let levels = 30
        let value =
            String(repeating: #"{"a":"#, count: levels) + #"{"b":1,"c":1}"#
            + String(repeating: "}", count: levels)
        #expect(rig.violations(value) == ["takes too many steps to check"])
        #expect(rig.accepts("{}"))
    }

    @Test func checkThatIsGivenUpIsNoSuccessWithinNot() throws {
        let rig = try ContractRig(
            ##"{"not":{"$ref":"#/definitions/deep"},"definitions":{"deep":{"anyOf":["##
                + ##"{"properties":{"a":{"$ref":"#/definitions/deep"},"b":false}},"##
                + ##"{"properties":{"a":{"$ref":"#/definitions/deep"},"c":false}}]}}}"##
        )
        let value =
            String(repeating: #"{"a":"#, count: 30) + #"{"b":1,"c":1}"#
            + String(repeating: "}", count: 30)
        #expect(rig.violations(value) == ["takes too many steps to check"])
    }

    // Mistakes.

    @Test(arguments: [
        ("{\n \"propertys\": {}\n}", "2: /propertys: unknown keyword; did you mean 'properties'?"),
        (
            "properties:\n  speed:\n    type: number\n    maximun: 250\n",
            "4: /properties/speed/maximun: unknown keyword; did you mean 'maximum'?"
        ),
        ("properties:\n  speed:\n    pattern: '^a'\n", "3: /properties/speed/pattern: is not in"),
        ("patternProperties: {}", "1: /patternProperties: is not in the subset"),
        ("type: strin", "1: /type: must be one of null, boolean, integer, number, string, array"),
        ("type: []", "1: /type: is an empty list"),
        ("maximum: '5'", "1: /maximum: must be a number"),
        ("minLength: -1", "1: /minLength: must be a whole number from 0"),
        ("minLength: 1.5", "1: /minLength: must be a whole number from 0"),
        ("multipleOf: 0", "1: /multipleOf: must be above 0"),
        ("multipleOf: -1", "1: /multipleOf: must be above 0"),
        ("enum: []", "1: /enum: must be a list of values that is not empty"),
        ("enum: [1]\nconst: 1", "2: /const: stands beside enum"),
        ("allOf: {}", "1: /allOf: must be a list of schemas that is not empty"),
        ("allOf:\n- 5", "2: /allOf/0: must be a schema: an object, true or false"),
        ("required: vin", "1: /required: must be a list of names"),
        ("properties: [a]", "1: /properties: must be a mapping of names to schemas"),
        ("dependencies: {a: [1]}", "1: /dependencies/a: must be a list of names"),
        ("uniqueItems: 1", "1: /uniqueItems: must be true or false"),
        ("unit: 5", "1: /unit: must be a text"),
        ("$ref: http://example.com/s.json", "1: /$ref: must point into this schema"),
        ("$ref: '#speed'", "1: /$ref: must point into this schema"),
        (
            "$ref: '#/definitions/sped'\ndefinitions: {speed: {}}",
            "1: /$ref: points to no schema: there is none at '#/definitions/sped'"
        ),
        ("$ref: '#'", "1: /$ref: comes back to itself"),
        ("allOf:\n- not: {$ref: '#'}", "2: /allOf/0/not/$ref: comes back to itself"),
        (
            "properties:\n  a:\n    $ref: '#'\n    minimum: 5",
            "4: /properties/a/minimum: stands beside"
        ),
        ("properties: {a: {$id: b}}", "1: /properties/a/$id: only the whole schema"),
        ("$schema: http://json-schema.org/draft-04/schema#", "1: /$schema: must be http"),
        ("5", "1: must be a schema"),
        ("a: [", "2: not YAML"),
    ])
    func mistakeIsToldWithItsPlace(schema: String, problem: String) {
        let problems = ContractRig.problems(schema)
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("state.json:\(problem)") == true, "\(problems)")
    }

    @Test func allMistakesAreTold() {
        let problems = ContractRig.problems("type: x\nmaximum: y\nproperties: {a: {enum: 1}}")
        #expect(problems.count == 3)
    }

    @Test func deepSchemaIsAMistakeAndNoCrash() {
        let deep =
            String(repeating: #"{"not":"#, count: 100) + "{}" + String(repeating: "}", count: 100)
        #expect(
            ContractRig.problems(deep) == ["state.json:1: is nested more than 64 levels deep"]
        )
    }

    @Test func bothNotationsGiveTheSame() throws {
        let yaml = """
            # A comment, and values that YAML 1.1 would take for true and false.
            properties:
              switch: {enum: [on, off]}
              count: {const: 5}
              text: {const: "5"}
            """
        for rig in [
            try ContractRig(yaml),
            try ContractRig(
                #"{"properties":{"switch":{"enum":["on","off"]},"count":{"const":5},"text":{"const":"5"}}}"#
            ),
        ] {
            #expect(rig.accepts(#"{"switch":"on","count":5,"text":"5"}"#))
            #expect(rig.violations(#"{"switch":true,"count":"5","text":5}"#)?.count == 3)
        }
    }

    @Test func escapesOfJSONAreUnderstood() throws {
        let rig = try ContractRig("{\t\"const\": \"\\uD83D\\uDE97 \\\\uD83D \\/ \\u00fc\"}")
        #expect(rig.accepts(#""🚗 \\uD83D / ü""#))
    }
}
