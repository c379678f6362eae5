// SPDX-License-Identifier: Apache-2.0

/// What the injected clock says: live running hands the wall's time, replay the data's.
struct ClockReading {
    let now: Timestamp
    /// By source: whether its silence means something.
    ///
    /// It does not while the session is down or a backlog is still coming in, because then the
    /// gateway, and not the vehicle, is silent.
    let isHeard: [Bool]
    /// The same by table, for feeds.
    var isTableHeard: [Bool] = []

    func hears(table: Int) -> Bool {
        isTableHeard.indices.contains(table) ? isTableHeard[table] : true
    }
}
