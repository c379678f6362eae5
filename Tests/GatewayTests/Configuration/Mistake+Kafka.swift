// SPDX-License-Identifier: Apache-2.0

extension Mistake {
    /// The smallest sink of type kafka, in five lines; it begins in line 9 of the configuration.
    static let kafkaSink = """
        sinks:
          - name: lake
            type: kafka
            brokers: kafka.example
            topic: iot.{stream}
            streams: [outlier, enriched]
        """

    /// Further keys of that sink, from line 14 on.
    init(_ name: String, sink lines: String, _ problem: String) {
        self.init(name, append: "\(Self.kafkaSink)\n    \(lines)", problem)
    }

    /// A change to that sink.
    init(_ name: String, inSink old: String, with new: String, _ problem: String) {
        self.init(name, append: Self.kafkaSink.replacing(old, with: new), problem)
    }
}
