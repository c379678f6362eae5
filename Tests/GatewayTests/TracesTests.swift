// SPDX-License-Identifier: Apache-2.0
// Goal: on a day of real vehicles the alerts agree with what an independent script counted.
// Method: the whole corpus goes through the processor in the order of arrival, once; every truth is
// then held against what fired.
//
// Why the numbers may be equal at all, although the script looks at one message after the other and
// the processor at merged state:
//  - The 2,716 OpenXC lines that are out of order are so between signals. Within one signal of one
//    vehicle event times never go back, and merging compares per signal. Nine are late all the
//    same, by milliseconds, because a `state` message had told the signal with a later time; none of
//    them is of a vehicle for which one of R1 to R10 becomes true.
//  - A key that is missing from a message keeps its last value. In `state` and `measurement`
//    messages no edge of R1 to R10 depends on it: counting with missing keys taken as false gives
//    the same edges.
//  - The OpenXC vehicles also send `state` messages, made once a second from the same signals, so
//    both tell the same truth. The pulses of R5 begin and end between two of them.
//  - Dates of two electric cars are broken in 44 messages ("90/02/2032"). Such a reading is taken to
//    be as much later than the one before as it arrived later; taken at its arrival, five years
//    after the trace, it would make all that follow late, and R7 would never become true.
import Foundation
import Testing

@testable import Gateway

@Suite(.enabled(if: Corpus.isThere, "the corpus is not there; set FLEET_DATA to its folder"))
struct TracesTests {
    @Test(arguments: [
        ("R1 ", "ignition_off_headlights_on"),
        ("R1b ", "ignition_off_headlights_on_standing"),
        ("R5 ", "ignition_run_headlights_on"),
        ("R7 ", "charge_below_30"),
        ("R8 ", "mode_reverse"),
        ("R9 ", "bus_standing"),
        ("R10 ", "engine_above_3000"),
    ])
    func anAlertFiresAsOftenAsItsTruthRises(rule: String, alert: String) throws {
        let truth = try Corpus.truth(of: rule)
        let firings = try Corpus.run.get().firings.filter { $0.alert == alert }
        #expect(firings.count == truth.risingEdges)
        let vehicles = Set(firings.map(\.vehicle))
        #expect(vehicles.count == truth.vehicleCount)
        // The script names at most eight vehicles.
        #expect(truth.vehicles.isSubset(of: vehicles))
        let first = try #require(firings.min { $0.arrival < $1.arrival })
        #expect(first.vehicle == truth.firstVehicle)
        #expect(first.arrival == truth.firstArrival)
    }

    @Test func everyMessageOfTheCorpusIsEnrichedAndNoneIsRefused() throws {
        let run = try Corpus.run.get()
        #expect(run.enriched == 207_517)
        #expect(run.deadLetters == 0)
        #expect(run.clockFlagged == 44)
        #expect(run.late == 9)
    }

    // The one car whose ignition says off drives; where it stands, its engine turns. R1 and R1b fire
    // for it three times, the rule that a customer would hear from must not.
    @Test func theFirstRulePackDoesNotBelieveAnIgnitionThatSaysOffWhileTheEngineTurns() throws {
        let firings = try Corpus.run.get().firings
        #expect(firings.filter { $0.alert == "headlights_left_on" }.isEmpty)
    }

    // ox-drive and ox-parked give their tank as a fraction, 0.8 and 0.57; ox-brakes has 10.9 %.
    @Test func theFirstRulePackDoesNotTakeAFractionForAnEmptyTank() throws {
        let firings = try Corpus.run.get().firings
        #expect(firings.filter { $0.alert == "low_fuel" }.isEmpty)
    }

    @Test func theFirstRulePackReportsTheOneElectricCarThatRunsLow() throws {
        let firings = try Corpus.run.get().firings.filter { $0.alert == "low_charge" }
        #expect(firings.map(\.vehicle) == ["twizy-t1-03-29-2021"])
    }
}

/// The recorded messages, and what the processor made of them.
private enum Corpus {
    /// What the independent script counted for one rule.
    struct Truth {
        var risingEdges: Int
        var vehicleCount: Int
        var vehicles: Set<String>
        var firstVehicle: String
        var firstArrival: Timestamp
    }

    private static let batchMessages = 1_000

    static let folder: URL = {
        if let path = ProcessInfo.processInfo.environment["FLEET_DATA"] {
            return URL(fileURLWithPath: path)
        }
        return DemoProcessor.packageRoot.deletingLastPathComponent()
            .appendingPathComponent("shared/data")
    }()

    static let isThere: Bool = {
        let path = folder.appendingPathComponent("corpus_A.jsonl.gz").path
        let isThere = FileManager.default.isReadableFile(atPath: path)
        if !isThere { print("TracesTests are skipped: \(path) is not there; set FLEET_DATA.") }
        return isThere
    }()

    /// One run serves all tests.
    static let run = Result { try process() }

    static func truth(of rule: String) throws -> Truth {
        let data = try Data(contentsOf: folder.appendingPathComponent("stats_A.json"))
        let stats = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let rules = try #require(stats["rules"] as? [String: [String: Any]])
        let entry = try #require(rules.first { $0.key.hasPrefix(rule) }?.value)
        let first = try #require(entry["first"] as? [Any])
        let arrival = try #require(first[1] as? NSNumber)
        return Truth(
            risingEdges: try #require(entry["rising_edges"] as? Int),
            vehicleCount: try #require(entry["n_vehicles"] as? Int),
            vehicles: Set(try #require(entry["vehicles"] as? [String: Int]).keys),
            firstVehicle: try #require(first[0] as? String),
            firstArrival: Timestamp(milliseconds: arrival.int64Value)
        )
    }

    private static func process() throws -> DemoProcessor.Tally {
        let processor = try DemoProcessor(rules: [
            "rules/traces.yaml", "rules/fleet.yaml", "Tests/Fixtures/rules/bus_standing.yaml",
        ])
        let text = try unpacked(folder.appendingPathComponent("corpus_A.jsonl.gz"))
        var waiting = 0
        try unsafe text.withUnsafeBytes { bytes in
            var rest = unsafe bytes[...]
            while let end = unsafe rest.firstIndex(of: UInt8(ascii: "\n")) {
                try unsafe append(bytes[rest.startIndex..<end], to: processor)
                unsafe rest = rest[(end + 1)...]
                waiting += 1
                if waiting.isMultiple(of: batchMessages) { try processor.process() }
            }
        }
        try processor.process()
        return processor.tally
    }

    /// One line, `{"topic":"…","ts":…,"payload":…}`, whose payload is taken byte for byte.
    private static func append(
        _ line: Slice<UnsafeRawBufferPointer>,
        to processor: DemoProcessor
    ) throws {
        var rest = unsafe line.dropFirst(#"{"topic":""#.utf8.count)
        let topic = unsafe rest.prefix { $0 != UInt8(ascii: "\"") }
        unsafe rest = rest.dropFirst(topic.count + #"","ts":"#.utf8.count)
        let digits = unsafe rest.prefix { $0 != UInt8(ascii: ",") }
        let payload = unsafe rest.dropFirst(digits.count + #","payload":"#.utf8.count).dropLast()
        let arrival = try #require(unsafe Int64(String(decoding: digits, as: UTF8.self)))
        try #require(unsafe payload.first == UInt8(ascii: "{"))
        unsafe processor.append(
            topic: String(decoding: topic, as: UTF8.self),
            payload: UnsafeRawBufferPointer(rebasing: payload),
            arrival: Timestamp(milliseconds: arrival)
        )
    }

    private static func unpacked(_ file: URL) throws -> [UInt8] {
        let gzip = Process()
        let output = Pipe()
        gzip.executableURL = URL(fileURLWithPath: "/usr/bin/gzip")
        gzip.arguments = ["-dc", file.path]
        gzip.standardOutput = output
        try ChildProcess.start(gzip)
        let data = try output.fileHandleForReading.readToEnd()
        gzip.waitUntilExit()
        try #require(gzip.terminationStatus == 0, "gzip could not unpack \(file.path)")
        return Array(try #require(data))
    }
}
