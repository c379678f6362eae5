// SPDX-License-Identifier: Apache-2.0

/// One fleet of the proof of tables: its source database, the way its changes take, and the model.
final class TablesFleet {
    /// Kafka's tables have names of their own in the same gateway.
    enum Transport: String {
        case mqtt
        case kafka
    }

    let transport: Transport
    let vehicles: [String]
    let wires: [ChangeWire]
    private(set) var history: ChangeHistory
    private(set) var model = TableModel()
    private(set) var changeCount = 0
    let carrier: any ChangeCarrier
    private var traffic: ChangeTraffic
    /// Milliseconds since 1970.
    private let clock: () -> Int64

    init(
        _ transport: Transport,
        vehicles count: Int,
        carrier: any ChangeCarrier,
        clock: @escaping () -> Int64 = { WallClock.now().milliseconds },
        random: inout SplitMix64
    ) {
        self.transport = transport
        self.carrier = carrier
        self.clock = clock
        let vehicles = (1...count).map { "\(transport == .mqtt ? "car" : "van")-\($0)" }
        self.vehicles = vehicles
        // Each run has other tables in other forms.
        wires = Self.wires(&random)
        history = ChangeHistory(seed: random.next(), vehicles: vehicles)
        traffic = ChangeTraffic(seed: random.next(), keepsKeyOrder: transport == .kafka)
    }

    static func wires(_ random: inout SplitMix64) -> [ChangeWire] {
        let debezium = Bool.random(using: &random) ? ChangeWire.debezium : .debeziumEnvelope
        return [.rows, .dms, debezium].shuffled(using: &random)
    }

    static func tableName(_ table: SourceTable, _ transport: Transport) -> String {
        transport == .mqtt ? table.name : "lake_" + table.name
    }

    static func topic(_ table: SourceTable, _ transport: Transport) -> String {
        transport == .mqtt ? "fleet/cdc/\(table.name)" : "cdc.\(table.name)"
    }

    // Changes.

    func open() { for change in history.opening(at: clock()) { send(change) } }

    func change() { send(history.next(at: clock())) }

    /// Sends a table as a whole, if its feed can tell a snapshot from changes.
    ///
    /// Marks of a script have no key, so that in Kafka the end might overtake the rows of other partitions.
    @discardableResult
    func reload(_ table: SourceTable) -> Bool {
        let wire = wires[table.rawValue]
        guard transport == .mqtt || wire != .rows, history.rows(of: table).count > 1 else {
            return false
        }
        let snapshot = history.snapshot(of: table, at: clock())
        model.apply(snapshot)
        for (key, payload) in wire.payloads(of: snapshot) {
            let message = ChangeMessage(
                version: snapshot.version,
                table: table,
                key: key,
                payload: payload
            )
            transmit(traffic.send(message, inOrder: true))
        }
        changeCount += 1
        return true
    }

    /// Sends what was held back.
    func flush() { transmit(traffic.flush()) }

    /// Sends some of what has been sent again.
    func repeatSome(_ count: Int) { transmit(traffic.repeated(count)) }

    private func send(_ change: SourceChange) {
        model.apply(change)
        changeCount += 1
        let wire = wires[change.table.rawValue]
        var message = ChangeMessage(
            version: change.version,
            table: change.table,
            key: change.key,
            payload: wire.payload(of: change)
        )
        transmit(traffic.send(message))
        // What Debezium sends behind a delete, so that Kafka can forget the key.
        guard transport == .kafka, change.kind == .delete,
            wire == .debezium || wire == .debeziumEnvelope
        else { return }
        message.payload = []
        transmit(traffic.send(message))
    }

    private func transmit(_ messages: [ChangeMessage]) {
        let now = clock()
        for message in messages {
            if model.sentAt[message.version] == nil { model.sentAt[message.version] = now }
            carrier.send(
                topic: Self.topic(message.table, transport),
                key: wires[message.table.rawValue].recordKey(message.key),
                payload: message.payload
            )
        }
    }
}
