// SPDX-License-Identifier: Apache-2.0
// Whatever a schema of the subset says and whatever a device sends, the check comes to an answer, the
// same each time; and for integers it is the answer of Swift's own arithmetic.
import Testing

@testable import Gateway

@Suite struct ContractPropertyTests {
    private static let numbers = [
        "0", "-0.0", "1", "-1", "0.1", "1e-5", "5e-324", "1.7976931348623157e308", "-1e300",
        "9223372036854775807", "-9223372036854775808", "18446744073709551615", "9007199254740993",
        "0.30000000000000004", "1e19", "4.5",
    ]

    private static func value(_ random: inout SplitMix64, depth: Int = 4) -> String {
        switch random.int(0...(depth > 0 ? 7 : 4)) {
        case 0: return "null"
        case 1: return random.pick(["true", "false"])
        case 2, 3: return random.pick(numbers)
        case 4:
            var writer = JSONWriter()
            writer.string(random.text(count: 6))
            return String(decoding: writer.bytes, as: UTF8.self)
        case 5:
            let elements = (0..<random.int(0...4)).map { _ in value(&random, depth: depth - 1) }
            return "[\(elements.joined(separator: ","))]"
        default:
            let members = (0..<random.int(0...4))
                .map { _ in
                    "\"\(random.pick(["a", "b", "c"]))\":\(value(&random, depth: depth - 1))"
                }
            return "{\(members.joined(separator: ","))}"
        }
    }

    private static func schema(_ random: inout SplitMix64, depth: Int = 4) -> String {
        guard depth > 0, !random.oneIn(8) else { return random.pick(["true", "false", "{}"]) }
        func inner() -> String { schema(&random, depth: depth - 1) }
        func list() -> String {
            "[\((0..<random.int(1...3)).map { _ in inner() }.joined(separator: ","))]"
        }
        var keywords: Set<String> = []
        for _ in 0..<random.int(1...4) {
            switch random.int(0...15) {
            case 0:
                keywords.insert(
                    #""type":"\#(random.pick(["null", "integer", "object", "array"]))""#
                )
            case 1: keywords.insert("\"enum\":[\(value(&random)),\(value(&random))]")
            case 2: keywords.insert("\"minimum\":\(random.pick(numbers))")
            case 3: keywords.insert("\"exclusiveMaximum\":\(random.pick(numbers))")
            case 4:
                keywords.insert("\"multipleOf\":\(random.pick(["0.01", "3", "5e-324", "1e300"]))")
            case 5: keywords.insert("\"maxLength\":\(random.int(0...4))")
            case 6, 7: keywords.insert(#""properties":{"a":\#(inner()),"b":\#(inner())}"#)
            case 8: keywords.insert("\"additionalProperties\":\(inner())")
            case 9: keywords.insert(#""required":["\#(random.pick(["a", "b"]))"]"#)
            case 10: keywords.insert("\"items\":\(random.oneIn(2) ? inner() : list())")
            case 11: keywords.insert("\"contains\":\(inner()),\"uniqueItems\":true")
            case 12: keywords.insert("\"\(random.pick(["allOf", "anyOf", "oneOf"]))\":\(list())")
            case 13: keywords.insert("\"not\":\(inner())")
            case 14: keywords.insert("\"if\":\(inner()),\"then\":\(inner()),\"else\":\(inner())")
            default: keywords.insert(#""dependencies":{"a":["c"],"b":\#(inner())}"#)
            }
        }
        return "{\(keywords.sorted().joined(separator: ","))}"
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func anyValueGetsAnAnswerFromAnySchema(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var judged = 0
        for _ in 0..<200 {
            let schema = Self.schema(&random)
            // A keyword given twice is the only mistake that the generator makes.
            guard let compiled = ContractSchema.compile(json: Array(schema.utf8)).schema else {
                continue
            }
            let rig = ContractRig(compiled)
            let negation = ContractSchema.compile(json: Array("{\"not\":\(schema)}".utf8)).schema
            for _ in 0..<5 {
                let value = Self.value(&random)
                let found = rig.violations(value)
                #expect(found != nil, "\(value)")
                #expect(found == rig.violations(value), "\(schema) \(value)")
                #expect(found.map { $0.count <= 5 } == true)
                if let negation {
                    #expect(
                        ContractRig(negation).accepts(value) == (found != []),
                        "\(schema) \(value)"
                    )
                }
                judged += 1
            }
        }
        #expect(judged > 500)
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func integersAreComparedAsSwiftComparesThem(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<200 {
            let near = Int64.random(in: .min...(.max), using: &random) >> Int64(random.int(0...62))
            let value = near &+ Int64(random.int(-2...2))
            let divisor = max(1, Int64(random.int(1...1_000)) << Int64(random.int(0...40)))
            let minimum = try ContractRig("{\"minimum\":\(near)}")
            #expect(minimum.accepts("\(value)") == (value >= near), "\(value) \(near)")
            let maximum = try ContractRig("{\"exclusiveMaximum\":\(near)}")
            #expect(maximum.accepts("\(value)") == (value < near), "\(value) \(near)")
            let constant = try ContractRig("{\"const\":\(near)}")
            #expect(constant.accepts("\(value)") == (value == near), "\(value) \(near)")
            let multiple = try ContractRig("{\"multipleOf\":\(divisor)}")
            #expect(
                multiple.accepts("\(value)") == value.isMultiple(of: divisor),
                "\(value) \(divisor)"
            )
        }
    }
}
