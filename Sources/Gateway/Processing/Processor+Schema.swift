// SPDX-License-Identifier: Apache-2.0
// What a reading tells about the shape of what its vehicle sends, and the events that say so.

extension Processor {
    /// The group that a vehicle is in before a reading is merged; `nil` when nothing depends on it.
    func formerSchemaGroup(of vehicle: Vehicle) -> String? {
        guard schemas != nil, let expression = rules.schemaGroup else { return nil }
        if let known = vehicle.schemaGroup { return known }
        // A vehicle that nothing is known of has not been in any.
        guard !vehicle.signals.isEmpty else { return nil }
        return expression.group(of: vehicle)
    }

    /// Lets the history see a reading that was merged.
    func observeSchema(
        _ reading: Reading,
        _ decoder: MessageDecoder,
        _ vehicle: Vehicle,
        _ message: Message,
        former: String?
    ) {
        // A dead letter that is processed again tells what was sent long ago: it would turn the history back.
        guard let schemas, message.replay == nil, let topic = message.topic.configurationIndex
        else { return }
        let group = schemaGroup(of: vehicle, message)
        if schemas.counts(
            reading.shape,
            numberHash: decoder.numberHash,
            at: reading.arrival,
            group: group
        ) {
            return
        }
        let news = schemas.observe(
            SchemaReading(
                shape: reading.shape,
                decoder: decoder,
                vehicle: vehicle,
                arrival: reading.arrival,
                signals: signals
            ),
            source: message.source,
            topic: topic,
            group: group,
            former: former
        )
        for news in news { tell(news) }
    }

    private func schemaGroup(of vehicle: Vehicle, _ message: Message) -> String {
        if let known = vehicle.schemaGroup { return known }
        switch configuration.schema.grouping {
        case .pattern: return ""
        case .topic: return message.topic.name
        case .expression:
            let name = rules.schemaGroup?.group(of: vehicle) ?? ""
            vehicle.schemaGroup = name
            return name
        }
    }

    /// Ends bursts that are over.
    func passSchemaTime(_ clock: ClockReading) {
        guard let schemas else { return }
        for news in schemas.passTime(to: clock.now) { tell(news) }
    }

    /// Ends all bursts, before their time.
    func endBursts() -> Outcome {
        outcome.removeAll()
        guard let schemas else { return outcome }
        for news in schemas.passTime(to: .distantFuture) { tell(news) }
        collectSchemas()
        return outcome
    }

    /// Hands over what the batch did to the history.
    func collectSchemas() {
        guard let schemas else { return }
        outcome.schemas += schemas.takeWrites()
    }

    // Events.

    private func tell(_ news: SchemaNews) {
        var news = news
        for index in news.changes.indices { complete(&news.changes[index]) }
        // What matters most stands first; the rest stays by path.
        news.changes.sort {
            ($1.severity, $0.path, $0.kind.rawValue) < ($0.severity, $1.path, $1.kind.rawValue)
        }
        let start = outcome.bytes.count
        outcome.bytes.schema(news, gateway: gatewayID)
        let range = start..<outcome.bytes.count
        let payload = String(decoding: outcome.bytes.bytes[range], as: UTF8.self)
        if news.kind != .changed || news.from != news.to {
            outcome.schemas.append(.version(news.versionRow(event: payload)))
        }
        let source = configuration.sources.firstIndex { $0.name == news.group.source }
        for change in news.changes {
            let kind = OutcomeCounts.SchemaKind(source: source ?? 0, kind: change.kind)
            outcome.counts.schemaChanges[kind, default: 0] += 1
        }
        guard news.kind != .changed || news.severity > .none else { return }
        outcome.schema.append(
            Event(
                offset: takeOffset(StreamName.schema),
                eventTime: news.time,
                arrival: news.time,
                key: news.group.source,
                topic: news.group.topic,
                payload: range,
                isText: true
            )
        )
    }

    /// Adds what the configuration knows of a change: who reads the path, in which unit, how much it matters.
    private func complete(_ change: inout SchemaChange) {
        let paths = [change.path] + (change.formerPath.map { [$0] } ?? [])
        change.alerts = alerts(reading: paths)
        change.unit = configuration.signals.first { $0.paths.contains(change.path) }?.unit
        change.severity = configuration.schema.severity(of: change)
    }

    /// The alerts that read one of these paths, under its own name or under the catalogue's.
    private func alerts(reading paths: [String]) -> [String] {
        let names = Set(paths.map { signals.entry(path: $0)?.name ?? $0 })
        let lists = paths.filter { $0.contains("*") }.map { PathGlob($0) }
        return engine.rules
            .filter { rule in
                rule.columns.contains { name, column in
                    guard case .signal(let id) = column else { return false }
                    let canonical = signals.name(of: id)
                    return names.contains(canonical)
                        || lists.contains { $0.matches(name) || $0.matches(canonical) }
                }
            }
            .map(\.name)
    }
}

extension SchemaNews {
    /// The version that the group has reached.
    fileprivate func versionRow(event: String) -> SchemaVersionRow {
        SchemaVersionRow(
            group: group.id,
            version: to,
            time: time,
            fingerprint: fingerprint,
            pathCount: pathCount,
            event: event
        )
    }
}
