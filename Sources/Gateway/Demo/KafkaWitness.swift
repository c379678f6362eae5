// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What kcat reads from a topic, from the beginning, as a `read_committed` reader.
struct KafkaWitness {
    /// The vehicles' numbers, in the order of the partition.
    private(set) var numbers: [String: [Int]] = [:]
    /// The log's offsets, as the headers have them.
    private(set) var offsets: [Int64] = []

    init(_ kafka: KafkaBroker, topic: String) throws {
        let output = NSTemporaryDirectory() + "/kcat-\(UInt32.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: output) }
        let kcat = try ChildProcess(
            LocalDepot.find("kcat"),
            [
                "-C", "-q", "-e", "-b", kafka.address, "-t", topic, "-o", "beginning",
                "-X", "isolation.level=read_committed", "-f", "%k\t%h\t%s\n",
            ],
            output: output
        )
        _ = kcat.wait()
        let text = try String(contentsOfFile: output, encoding: .utf8)
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard fields.count >= 3,
                let header = fields[1].split(separator: ",")
                    .first(where: { $0.hasPrefix("offset=") }),
                let offset = Int64(header.dropFirst("offset=".count))
            else { continue }
            offsets.append(offset)
            let payload = Array(fields[2].utf8)
            if let number = DeliveryCounter.number(after: #""seq":"#, in: payload) {
                numbers[String(fields[0]), default: []].append(Int(number))
            }
        }
    }
}
