// SPDX-License-Identifier: Apache-2.0
import Foundation

@testable import Gateway

/// A fleet of which one vehicle gets another firmware, and what its log answers.
final class SchemaRollout {
    let rig: SchemaRig
    let units: SchemaUnits

    /// Vehicles on 4.1, then one on 4.2, which calls the odometer otherwise and tells more.
    init() throws {
        let signals = [
            SignalConfiguration(name: "firmware", paths: ["fw"]),
            SignalConfiguration(name: "speed", paths: ["speed"], unit: "km/h"),
        ]
        units = SchemaUnits(signals)
        rig = try SchemaRig(signals: signals) {
            $0.grouping = .expression("firmware", file: "f", line: 1, key: "schema.group")
        }
        try rig.send(
            (0..<12).map { #"{"fw":"4.1","odometer":\#(1200 + $0),"speed":\#($0)}"# },
            vehicle: "a"
        )
        try rig.send(
            #"{"fw":"4.2","mileage":1211,"speed":5.5,"body":{"doors":"open"}}"#,
            vehicle: "a"
        )
        try rig.settle()
        try rig.send(
            #"{"fw":"4.2","mileage":1212,"speed":6,"body":null,"note":"ice"}"#,
            vehicle: "a"
        )
        try rig.settle()
        try saveCounts()
    }

    func saveCounts() throws { try rig.saveCounts() }
}

extension SchemaRig {
    /// Saves what was counted, as the intake loop does every few seconds.
    func saveCounts() throws {
        let writes = gateway.processor.schemas?.takeCounts(pathsMax: .max)
        try gateway.writer.saveSchemaCounts(writes ?? [])
    }

    /// Asks the log as `gateway schema` does.
    func ask<Found>(_ body: (SchemaReader) throws -> Found) throws -> Found {
        let budget = QueryBudget(milliseconds: 30_000)
        let log = try ReadOnlyDatabase(path: gateway.log.path, budget: budget)
        let reader = SchemaReader(option: { "--\($0)" }) { try log.rows($0, with: $1) }
        return try log.snapshot { try body(reader) }
    }

    /// A version of the one group that is selected.
    func content(
        _ selection: SchemaSelection = SchemaSelection(),
        version: Int? = nil
    ) throws -> SchemaContent {
        try ask { try $0.content(of: $0.group(selection), version: version) }
    }

    /// The export of the one group that is selected.
    func export(
        _ selection: SchemaSelection = SchemaSelection(),
        version: Int? = nil,
        hasRanges: Bool = false
    ) throws -> [String: Any] {
        let json = SchemaDocument.json(
            of: try content(selection, version: version),
            units: SchemaUnits([]),
            options: .init(hasRanges: hasRanges)
        )
        return try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any] ?? [:]
    }
}
