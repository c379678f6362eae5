// SPDX-License-Identifier: Apache-2.0

/// Where a Sparkplug message is from and what it is, as its topic says (Sparkplug 3.0, section 4.1).
struct SparkplugTopic: Equatable {
    enum Kind: String {
        case nodeBirth = "NBIRTH"
        case nodeData = "NDATA"
        case nodeDeath = "NDEATH"
        case deviceBirth = "DBIRTH"
        case deviceData = "DDATA"
        case deviceDeath = "DDEATH"
        /// To a node or from a host: nothing about a vehicle.
        case nodeCommand = "NCMD"
        case deviceCommand = "DCMD"
        case state = "STATE"
    }

    static let namespace = "spBv1.0"

    var kind: Kind
    /// The group's and the edge node's id, which together are unique.
    var edgeNode: String
    /// The device, or the edge node itself where there is none.
    var vehicle: String
    /// Empty for what is the edge node's own.
    var device: String

    /// Reads a topic; `nil` when it is none of Sparkplug's.
    init?(_ topic: String) {
        let words = topic.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard words.count >= 3, words[0] == Self.namespace else { return nil }
        if words[1] == Kind.state.rawValue {
            self.init(kind: .state, edgeNode: "", vehicle: "", device: "")
            return
        }
        guard let kind = Kind(rawValue: words[2]), kind != .state,
            words.count == (kind.isOfDevice ? 5 : 4)
        else { return nil }
        self.init(
            kind: kind,
            edgeNode: "\(words[1])/\(words[3])",
            vehicle: words[words.count - 1],
            device: kind.isOfDevice ? words[4] : ""
        )
    }

    private init(kind: Kind, edgeNode: String, vehicle: String, device: String) {
        self.kind = kind
        self.edgeNode = edgeNode
        self.vehicle = vehicle
        self.device = device
    }
}

extension SparkplugTopic.Kind {
    fileprivate var isOfDevice: Bool { rawValue.hasPrefix("D") }
}
