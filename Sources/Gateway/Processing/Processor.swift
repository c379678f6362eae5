// SPDX-License-Identifier: Apache-2.0
// process(batch, state) → (state, events): decode, merge, decide. Its world is what it is handed; it
// reads no socket, no wall clock and no randomness, and writes nothing. So the same code serves live
// intake, replay and rule tests, and the answer does not depend on how messages fell into batches.
//
// The state is changed in place. When the commit that should make it durable fails, the processor
// is thrown away and a new one is made from the log: recovery has one path.

/// Turns messages into readings, readings into vehicle state, and that into events.
final class Processor {
    let rules: CompiledRules
    let engine: RuleEngine
    let fleet = Fleet()
    let signals: SignalTable
    let tables: TableStore
    let sparkplug = SparkplugNodes()
    let configuration: Configuration
    /// `nil` when schemas are not watched.
    let schemas: SchemaHistory?
    /// How often a vehicle's current record is told at most; `nil` when nobody wants it.
    let recordInterval: Int64?
    private let decoders: [[MessageDecoder]]
    private let enrichedFragments: [[UInt8]]
    var nextOffsets: [String: Int64]
    var timers = TimerQueue()
    var outcome = Outcome()
    var results: [Bool?] = []
    /// When what is being processed arrived, or the clock showed that an alert is due.
    var arrival = Timestamp.distantPast
    /// When the clock was first looked at: silence of feeds counts from there.
    var startedAt: Timestamp?
    /// When time last passed for the tables.
    var lookedAt = Timestamp.distantPast
    /// Vehicles whose current record may have changed, in the order in which they did.
    var recordCandidates: [Vehicle] = []
    /// Vehicles that recovery brought further than their row: the next outcome names them.
    private var restoredDirty: [Vehicle] = []

    /// `nextOffsets` holds, by stream, the offset of the next event.
    init(
        configuration: Configuration,
        rules: CompiledRules,
        nextOffsets: [String: Int64]
    ) {
        self.configuration = configuration
        recordInterval = configuration.recordIntervalMilliseconds
        self.rules = rules
        engine = rules.engine
        tables = rules.tables
        schemas = configuration.schema.isEnabled ? SchemaHistory(configuration) : nil
        let signals = rules.signals
        self.signals = signals
        self.nextOffsets = nextOffsets
        let parser = JSONParser(depthMax: configuration.limits.depthMax)
        let sparkplug = sparkplug
        decoders = configuration.sources.map { source in
            source.topics.map {
                MessageDecoder(
                    configuration: $0,
                    limits: configuration.limits,
                    clock: configuration.clock,
                    parser: parser,
                    signals: signals,
                    sparkplug: sparkplug
                )
            }
        }
        enrichedFragments = configuration.sources.map { source in
            var writer = JSONWriter()
            writer.raw(",")
            writer.key("gateway")
            writer.string(configuration.gateway.id)
            writer.member("source")
            writer.string(source.name)
            writer.member("offset")
            // The member's own comma stands first, because a fragment follows other members.
            return writer.bytes
        }
    }

    var depthMax: Int { configuration.limits.depthMax }
    var gatewayID: String { configuration.gateway.id }

    var events: EventWriter { EventWriter(gateway: gatewayID, engine: engine, tables: tables) }

    /// When the clock should be looked at next, if something waits for time to pass: an alert, a table, or a
    /// burst of schema changes.
    var nextDeadline: Timestamp? {
        [nextTableDeadline, timers.next, schemas?.nextDeadline].compactMap(\.self).min()
    }

    /// Processes a batch, then lets time pass up to the clock's reading.
    func process(_ batch: MessageBatch, clock: ClockReading?) -> Outcome {
        outcome.removeAll()
        outcome.vehicles = restoredDirty
        restoredDirty.removeAll()
        for message in batch.messages {
            if let table = table(of: message) {
                change(table, message, in: batch)
            } else {
                process(message, in: batch)
            }
        }
        if let clock {
            passTime(clock)
            passTableTime(clock)
            passSchemaTime(clock)
        }
        collectTables()
        collectSchemas()
        (outcome.sparkplug, outcome.counts.sparkplugGaps) = sparkplug.takeChanges()
        return outcome
    }

    // Messages.

    private func process(_ message: Message, in batch: MessageBatch) {
        let letters = deadLetterCount
        var vehicleID = message.topic.vehicle ?? ""
        arrival = message.arrival
        do {
            vehicleID = try readings(of: message, in: batch) ?? vehicleID
        } catch {
            deadLetter(message, in: batch, error)
        }
        // A message that is processed again stands in `raw` since it arrived.
        if configuration.log.keepsRaw, message.replay == nil {
            let isText =
                (letters == deadLetterCount && isPlain(message))
                || String.isUTF8(batch.bytes[message.payload])
            outcome.raw.append(
                Event(
                    offset: takeOffset(StreamName.raw),
                    eventTime: message.arrival,
                    arrival: message.arrival,
                    key: vehicleID,
                    topic: message.topic.name,
                    payload: message.payload,
                    isText: isText
                )
            )
        }
    }

    private var deadLetterCount: Int { outcome.deadLetter.count }

    /// Whether a message that was decoded is text as it stands.
    private func isPlain(_ message: Message) -> Bool {
        message.topic.configurationIndex.map { decoders[message.source][$0].wasPlain } ?? false
    }

    /// Applies every reading of a message and names the vehicle of the last.
    private func readings(
        of message: Message,
        in batch: MessageBatch
    ) throws(DecodingFailure) -> String? {
        guard message.topic.name.utf8.count <= configuration.limits.topicBytesMax else {
            throw DecodingFailure(
                kind: .overLimit,
                reason: "the topic is longer than limits.topic_bytes"
            )
        }
        guard let index = message.topic.configurationIndex else {
            throw DecodingFailure(
                kind: .noPattern,
                reason: "the topic matches no pattern of the source"
            )
        }
        guard message.payload.count <= configuration.limits.payloadBytesMax else {
            throw DecodingFailure(
                kind: .overLimit,
                reason: "the payload is larger than limits.payload"
            )
        }
        let decoder = decoders[message.source][index]
        let count = try decoder.parse(message, in: batch)
        var vehicle: String?
        var failures = ElementFailures(of: count)
        for element in 0..<count where message.takes(element) {
            do throws(DecodingFailure) {
                let violations = try violations(of: element, decoder, source: message.source)
                let reading = try decoder.reading(element, of: message)
                try apply(reading, decoder, message, violations: violations)
                vehicle = reading.vehicle
            } catch {
                failures.add(error, at: element)
            }
        }
        // One dead letter a message: it holds the whole payload.
        if let failure = failures.summary {
            deadLetter(message, in: batch, failure, elements: failures.elements)
        }
        return vehicle
    }

    // Readings.

    private func apply(
        _ reading: Reading,
        _ decoder: MessageDecoder,
        _ message: Message,
        violations: [String]
    ) throws(DecodingFailure) {
        let values = decoder.values
        let index = try vehicleIndex(reading, source: message.source)
        let vehicle = fleet.vehicles[index]
        markDirty(vehicle)
        var reading = reading
        // A stamp that can't be believed: the vehicle's own clock goes on as time has passed here.
        // The arrival may be far from it, and would make all that follows late.
        if reading.clockFlag != nil {
            reading.eventTime = vehicle.notionalTime(at: reading.arrival)
        }
        let time = max(reading.eventTime, vehicle.eventTime)
        // What the vehicle's own time makes due happens before the reading does.
        if !vehicle.alerts.isEmpty { advanceAlerts(of: vehicle, to: time) }
        vehicle.source = message.source
        vehicle.advance(eventTime: reading.eventTime, heardAt: reading.arrival)
        // What was recovered is looked at once with all rules: they may have changed meanwhile.
        let isRecovered = vehicle.needsEvaluation
        let enrichment = rules.enrichments[message.source]
        let added = enrichment?.signals ?? []
        let plan =
            isRecovered
            ? engine.plan(for: vehicle, reading.shape, and: added)
            : engine.plan(for: reading.shape, and: added)
        vehicle.needsEvaluation = false
        let formerGroup = formerSchemaGroup(of: vehicle)
        var merged = merge(reading, values, into: vehicle, plan)
        if merged.isLate { outcome.counts.late[message.source, default: 0] += 1 }
        if let flag = reading.clockFlag, flag != .absent {
            outcome.counts.clockFlagged[message.source, default: 0] += 1
        }
        let context = ReadingContext(
            reading: reading,
            values: values,
            vehicle: vehicle,
            source: configuration.sources[message.source].name,
            topic: message.topic.name,
            violations: violations
        )
        let rows = enrichment.map { enrich(context, $0, plan, &merged.concernsRules) } ?? []
        observeSchema(reading, decoder, vehicle, message, former: formerGroup)
        if merged.concernsRules || isRecovered { evaluate(plan, vehicle, at: time) }
        schedule(vehicle, index)
        if enrichment == nil {
            appendEnriched(context, message, isLate: merged.isLate, row: nil)
        }
        for row in rows { appendEnriched(context, message, isLate: merged.isLate, row: row) }
        for select in rules.selects { derive(select, context) }
    }

    /// What merging a reading did.
    private struct Merged {
        var isLate: Bool
        var concernsRules: Bool
    }

    private func vehicleIndex(_ reading: Reading, source: Int) throws(DecodingFailure) -> Int {
        if let index = fleet.index(of: reading.vehicle) { return index }
        guard fleet.count < configuration.limits.vehiclesMax else {
            throw DecodingFailure(kind: .overLimit, reason: "one vehicle more than limits.vehicles")
        }
        return fleet.insert(
            Vehicle(
                id: reading.vehicle,
                source: source,
                eventTime: reading.eventTime,
                heardAt: reading.arrival
            )
        )
    }

    private func merge(
        _ reading: Reading,
        _ values: [SignalValue?],
        into vehicle: Vehicle,
        _ plan: RulePlan
    ) -> Merged {
        var isLate = false
        var concernsRules = plan.inputs == nil
        for (position, column) in reading.shape.columns.enumerated() {
            guard let signal = column.signal, let value = values[position] else { continue }
            switch vehicle.merge(signal, value, at: reading.eventTime) {
            case .late: isLate = true
            case .unchanged: break
            case .changed:
                if rules.movesGroup(signal) { vehicle.schemaGroup = nil }
                if !concernsRules { concernsRules = plan.inputs?.contains(signal) ?? true }
            }
        }
        return Merged(isLate: isLate, concernsRules: concernsRules && !plan.rules.isEmpty)
    }

    func markDirty(_ vehicle: Vehicle) {
        expectRecord(of: vehicle)
        guard !vehicle.isDirty else { return }
        vehicle.isDirty = true
        outcome.vehicles.append(vehicle)
    }

    // Recovery.

    /// Takes a vehicle as the log has it.
    func restore(_ vehicle: Vehicle) {
        vehicle.needsEvaluation = true
        let index = fleet.insert(vehicle)
        if vehicle.isDirty { restoredDirty.append(vehicle) }
        // What was not told before the end is told now; what was, is not told again.
        expectRecord(of: vehicle)
        schedule(vehicle, index)
    }

    // Events.

    func takeOffset(_ stream: String) -> Int64 {
        let offset = nextOffsets[stream, default: 1]
        nextOffsets[stream] = offset + 1
        return offset
    }

    private func appendEnriched(
        _ context: ReadingContext,
        _ message: Message,
        isLate: Bool,
        row: EnrichedRow?
    ) {
        let reading = context.reading
        let offset = takeOffset(StreamName.enriched)
        let start = outcome.bytes.count
        events.enriched(
            reading,
            context.values,
            context.vehicle,
            offset: offset,
            fragment: enrichedFragments[message.source],
            isLate: isLate,
            violations: context.violations,
            row: row,
            into: &outcome.bytes
        )
        outcome.enriched.append(
            Event(
                offset: offset,
                eventTime: reading.eventTime,
                arrival: reading.arrival,
                key: reading.vehicle,
                topic: message.topic.name,
                payload: start..<outcome.bytes.count,
                isText: true
            )
        )
    }

    func deadLetter(
        _ message: Message,
        in batch: MessageBatch,
        _ failure: DecodingFailure,
        elements: [Int] = []
    ) {
        let source = configuration.feedName(message.source)
        let start = outcome.bytes.count
        outcome.bytes.deadLetter(
            DeadLetter(
                source: source,
                topic: message.topic.name,
                line: batch.record(of: message)?.line,
                kind: failure.kind.rawValue,
                reason: failure.reason,
                position: failure.position,
                elements: elements,
                replayOf: message.replay?.offset,
                arrival: message.arrival
            ),
            payload: batch.bytes[message.payload]
        )
        let kind = OutcomeCounts.DeadLetterKind(source: message.source, kind: failure.kind)
        outcome.counts.deadLetters[kind, default: 0] += 1
        if let replay = message.replay { outcome.counts.failedReplays.insert(replay.offset) }
        outcome.deadLetter.append(
            Event(
                offset: takeOffset(StreamName.deadLetter),
                eventTime: message.arrival,
                arrival: message.arrival,
                key: message.topic.vehicle ?? "",
                topic: message.topic.name,
                payload: start..<outcome.bytes.count,
                isText: true
            )
        )
    }
}
