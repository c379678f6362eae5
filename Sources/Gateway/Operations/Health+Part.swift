// SPDX-License-Identifier: Apache-2.0

extension Health {
    /// A part whose connection is told about.
    enum Part: Sendable {
        case source(String)
        case table(String)
    }

    /// Says that the session of a part is up.
    func isUp(_ part: Part) {
        switch part {
        case .source(let name): sourceIsUp(name)
        case .table(let name): tableIsUp(name)
        }
    }

    /// Says that the session of a part is down, and why.
    func isDown(_ part: Part, because reason: String) {
        switch part {
        case .source(let name): sourceIsDown(name, because: reason)
        case .table(let name): tableIsDown(name, because: reason)
        }
    }
}
