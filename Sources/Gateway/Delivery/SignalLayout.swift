// SPDX-License-Identifier: Apache-2.0

/// How signals stand in the events that a sink delivers.
///
/// The log has them flat; the other layout is made on the way out, from nothing but the event's bytes.
enum SignalLayout: String, Sendable, CaseIterable {
    /// One member for each signal, under its dotted name.
    case flat
    /// Objects and arrays, as the dots of the names say.
    case nested

    /// An event of the log as this layout has it.
    func apply(to event: [UInt8]) -> [UInt8] {
        switch self {
        case .flat: event
        case .nested: SignalNesting.unflatten(event: event)
        }
    }
}
