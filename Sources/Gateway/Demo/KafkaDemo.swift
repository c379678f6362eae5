// SPDX-License-Identifier: Apache-2.0
// The demo's second sink: the same streams in Kafka, exactly once, and kcat looking on.
import Foundation

/// A Kafka-wire broker beside the demo's depot.
final class KafkaDemo {
    private let broker: KafkaBroker
    private var tail: ChildProcess?

    init(_ depot: LocalDepot) throws {
        StandardOutput.print(
            "demo: starting a Kafka-wire broker; the gateway gets a sink of type kafka"
        )
        broker = try KafkaBroker(folder: depot.folder, assets: depot.assets)
        try broker.start()
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

    /// Shows outliers as they arrive in Kafka.
    func tailOutliers() throws {
        let kcat = try LocalDepot.find("kcat")
        // Asking for the topic makes it, so that kcat has something to wait at.
        _ = try ChildProcess(
            kcat,
            ["-L", "-b", broker.address, "-t", "iot.outlier"],
            output: broker.log
        )
        .wait()
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
