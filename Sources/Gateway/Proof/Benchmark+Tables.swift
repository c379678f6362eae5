// SPDX-License-Identifier: Apache-2.0
// What reference data cost: a message that is joined with three tables, changes that arrive meanwhile, and
// a reload of the largest table. All on this thread, without brokers.
import Foundation

extension Benchmark {
    private static let messagesPerBatch = 100
    /// Changes of each batch: of 5,000 messages and 1,000 changes a second.
    private static let changesPerBatch = 20
    private static let runs = 7

    func measureTables() throws {
        let sizes = scale.tables
        say(
            "bench: filling tables of \(sizes.devices), \(sizes.cars) and \(sizes.reservations) rows"
        )
        let joined = try JoinRig(sizes, joins: true)
        let rows = sizes.devices + sizes.cars + sizes.reservations
        let before = clock()
        try joined.fill()
        let filling = JoinRig.microseconds(clock() - before)
        note("tables_fill_cpu_us_per_row", filling / Double(rows))
        try measureJoin(joined)
        try measureReload(sizes)
    }

    // The join, and changes.

    /// What each run took, in microseconds for one message or change.
    private struct JoinCosts {
        var plain: [Double] = []
        var joined: [Double] = []
        var joinedWithChanges: [Double] = []
        var change: [Double] = []
    }

    private func measureJoin(_ joined: JoinRig) throws {
        let plain = try JoinRig(joined.sizes, joins: false)
        var load = BenchmarkLoad(vehicles: joined.sizes.devices)
        var costs = JoinCosts()
        // The first makes the vehicles and is not counted.
        try compare(plain, joined, &load, &costs)
        costs = JoinCosts()
        for _ in 0..<Self.runs { try compare(plain, joined, &load, &costs) }
        func median(_ values: [Double]) -> Double { Percentiles(values).at(0.5) }
        let without = median(costs.plain)
        note("tables_plain_cpu_us", without)
        note("tables_joined_cpu_us", median(costs.joined))
        note("tables_join_cpu_us", median(costs.joined) - without)
        note("tables_join_ratio", median(costs.joined) / without)
        note("tables_join_with_changes_cpu_us", median(costs.joinedWithChanges) - without)
        note("tables_change_cpu_us", median(costs.change))
    }

    /// One run: the same messages without and with the join, and others with changes between them.
    ///
    /// The three alternate batch by batch, so that a slow moment of the machine hits all alike.
    private func compare(
        _ plain: JoinRig,
        _ joined: JoinRig,
        _ load: inout BenchmarkLoad,
        _ costs: inout JoinCosts
    ) throws {
        let calm = joined.messages(scale.joinedMessages, from: &load, Self.messagesPerBatch)
        let busy = joined.messages(scale.joinedMessages, from: &load, Self.messagesPerBatch)
        var (without, with, withChanges, changing) = (0.0, 0.0, 0.0, 0.0)
        for (number, batch) in calm.enumerated() {
            without += try plain.cpuMicroseconds(of: batch)
            with += try joined.cpuMicroseconds(of: batch)
            without += try plain.cpuMicroseconds(of: busy[number])
            changing += try joined.cpuMicroseconds(of: changeBatch(of: joined, number))
            withChanges += try joined.cpuMicroseconds(of: busy[number])
        }
        let last = try joined.process(busy[busy.count - 1])
        guard
            String(decoding: last.bytes.bytes, as: UTF8.self).contains(#""customer":"Customer "#)
        else { throw DepotError(description: "the benchmark's join finds nobody") }
        let count = Double(scale.joinedMessages)
        costs.plain.append(without / count / 2)
        costs.joined.append(with / count)
        costs.joinedWithChanges.append(withChanges / count)
        costs.change.append(changing / Double(calm.count * Self.changesPerBatch))
    }

    /// Reservations that other customers take.
    private func changeBatch(of rig: JoinRig, _ batch: Int) -> MessageBatch {
        let first = batch * Self.changesPerBatch * 7
        let rows = (0..<Self.changesPerBatch)
            .map { rig.row(2, (first + $0 * 7) % rig.sizes.reservations, "update") }
        return rig.batch(of: rows, 2)
    }

    // A reload.

    private func measureReload(_ sizes: JoinRig.Sizes) throws {
        let folder = NSTemporaryDirectory() + "/bench-tables-\(UInt32.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let rig = try JoinRig(sizes, joins: true, folder: folder)
        say("bench: writing the same tables into a log")
        try rig.fill()
        let intake = ReloadIntake(rig)
        try intake.makeVehicles()
        let calm = try intake.run(turns: scale.calmTurns)
        say("bench: loading \(sizes.reservations) reservations anew, while messages come in")
        let reload = try intake.reload()
        note("tables_batch_p99_ms", calm.milliseconds(\.whole).at(0.99))
        note("tables_batch_max_ms", calm.milliseconds(\.whole).at(1))
        note("tables_reload_s", reload.seconds)
        note("tables_reload_batch_p99_ms", reload.turns.milliseconds(\.whole).at(0.99))
        note("tables_reload_batch_max_ms", reload.turns.milliseconds(\.whole).at(1))
        note("tables_reload_swap_ms", reload.swap.whole)
        // What is ours; the rest is the disk's.
        note("tables_reload_process_p99_ms", reload.turns.milliseconds(\.processing).at(0.99))
        note("tables_reload_process_max_ms", reload.turns.milliseconds(\.processing).at(1))
        say("bench: while loading, at most \(reload.turns.longest)")
    }
}
