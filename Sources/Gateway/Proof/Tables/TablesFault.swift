// SPDX-License-Identifier: Apache-2.0

/// Something that happens once in a round of the proof of tables.
enum TablesFault {
    case kill
    case restartBroker
    case restartKafka
    /// Of whoever publishes changes over MQTT.
    case reconnect
    /// A table is sent as a whole.
    case reload(fleet: Int, SourceTable)

    var name: String {
        switch self {
        case .kill: "kill"
        case .restartBroker: "broker"
        case .restartKafka: "kafka"
        case .reconnect: "reconnect"
        case .reload(let fleet, let table):
            "reload-\(fleet == 0 ? "mqtt" : "kafka")-\(table.name)"
        }
    }

    /// What happens in a round; every table of every fleet is loaded anew in turn.
    static func faults(
        of round: Int,
        fleets: Int,
        hasKafka: Bool,
        _ random: inout SplitMix64
    ) -> [TablesFault] {
        var faults: [TablesFault] = [.kill]
        if Bool.random(using: &random) { faults.append(.kill) }
        if Bool.random(using: &random) { faults.append(.reconnect) }
        if round % 3 == 2 { faults.append(.restartBroker) }
        if round % 4 == 3, hasKafka { faults.append(.restartKafka) }
        let tables = SourceTable.allCases.count
        let place = round % (2 * tables)
        if let table = SourceTable(rawValue: place % tables) {
            faults += (0..<fleets).filter { ($0 + place) % 2 == 0 || round % 3 == 0 }
                .map { .reload(fleet: $0, table) }
        }
        return faults
    }
}
