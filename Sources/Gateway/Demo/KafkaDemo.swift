// SPDX-License-Identifier: Apache-2.0
// The demo's second sink: the same streams in Kafka, exactly once, and kcat looking on.
import Foundation

/// A Kafka-wire broker beside the demo's depot.
final class KafkaDemo {
    private static let reservations = "cdc.reservation"

    private let broker: KafkaBroker
    private let folder: String
    private var tail: ChildProcess?
    private var producerCount = 0

    init(_ depot: LocalDepot) throws {
        StandardOutput.print(
            "demo: starting a Kafka-wire broker; the gateway gets a sink of type kafka"
        )
        broker = try KafkaBroker(folder: depot.folder, assets: depot.assets)
        folder = depot.folder
        try broker.start()
        try makeTopic(Self.reservations)
    }

    /// Asking for a topic makes it, so that whoever reads has something to wait at.
    private func makeTopic(_ topic: String) throws {
        _ = try ChildProcess(
            LocalDepot.find("kcat"),
            ["-L", "-b", broker.address, "-t", topic],
            output: broker.log
        )
        .wait()
    }

    /// What the operator adds to the configuration.
    var sink: String {
        """
          - name: lake
            type: kafka
            brokers: \(broker.address)
            topic: "iot.{stream}"
            streams: [enriched, outlier]
        """
    }

    /// What the operator writes in place of an MQTT feed, to read reservations from Kafka.
    var feed: String {
        "source: {type: kafka, brokers: \"\(broker.address)\", topic: \(Self.reservations)}"
    }

    /// Lets kcat produce changes of reservations, in their order.
    func produceReservations(_ changes: [[UInt8]]) throws {
        producerCount += 1
        let file = folder + "/\(Self.reservations).\(producerCount)"
        try Data(changes.flatMap { $0 + [UInt8(ascii: "\n")] })
            .write(to: URL(fileURLWithPath: file))
        let code = try ChildProcess(
            LocalDepot.find("kcat"),
            ["-P", "-b", broker.address, "-t", Self.reservations, "-p", "0", "-l", file],
            output: broker.log
        )
        .wait()
        guard code == 0 else {
            throw DepotError(description: "kcat could not produce; see \(broker.log)")
        }
    }

    /// Shows outliers as they arrive in Kafka.
    func tailOutliers() throws {
        let kcat = try LocalDepot.find("kcat")
        try makeTopic("iot.outlier")
        StandardOutput.print(
            "demo: kcat -C -b \(broker.address) -t iot.outlier  (its lines begin with 'kafka')"
        )
        tail = try ChildProcess(
            kcat,
            [
                "-C", "-q", "-u", "-b", broker.address, "-t", "iot.outlier", "-o", "beginning",
                "-X", "isolation.level=read_committed",
                "-f", "kafka  partition %p  key %k  headers %h\n",
            ],
            output: nil
        )
    }

    /// Compares what a `read_committed` reader sees with what arrived over MQTT.
    func summary(enriched: Int, outliers: Int) throws -> String {
        var counts: [String] = []
        for (topic, expected) in [("iot.enriched", enriched), ("iot.outlier", outliers)] {
            // The last transaction may be on its way.
            var offsets: [Int64] = []
            let deadline = Date().addingTimeInterval(10)
            repeat {
                offsets = try KafkaWitness(broker, topic: topic).offsets
            } while Set(offsets).count < expected && Date() < deadline
            counts.append(
                "\(topic) \(offsets.count) of \(expected), "
                    + "\(offsets.count - Set(offsets).count) twice"
            )
        }
        return "demo: Kafka, read_committed: " + counts.joined(separator: "; ")
    }

    func close() {
        tail?.terminate()
        broker.stop()
    }
}
