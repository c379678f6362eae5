// SPDX-License-Identifier: Apache-2.0
// Each mistake in what is said about arrays and layouts is told with its line and key.
import Testing

@testable import Gateway

@Suite struct FlatteningProblemTests {
    private static func arrays(_ text: String) -> String { "/state\n        arrays: \(text)" }

    static let mistakes = [
        Mistake(
            "unknown mode",
            replace: "/state",
            with: arrays("{trip: explod}"),
            "8: sources[0].topics[0].arrays.trip: must be index, explode or {pivot: KEY} "
                + "(got 'explod'); did you mean 'explode'?"
        ),
        Mistake(
            "pivot without a key",
            replace: "/state",
            with: arrays("{trip: pivot}"),
            "8: sources[0].topics[0].arrays.trip: pivot needs the key that names an element: {pivot: KEY}"
        ),
        Mistake(
            "unknown key of a mode",
            replace: "/state",
            with: arrays("{trip: {pivot: id, by: id}}"),
            "8: sources[0].topics[0].arrays.trip.by: unknown key"
        ),
        Mistake(
            "mapping without pivot",
            replace: "/state",
            with: arrays("{trip: {}}"),
            "8: sources[0].topics[0].arrays.trip: 'pivot' is missing"
        ),
        Mistake(
            "two explosions",
            replace: "/state",
            with: arrays("\n          trip: explode\n          log: explode"),
            "10: sources[0].topics[0].arrays.log: only one array of a topic can be exploded, and 'trip' is already"
        ),
        Mistake(
            "star in an explosion",
            replace: "/state",
            with: arrays("{trips.*.points: explode}"),
            "8: sources[0].topics[0].arrays.trips.*.points: explode takes one array, so its path has no '*'"
        ),
        Mistake(
            "empty path",
            replace: "/state",
            with: arrays("{'': explode}"),
            "8: sources[0].topics[0].arrays.: needs a path; an array at the root always gives"
        ),
        Mistake(
            "too many paths",
            replace: "/state",
            with: arrays("{" + (0...32).map { "p\($0): index" }.joined(separator: ", ") + "}"),
            "8: sources[0].topics[0].arrays: must have at most 32 paths (got 33)"
        ),
        Mistake(
            "format without objects",
            replace: "/state",
            with: "/{signal}\n        format: scalar\n        arrays: {trip: index}",
            "9: sources[0].topics[0].arrays: format scalar has no JSON object"
        ),
        Mistake(
            "list of arrays",
            replace: "/state",
            with: arrays("[trip]"),
            "8: sources[0].topics[0].arrays: must be a mapping of keys to values"
        ),
        Mistake(
            "unknown layout",
            append:
                "sinks:\n  - {name: s, url: 'mqtt://h', streams: {enriched: {topic: a, layout: nestd}}}",
            "9: sinks[0].streams.enriched.layout: must be one of flat, nested (got 'nestd'); did you mean 'nested'?"
        ),
        Mistake(
            "layout of a stream without signals",
            append:
                "sinks:\n  - {name: s, url: 'mqtt://h', streams: {raw: {topic: a, layout: nested}}}",
            "9: sinks[0].streams.raw.layout: only the streams enriched and current have signals"
        ),
        Mistake(
            "layout in Kafka",
            inSink: "[outlier, enriched]",
            with: "{outlier: {layout: nested}}",
            "13: sinks[0].streams.outlier.layout: only the streams enriched and current have signals"
        ),
        Mistake(
            "small explosion",
            append: "limits: {exploded: 1KiB}",
            "8: limits.exploded: must be at least 4 KiB (got 1 KiB)"
        ),
    ]

    @Test(arguments: mistakes)
    func isToldWithItsPlace(mistake: Mistake) {
        let problems = #expect(throws: Problems.self) {
            try Configuration.decode(text: mistake.text, file: "gateway.yaml")
        }
        let lines = problems?.all.map { "\($0)" } ?? []
        #expect(lines.contains { $0.hasPrefix("gateway.yaml:" + mistake.problem) }, "\(lines)")
    }

    @Test func arraysAndLayoutsAreDecoded() throws {
        let text =
            Mistake.minimal.replacing(
                "/state",
                with: """
                    /state
                            arrays:
                              tyres: {pivot: position}
                              trip.points: explode
                              cells: index
                              axles.*.wheels: {pivot: at}
                    """
            ) + """

                sinks:
                  - name: depot
                    url: mqtt://localhost:1884
                    streams:
                      enriched: {topic: "e/{vehicle}", layout: nested}
                      current: {topic: "c/{vehicle}"}
                limits: {exploded: 1MiB}
                """
        let configuration = try Configuration.decode(text: text, file: "gateway.yaml")
        #expect(
            configuration.sources[0].topics[0].arrays == [
                ArrayConfiguration(path: "tyres", mode: .pivot(key: "position")),
                ArrayConfiguration(path: "trip.points", mode: .explode),
                ArrayConfiguration(path: "cells", mode: .index),
                ArrayConfiguration(path: "axles.*.wheels", mode: .pivot(key: "at")),
            ]
        )
        #expect(configuration.sinks[0].streams.map(\.layout) == [.nested, .flat])
        #expect(configuration.limits.explodedBytesMax == 1 << 20)
    }
}
