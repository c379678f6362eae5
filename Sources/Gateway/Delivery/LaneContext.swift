// SPDX-License-Identifier: Apache-2.0
import Logging

/// What every lane's loop stands on, whatever its far side is.
struct LaneContext: Sendable {
    let lane: Lane
    /// The gateway's id.
    let gateway: String
    let log: EventLog
    let inbox: LogInbox
    let listener: CommitListener
    let stop: StopSignal
    let health: Health
    let metrics: GatewayMetrics
    let logger: Logger
}
