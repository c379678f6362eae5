// SPDX-License-Identifier: Apache-2.0
// Kafka read by somebody else: kcat, which knows nothing of the gateway.
import Foundation

@testable import Gateway

/// A record as kcat prints it with -J.
struct KafkaRecord: Sendable {
    var partition: Int
    var offset: Int
    var timestamp: Int64
    var key: String?
    var headers: [String: String]
    var payload: String

    /// The payload as JSON; empty when it is none.
    var object: [String: Any] { parseJSON(payload) }
    /// The number that a test's vehicle gave the message.
    var number: Int? { (object["signals"] as? [String: Any])?["seq"] as? Int }
}

extension KafkaBroker {
    static func test(_ depot: LocalDepot) throws -> KafkaBroker {
        try KafkaBroker(folder: depot.folder, assets: Repository.root)
    }

    /// All records of a topic that a `read_committed` reader sees, partition by partition.
    func records(_ topic: String, isolation: String = "read_committed") throws -> [KafkaRecord] {
        try Self.records(topic, brokers: address, isolation: isolation)
    }

    static func records(
        _ topic: String,
        brokers: String,
        isolation: String = "read_committed",
        options: [String] = []
    ) throws -> [KafkaRecord] {
        let output = NSTemporaryDirectory() + "/kcat-\(UInt32.random(in: .min ... .max)).json"
        defer { try? FileManager.default.removeItem(atPath: output) }
        let kcat = try ChildProcess(
            LocalDepot.find("kcat"),
            [
                "-C", "-q", "-J", "-e", "-b", brokers, "-t", topic, "-o", "beginning",
                "-X", "isolation.level=\(isolation)",
            ] + options.flatMap { ["-X", $0] },
            output: output
        )
        _ = kcat.wait()
        let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { record(String($0)) }
    }

    private static func record(_ line: String) -> KafkaRecord? {
        let object = parseJSON(line)
        guard let offset = object["offset"] as? Int else { return nil }
        let words = object["headers"] as? [String] ?? []
        let pairs = stride(from: 0, to: words.count - 1, by: 2).map { (words[$0], words[$0 + 1]) }
        return KafkaRecord(
            partition: object["partition"] as? Int ?? -1,
            offset: offset,
            timestamp: (object["ts"] as? NSNumber)?.int64Value ?? -1,
            key: object["key"] as? String,
            headers: Dictionary(pairs) { first, _ in first },
            payload: object["payload"] as? String ?? ""
        )
    }
}
