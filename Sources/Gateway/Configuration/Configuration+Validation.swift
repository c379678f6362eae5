// SPDX-License-Identifier: Apache-2.0
// What one section can't see: names used twice, streams delivered nowhere, ids MQTT can't carry.

extension Configuration {
    /// Reports what is wrong between sections.
    func validate(root: YAMLValue) {
        _ = root.mapping { section in
            // Every key was looked at before; only places are wanted here.
            _ = section.entries()
            validateNames(section)
            validateSignals(section)
            validateLoops(section)
        }
        validateUnits(root.problems)
    }

    private func validateNames(_ section: YAMLMapping) {
        if sources.isEmpty {
            section.optional("sources")?.report("needs at least one source")
        }
        if gateway.id.isEmpty || gateway.id.contains(where: { "/+# ".contains($0) }) {
            section.optional("gateway")?
                .report(
                    "id must be a word without '/', '+', '#' or spaces (got '\(gateway.id)')"
                )
        }
        reportDuplicates(sources.map(\.name), what: "source", section.optional("sources"))
        for source in sources { reportOverlaps(source, section.optional("sources")) }
        reportDuplicates(sinks.map(\.name), what: "sink", section.optional("sinks"))
        let groups = sinks.compactMap(\.kafka?.group)
        reportDuplicates(groups, what: "group", section.optional("sinks"))
        reportDuplicates(tables.map(\.name), what: "table", section.optional("tables"))
        reportDuplicates(derivedStreams, what: "stream", section.optional("rules"))
        for table in tables where derivedStreams.contains(table.name) {
            section.optional("tables")?
                .report("'\(table.name)' is a stream of a 'select' rule; choose another name")
        }
        let clients =
            sources.map(\.connection) + tables.compactMap(\.session?.connection)
            + sinks.compactMap(\.mqtt)
        let keys = clients.map { "\($0.clientID) at \($0.broker)" }
        reportDuplicates(keys, what: "client_id", section.optional("sources"))
    }

    private func validateSignals(_ section: YAMLMapping) {
        let value = section.optional("signals")
        reportDuplicates(signals.flatMap(\.paths), what: "path", value)
        for signal in signals where ReservedColumn(rawValue: signal.name) != nil {
            value?.report("'\(signal.name)' is the gateway's own column; choose another name")
        }
    }

    /// What a sink publishes must not come back as a source's message.
    private func validateLoops(_ section: YAMLMapping) {
        for sink in sinks {
            guard let connection = sink.mqtt else { continue }
            for pattern in patterns(at: connection) {
                for stream in sink.streams where pattern.match(stream.topic.sample) != nil {
                    section.optional("sinks")?
                        .report(
                            "'\(stream.topic.text)' of sink '\(sink.name)' matches the pattern "
                                + "'\(pattern)' of a source on the same broker: the gateway "
                                + "would read its own events"
                        )
                }
            }
        }
    }

    /// For a message that two filters of a session match, a broker may send it twice (MQTT 5, section
    /// 3.3.4), and mosquitto does.
    private func reportOverlaps(_ source: SourceConfiguration, _ value: YAMLValue?) {
        let patterns = source.topics.map(\.pattern)
        for (index, pattern) in patterns.enumerated() {
            for earlier in patterns[..<index] where earlier.overlaps(pattern) {
                value?
                    .report(
                        "the patterns '\(earlier)' and '\(pattern)' of source '\(source.name)' overlap: "
                            + "a message that matches both would be taken twice"
                    )
            }
        }
    }

    private func reportDuplicates(_ names: [String], what: String, _ value: YAMLValue?) {
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            value?.report("\(what) '\(name)' is used twice")
        }
    }
}

/// Columns that every expression may read beside the signals.
enum ReservedColumn: String, CaseIterable, Sendable {
    /// The vehicle's id.
    case vehicle
    /// The latest event time of the vehicle, in seconds since 1970.
    case eventTime = "event_time"
}
