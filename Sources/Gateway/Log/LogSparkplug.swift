// SPDX-License-Identifier: Apache-2.0
// What edge nodes have said at birth, as the log keeps it: `sparkplug_node` and `sparkplug_birth`
// (docs/log-format.md).
import GRDB

/// Writes what a batch changes about edge nodes; belongs to the intake thread.
struct LogSparkplug {
    private let upsertNode: SQLiteStatement
    private let upsertBirth: SQLiteStatement
    private let deleteNode: SQLiteStatement
    private let deleteBirth: SQLiteStatement
    private let deleteBirths: SQLiteStatement
    private let sourceNames: [String]

    init(_ db: Database, sourceNames: [String]) throws {
        func make(_ sql: String) throws -> SQLiteStatement {
            try unsafe SQLiteStatement(db.connection(), sql)
        }
        self.sourceNames = sourceNames
        upsertNode = try make(
            """
            INSERT OR REPLACE INTO sparkplug_node (source, edge_node, bd_seq, seq, has_gap)
            VALUES (?, ?, ?, ?, ?)
            """
        )
        upsertBirth = try make(
            """
            INSERT OR REPLACE INTO sparkplug_birth (source, edge_node, device, metrics)
            VALUES (?, ?, ?, ?)
            """
        )
        deleteNode = try make("DELETE FROM sparkplug_node WHERE source = ? AND edge_node = ?")
        deleteBirth = try make(
            "DELETE FROM sparkplug_birth WHERE source = ? AND edge_node = ? AND device = ?"
        )
        deleteBirths = try make("DELETE FROM sparkplug_birth WHERE source = ? AND edge_node = ?")
    }

    /// Executes one change, inside the batch's transaction.
    func write(_ write: SparkplugWrite) throws(SQLiteFailure) {
        switch write {
        case .birth(let node, let device, let birth):
            bind(upsertBirth, node)
            upsertBirth.bind(3, device)
            upsertBirth.bind(4, birth.map { .text($0.text) })
            try upsertBirth.run()
        case .forgetBirth(let node, let device):
            bind(deleteBirth, node)
            deleteBirth.bind(3, device)
            try deleteBirth.run()
        case .forgetNode(let node):
            for statement in [deleteNode, deleteBirths] {
                bind(statement, node)
                try statement.run()
            }
        case .node(let node, let session):
            bind(upsertNode, node)
            upsertNode.bind(3, session.deathNumber.map { .int(Int64(bitPattern: $0)) })
            upsertNode.bind(4, session.sequence.map { .int(Int64($0)) })
            upsertNode.bind(5, .bool(session.hasGap))
            try upsertNode.run()
        }
    }

    private func bind(_ statement: SQLiteStatement, _ node: SparkplugNodes.Key) {
        statement.bind(1, sourceNames[node.source])
        statement.bind(2, node.edgeNode)
    }
}

extension EventLog {
    /// Gives the edge nodes back what they have said; those of sources that are gone stay in the log.
    static func recoverSparkplug(
        _ db: Database,
        _ sourceIndices: [String: Int],
        into nodes: SparkplugNodes
    ) throws {
        let parser = JSONParser(depthMax: 3)
        var births: [SparkplugNodes.Key: [String: SparkplugBirth?]] = [:]
        for row in try Row.fetchAll(db, sql: "SELECT * FROM sparkplug_birth") {
            guard let source = sourceIndices[row["source"]] else { continue }
            let node = SparkplugNodes.Key(source: source, edgeNode: row["edge_node"])
            let metrics: String? = row["metrics"]
            let birth = try metrics.map { try SparkplugBirth(text: $0, parser: parser) }
            births[node, default: [:]].updateValue(birth, forKey: row["device"])
        }
        for row in try Row.fetchAll(db, sql: "SELECT * FROM sparkplug_node") {
            guard let source = sourceIndices[row["source"]] else { continue }
            let node = SparkplugNodes.Key(source: source, edgeNode: row["edge_node"])
            let session = SparkplugSession(
                deathNumber: (row["bd_seq"] as Int64?).map { UInt64(bitPattern: $0) },
                sequence: (row["seq"] as Int64?).map { UInt8(truncatingIfNeeded: $0) },
                hasGap: row["has_gap"]
            )
            nodes.restore(node, session, births: births[node] ?? [:])
        }
    }
}
