// SPDX-License-Identifier: Apache-2.0
// The payloads of the gateway's own events. Outliers are made for `mosquitto_sub`: one line that a
// person reads from left to right.

/// Writes events as JSON.
struct EventWriter {
    let gateway: String
    let engine: RuleEngine
    let tables: TableStore

    /// A reading with what the gateway knows: when, from whom, and which alerts fire.
    func enriched(
        _ reading: Reading,
        _ values: [SignalValue?],
        _ vehicle: Vehicle,
        offset: Int64,
        fragment: [UInt8],
        isLate: Bool,
        violations: [String] = [],
        row: EnrichedRow?,
        into json: inout JSONWriter
    ) {
        json.raw(#"{"vehicle":"#)
        json.string(reading.vehicle)
        json.raw(#","event_time":"#)
        json.int(reading.eventTime.milliseconds)
        json.raw(#","arrival_time":"#)
        json.int(reading.arrival.milliseconds)
        json.raw(fragment)
        json.int(offset)
        json.raw(#","alerts":["#)
        for alert in vehicle.alerts where alert.phase == .firing {
            json.separate()
            json.string(engine.rules[alert.rule].name)
        }
        json.raw("]")
        if isLate { json.raw(#","late":true"#) }
        if let flag = reading.clockFlag {
            json.raw(#","clock":"#)
            json.string(flag.rawValue)
        }
        if !violations.isEmpty {
            json.raw(#","violations":["#)
            for violation in violations {
                json.separate()
                json.string(violation)
            }
            json.raw("]")
        }
        json.raw(#","signals":{"#)
        for (position, column) in reading.shape.columns.enumerated() {
            guard let value = values[position], !column.isShadowed else { continue }
            json.separate()
            json.raw(column.encodedKey)
            json.value(value)
        }
        json.raw("}")
        if let row { enrichment(row, at: reading.arrival, into: &json) }
        json.raw("}")
    }

    /// What the tables know; null where a join has found nothing, and as a whole when it failed.
    private func enrichment(_ row: EnrichedRow, at arrival: Timestamp, into json: inout JSONWriter)
    {
        if case .unknown = row.content { return json.raw(#","enrichment":null"#) }
        json.raw(#","enrichment":{"#)
        for (column, key) in row.enrichment.select.encodedKeys.enumerated() {
            json.separate()
            json.raw(key)
            json.value(row.values?[column] ?? .null)
        }
        json.raw("}")
        if row.enrichment.configuration.rows == .each {
            json.raw(#","row":"#)
            json.int(Int64(row.number))
        }
        let joined = row.enrichment.tables
        if tables.tables.contains(where: { !$0.state.isReady && joined.contains($0.index) }) {
            json.raw(#","incomplete":["#)
            for table in tables.tables where !table.state.isReady && joined.contains(table.index) {
                json.separate()
                json.string(table.name)
            }
            json.raw("]")
        }
        guard row.enrichment.configuration.tellsAge else { return }
        json.raw(#","reference_age":{"#)
        for table in tables.tables where table.state.isHeard && joined.contains(table.index) {
            json.member(table.name)
            json.double(Double(max(0, arrival - table.state.heardAt)) / 1_000)
        }
        json.raw("}")
    }

    /// An alert that fired or resolved; gives the time it did.
    ///
    /// `enrichment` is that of the vehicle's source: whoever reads the line sees whom to tell, whether or
    /// not the rule knows the tables.
    func outlier(
        _ transition: AlertTransition,
        _ instance: AlertInstance,
        _ vehicle: Vehicle,
        _ signals: SignalTable,
        enrichment: Enrichment?,
        into json: inout JSONWriter
    ) -> Timestamp {
        let rule = engine.rules[instance.rule]
        let (time, state) =
            switch transition {
            case .fired(let time): (time, "firing")
            case .resolved(let time): (time, "resolved")
            }
        func text(_ name: String) -> String {
            switch name {
            case "vehicle": vehicle.id
            case "alert": rule.name
            case "severity": rule.severity
            case "time": time.iso8601
            case "since": instance.activeAt.iso8601
            default: Self.brief(signals.existingID(ofName: name).flatMap { vehicle.value(of: $0) })
            }
        }
        json.raw("{")
        for (name, value) in [
            ("time", time.iso8601), ("alert", rule.name), ("state", state), ("vehicle", vehicle.id),
            ("severity", rule.severity),
        ] {
            json.member(name)
            json.string(value)
        }
        for (name, template) in rule.annotations {
            json.member(name)
            json.string(template.render(text))
        }
        writeValues(rule, vehicle, into: &json)
        if let enrichment { write(enrichment, vehicle, into: &json) }
        json.member("since")
        json.string(instance.activeAt.iso8601)
        writeLabels(rule, into: &json)
        for (name, value) in [
            ("gateway", gateway), ("rule", "\(rule.file):\(rule.line)"), ("version", rule.version),
            // The same data gives the same id: a consumer can tell what it has seen.
            ("id", "\(rule.name)/\(vehicle.id)/\(instance.activeAt.milliseconds)/\(state)"),
        ] {
            json.member(name)
            json.string(value)
        }
        json.raw("}")
        return time
    }

    /// The values of the columns that the expression reads.
    private func writeValues(_ rule: AlertRule, _ vehicle: Vehicle, into json: inout JSONWriter) {
        json.member("values")
        json.raw("{")
        for case (let name, .signal(let id)) in rule.columns {
            json.member(name)
            json.value(vehicle.value(of: id) ?? .null)
        }
        json.raw("}")
    }

    /// What the vehicle's latest reading was joined with.
    private func write(
        _ enrichment: Enrichment,
        _ vehicle: Vehicle,
        into json: inout JSONWriter
    ) {
        json.raw(#","enrichment":{"#)
        for (key, signal) in zip(enrichment.select.encodedKeys, enrichment.signals) {
            json.separate()
            json.raw(key)
            json.value(vehicle.value(of: signal) ?? .null)
        }
        json.raw("}")
    }

    private func writeLabels(_ rule: AlertRule, into json: inout JSONWriter) {
        let labels = rule.labels.filter { $0.name != "severity" }
        guard !labels.isEmpty else { return }
        json.member("labels")
        json.raw("{")
        for (name, value) in labels {
            json.member(name)
            json.string(value)
        }
        json.raw("}")
    }

    /// All that fires for a vehicle.
    func firing(_ vehicle: Vehicle, at time: Timestamp, into json: inout JSONWriter) {
        json.raw("{")
        json.member("time")
        json.string(time.iso8601)
        json.member("vehicle")
        json.string(vehicle.id)
        json.member("firing")
        json.raw("[")
        for alert in vehicle.alerts where alert.phase == .firing {
            let rule = engine.rules[alert.rule]
            json.separate()
            json.raw("{")
            json.member("alert")
            json.string(rule.name)
            json.member("severity")
            json.string(rule.severity)
            json.member("since")
            json.string(alert.activeAt.iso8601)
            json.raw("}")
        }
        json.raw("]")
        json.member("gateway")
        json.string(gateway)
        json.raw("}")
    }

    /// A value for a sentence: two decimals are enough for a person.
    private static func brief(_ value: SignalValue?) -> String {
        guard case .double(let number)? = value, number.magnitude < 1e15 else {
            return value?.text ?? "unknown"
        }
        let hundredths = (number * 100).rounded() / 100
        return hundredths == hundredths.rounded() ? String(Int64(hundredths)) : String(hundredths)
    }
}
