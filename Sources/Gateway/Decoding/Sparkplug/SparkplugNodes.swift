// SPDX-License-Identifier: Apache-2.0
// What edge nodes have said at birth is state: without it their data are numbers without names. It
// changes here in memory, and in the log with the batch that changed it.

/// What a batch changes about edge nodes in the log, in its order.
enum SparkplugWrite: Equatable {
    /// Without a birth: alive, but its metrics are unknown.
    case birth(SparkplugNodes.Key, device: String, SparkplugBirth?)
    case forgetBirth(SparkplugNodes.Key, device: String)
    case forgetNode(SparkplugNodes.Key)
    case node(SparkplugNodes.Key, SparkplugSession)
}

/// How far the messages of an edge node have come since its birth.
struct SparkplugSession: Equatable {
    /// What its death certificate will bear as well.
    var deathNumber: UInt64?
    /// The sequence number of its last message.
    var sequence: UInt8?
    /// Messages have been lost since the birth.
    var hasGap = false
}

/// Messages of an edge node that did not come.
struct SparkplugGap: Equatable {
    var node: SparkplugNodes.Key
    var expected: UInt8
    var seen: UInt8
    /// The first one since the birth of the edge node.
    var isFirst: Bool
}

/// The edge nodes that are alive, with what they and their devices have said at birth.
final class SparkplugNodes {
    /// Names an edge node.
    struct Key: Hashable {
        /// The index of its source in the configuration.
        var source: Int
        /// Group and edge node: `plant1/press4`.
        var edgeNode: String
    }

    private struct Node {
        var session: SparkplugSession
        /// By device; the edge node's own under the empty name.
        ///
        /// `nil` for a device that was alive when the edge node was born again in the same session: it
        /// lives on, but its metrics are unknown until its own birth.
        var births: [String: SparkplugBirth?]
    }

    private var nodes: [Key: Node] = [:]
    /// Edge nodes and devices.
    private(set) var count = 0
    private var writes: [SparkplugWrite] = []
    private var changed: [Key] = []
    private(set) var gaps: [SparkplugGap] = []

    func session(of node: Key) -> SparkplugSession? { nodes[node]?.session }

    func birth(of node: Key, device: String) -> SparkplugBirth? {
        nodes[node]?.births[device] ?? nil
    }

    /// The devices of an edge node that are not known to be offline, by name.
    func devices(of node: Key) -> [String] {
        nodes[node]?.births.keys.filter { !$0.isEmpty }.sorted() ?? []
    }

    /// An edge node is born; what its devices have said before counts no more.
    func bear(_ node: Key, _ session: SparkplugSession, _ birth: SparkplugBirth) {
        let isRebirth = nodes[node]?.session.deathNumber == session.deathNumber
        let devices = isRebirth ? devices(of: node) : []
        forget(node)
        nodes[node] = Node(session: session, births: [:])
        changed.append(node)
        bear("", of: node, birth)
        for device in devices { bear(device, of: node, nil) }
    }

    /// A device of a living edge node is born.
    func bear(_ device: String, of node: Key, _ birth: SparkplugBirth?) {
        if nodes[node]?.births.updateValue(birth, forKey: device) == nil { count += 1 }
        writes.append(.birth(node, device: device, birth))
    }

    /// An edge node has died, and with it all of its devices.
    func forget(_ node: Key) {
        guard let known = nodes.removeValue(forKey: node) else { return }
        count -= known.births.count
        writes.append(.forgetNode(node))
    }

    func forget(_ device: String, of node: Key) {
        guard nodes[node]?.births.removeValue(forKey: device) != nil else { return }
        count -= 1
        writes.append(.forgetBirth(node, device: device))
    }

    /// Takes the sequence number of a message (section 6.4.5: 0 to 255, then 0 again).
    func advance(_ node: Key, to sequence: UInt8) {
        guard var session = nodes[node]?.session else { return }
        if let last = session.sequence, sequence != last &+ 1 {
            gaps.append(
                SparkplugGap(
                    node: node,
                    expected: last &+ 1,
                    seen: sequence,
                    isFirst: !session.hasGap
                )
            )
            session.hasGap = true
        }
        session.sequence = sequence
        nodes[node]?.session = session
        changed.append(node)
    }

    /// What a batch has changed; asked for once, at its end.
    func takeChanges() -> (writes: [SparkplugWrite], gaps: [SparkplugGap]) {
        guard !writes.isEmpty || !changed.isEmpty else { return ([], []) }
        var told: Set<Key> = []
        for node in changed where told.insert(node).inserted {
            if let session = nodes[node]?.session { writes.append(.node(node, session)) }
        }
        defer {
            writes.removeAll()
            changed.removeAll()
            gaps.removeAll()
        }
        return (writes, gaps)
    }

    /// Takes an edge node as the log has it.
    func restore(_ node: Key, _ session: SparkplugSession, births: [String: SparkplugBirth?]) {
        nodes[node] = Node(session: session, births: births)
        count += births.count
    }
}
