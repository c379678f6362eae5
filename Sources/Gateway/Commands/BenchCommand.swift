// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// `gateway bench`: cost and latency on this machine, beside mosquitto's own bridge.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure the gateway beside mosquitto's own bridge on the same messages."
    )

    @Flag(help: "A short run that tries the paths, not the speed.")
    var quick = false

    @Option(help: "Only this part: bridge, backlog, rules, kafka, tables or schema.")
    var only: Benchmark.Part?

    @Option(help: "Where the results go, as JSON.")
    var output: String?

    @Option(help: "Append the results to this document as a dated table.")
    var record: String?

    @Option(help: "Also compare with mq-bridge, whose Python module is in this folder.")
    var peers: String?

    @Option(help: "The folder with certs/ and systemd/.")
    var assets: String?

    func run() throws {
        let benchmark = Benchmark(
            scale: quick ? .quick : Benchmark.Scale(),
            assets: try LocalDepot.findAssets(assets),
            peers: peers
        ) { StandardOutput.print($0) }
        try benchmark.run(only.map { [$0] } ?? Benchmark.Part.allCases)
        if let record { try append(benchmark, to: record) }
        guard let output else { return }
        let folder = URL(fileURLWithPath: output).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try benchmark.json.write(toFile: output, atomically: true, encoding: .utf8)
        print("bench: results in \(output)")
    }
}

extension BenchCommand {
    private func append(_ benchmark: Benchmark, to path: String) throws {
        let before = try String(contentsOfFile: path, encoding: .utf8)
        let date = String(WallClock.now().iso8601.prefix(10))
        try (before + benchmark.markdown(date: date))
            .write(toFile: path, atomically: true, encoding: .utf8)
    }
}

extension Benchmark.Part: ExpressibleByArgument {}
