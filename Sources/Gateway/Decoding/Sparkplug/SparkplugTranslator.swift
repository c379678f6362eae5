// SPDX-License-Identifier: Apache-2.0
// Sparkplug B (Eclipse Sparkplug 3.0): births give names to aliases, data use them, deaths say who is gone.
// Each message becomes the JSON of its readings, so that all behind it knows nothing of Sparkplug.
import SparkplugProtocol
import SwiftProtobuf

/// Translates the messages of one configured topic; belongs to the intake thread.
final class SparkplugTranslator {
    private let limits: LimitsConfiguration
    private let nodes: SparkplugNodes
    private var writer: SparkplugReadingWriter
    /// The message is a dead letter that is processed again: it was counted when it came.
    private var isReplay = false

    init(limits: LimitsConfiguration, nodes: SparkplugNodes) {
        self.limits = limits
        self.nodes = nodes
        writer = SparkplugReadingWriter(bytesMax: limits.unpackedBytesMax)
    }

    /// The readings of a message as a JSON array; empty when it tells of no vehicle.
    func translate(
        _ payload: PayloadOpener.Opened,
        of message: Message
    ) throws(DecodingFailure) -> PayloadOpener.Opened {
        guard let topic = SparkplugTopic(message.topic.name) else {
            throw DecodingFailure(kind: .wrongForm, reason: "the topic is none of Sparkplug B's")
        }
        let node = SparkplugNodes.Key(source: message.source, edgeNode: topic.edgeNode)
        isReplay = message.replay != nil
        try checkReplay(of: topic)
        writer.begin()
        switch topic.kind {
        case .state, .nodeCommand, .deviceCommand: break
        case .nodeBirth: try nodeBirth(node, topic, decoded(payload))
        case .deviceBirth: try deviceBirth(node, topic, decoded(payload))
        case .nodeData, .deviceData: try data(node, topic, decoded(payload))
        case .nodeDeath: nodeDeath(node, topic, try decoded(payload))
        case .deviceDeath: deviceDeath(node, topic, try decoded(payload))
        }
        writer.end()
        let length = writer.pad()
        return PayloadOpener.Opened(bytes: writer.json.bytes, range: 0..<length)
    }

    /// A session of then is over: its birth would give the aliases of the present one other names.
    private func checkReplay(of topic: SparkplugTopic) throws(DecodingFailure) {
        guard isReplay else { return }
        switch topic.kind {
        case .nodeBirth, .deviceBirth, .nodeDeath, .deviceDeath:
            throw DecodingFailure(
                kind: .wrongForm,
                reason: "a birth or death can't be replayed; ask the edge node to rebirth"
            )
        case .nodeData, .deviceData, .state, .nodeCommand, .deviceCommand: break
        }
    }

    private func decoded(
        _ payload: PayloadOpener.Opened
    ) throws(DecodingFailure) -> SparkplugPayload {
        var options = BinaryDecodingOptions()
        options.discardUnknownFields = true
        do {
            return try SparkplugPayload(
                serializedBytes: Array(payload.bytes[payload.range]),
                options: options
            )
        } catch {
            throw DecodingFailure(
                kind: .notSparkplug,
                reason: "not a payload of Sparkplug B: \(error)"
            )
        }
    }

    // Births.

    private func nodeBirth(
        _ node: SparkplugNodes.Key,
        _ topic: SparkplugTopic,
        _ payload: SparkplugPayload
    ) throws(DecodingFailure) {
        let birth = try birth(payload)
        let session = SparkplugSession(
            deathNumber: payload.deathNumber,
            sequence: UInt8(truncatingIfNeeded: payload.seq)
        )
        // In another session than the last it has died, and nobody told: so have its devices.
        let known = nodes.session(of: node)
        let isRebirth = known?.deathNumber == session.deathNumber
        if known == nil { try makeRoom() }
        if !isRebirth {
            for device in nodes.devices(of: node) { writer.death(of: device) }
        }
        try writer.readings(of: topic.vehicle, payload, named(payload, by: birth), hasGap: false)
        nodes.bear(node, session, birth)
    }

    private func deviceBirth(
        _ node: SparkplugNodes.Key,
        _ topic: SparkplugTopic,
        _ payload: SparkplugPayload
    ) throws(DecodingFailure) {
        try advance(node, payload)
        let birth = try birth(payload)
        if nodes.birth(of: node, device: topic.device) == nil { try makeRoom() }
        try writer.readings(
            of: topic.vehicle,
            payload,
            named(payload, by: birth),
            hasGap: nodes.session(of: node)?.hasGap ?? false
        )
        nodes.bear(topic.device, of: node, birth)
    }

    private func birth(_ payload: SparkplugPayload) throws(DecodingFailure) -> SparkplugBirth {
        var bytes = 0
        var definitions: [SparkplugDefinition] = []
        for (index, metric) in payload.metrics.enumerated() {
            guard metric.hasName else {
                throw DecodingFailure(
                    kind: .wrongForm,
                    reason: "a birth has no name for its metric \(index)"
                )
            }
            bytes += metric.name.utf8.count
            definitions.append(
                SparkplugDefinition(
                    name: SparkplugDefinition.path(metric.name),
                    alias: metric.hasAlias ? metric.alias : nil,
                    type: metric.datatype
                )
            )
        }
        guard definitions.count <= limits.signalsMax else {
            throw DecodingFailure(
                kind: .overLimit,
                reason: "a birth has more metrics than limits.signals"
            )
        }
        guard bytes <= limits.eventBytesMax else {
            throw DecodingFailure(
                kind: .overLimit,
                reason: "the names of a birth are longer than limits.event"
            )
        }
        return SparkplugBirth(definitions)
    }

    private func makeRoom() throws(DecodingFailure) {
        guard nodes.count < limits.vehiclesMax else {
            throw DecodingFailure(
                kind: .overLimit,
                reason: "one edge node or device more than limits.vehicles"
            )
        }
    }

    /// Metrics of a birth bear their names.
    private func named(
        _ payload: SparkplugPayload,
        by birth: SparkplugBirth
    ) -> [SparkplugNamedMetric] {
        zip(payload.metrics, birth.definitions)
            .filter { $0.0.name != SparkplugPayload.deathNumberName }
            .map { metric, definition in SparkplugNamedMetric(metric, definition) }
    }

    // Data.

    private func data(
        _ node: SparkplugNodes.Key,
        _ topic: SparkplugTopic,
        _ payload: SparkplugPayload
    ) throws(DecodingFailure) {
        try advance(node, payload)
        guard let birth = nodes.birth(of: node, device: topic.device) else {
            let what = topic.device.isEmpty ? topic.edgeNode : "device \(topic.device)"
            throw Self.noBirth("of \(what)")
        }
        var metrics: [SparkplugNamedMetric] = []
        metrics.reserveCapacity(payload.metrics.count)
        for metric in payload.metrics where metric.name != SparkplugPayload.deathNumberName {
            metrics.append(SparkplugNamedMetric(metric, try definition(of: metric, in: birth)))
        }
        try writer.readings(
            of: topic.vehicle,
            payload,
            metrics,
            hasGap: nodes.session(of: node)?.hasGap ?? false
        )
    }

    private func definition(
        of metric: SparkplugMetric,
        in birth: SparkplugBirth
    ) throws(DecodingFailure) -> SparkplugDefinition {
        if metric.hasAlias, let known = birth.definition(alias: metric.alias) { return known }
        guard metric.hasName, !metric.name.isEmpty else {
            throw Self.noBirth(
                metric.hasAlias ? "for alias \(metric.alias)" : "for a nameless metric"
            )
        }
        let name = SparkplugDefinition.path(metric.name)
        return birth.definition(name: name)
            ?? SparkplugDefinition(name: name, alias: nil, type: metric.datatype)
    }

    /// The edge node lives, and this is its next message.
    private func advance(
        _ node: SparkplugNodes.Key,
        _ payload: SparkplugPayload
    ) throws(DecodingFailure) {
        guard nodes.session(of: node) != nil else {
            throw Self.noBirth("of edge node \(node.edgeNode)")
        }
        if payload.hasSeq, !isReplay {
            nodes.advance(node, to: UInt8(truncatingIfNeeded: payload.seq))
        }
    }

    private static func noBirth(_ what: String) -> DecodingFailure {
        DecodingFailure(
            kind: .noBirth,
            reason: "no birth seen \(what); the node must be asked to rebirth"
        )
    }

    // Deaths.

    private func nodeDeath(
        _ node: SparkplugNodes.Key,
        _ topic: SparkplugTopic,
        _ payload: SparkplugPayload
    ) {
        // Of a session before the last birth, it comes late and says nothing about this one.
        guard let session = nodes.session(of: node), session.deathNumber == payload.deathNumber
        else { return }
        writer.death(of: topic.vehicle)
        for device in nodes.devices(of: node) { writer.death(of: device) }
        nodes.forget(node)
    }

    private func deviceDeath(
        _ node: SparkplugNodes.Key,
        _ topic: SparkplugTopic,
        _ payload: SparkplugPayload
    ) {
        guard nodes.session(of: node) != nil else { return }
        if payload.hasSeq { nodes.advance(node, to: UInt8(truncatingIfNeeded: payload.seq)) }
        guard nodes.devices(of: node).contains(topic.device) else { return }
        writer.death(of: topic.device)
        nodes.forget(topic.device, of: node)
    }
}

extension SparkplugNamedMetric {
    init(_ metric: SparkplugMetric, _ definition: SparkplugDefinition) {
        let type = metric.hasDatatype ? metric.datatype : definition.type
        self.init(
            name: definition.name,
            type: SparkplugType(rawValue: type) ?? .unknown,
            metric: metric
        )
    }
}

extension SparkplugPayload {
    /// Pairs a death with its birth; no signal.
    fileprivate static let deathNumberName = "bdSeq"

    fileprivate var deathNumber: UInt64? {
        for metric in metrics where metric.name == Self.deathNumberName {
            if case .longValue(let number)? = metric.value { return number }
            if case .intValue(let number)? = metric.value { return UInt64(number) }
        }
        return nil
    }
}
