// SPDX-License-Identifier: Apache-2.0
// Goal: whoever follows `next` sees every vehicle once, in order, whatever the bounds are.
import Foundation
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2))) struct VehiclePagesTests {
    /// The ids of a page, in its order.
    private func ids(_ page: VehiclePage) throws -> [String] {
        let object = try JSONSerialization.jsonObject(with: Data(page.json.bytes))
        let root = try #require(object as? [String: Any])
        let vehicles = try #require(root["vehicles"] as? [[String: Any]])
        #expect(root["next"] as? String == page.next)
        #expect(vehicles.count == page.count)
        return vehicles.compactMap { $0["vehicle"] as? String }
    }

    /// Follows `next` to the end.
    private func walk(
        _ pages: VehiclePages,
        limit: Int,
        filter: String? = nil,
        between: (Int) throws -> Void = { _ in }
    ) async throws -> [String] {
        var found: [String] = []
        var query = try VehicleQuery("limit=\(limit)")
        query.filter = filter
        for number in 0..<10_000 {
            let page = try await pages.page(query)
            let ids = try ids(page)
            #expect(ids.count <= limit)
            found += ids
            guard let next = page.next else { return found }
            query.after = next
            try between(number)
        }
        Issue.record("the walk has no end")
        return found
    }

    private func bytewise(_ ids: some Sequence<String>) -> [String] {
        ids.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    @Test(arguments: 1...12)
    func walkGivesEveryVehicleOnceInOrder(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let fleet = try StoredFleet(.cars())
        let ids = Set((0..<random.int(0...60)).map { _ in random.text(count: 5) })
        try fleet.store(ids.map { fleet.vehicle($0, ["speed": .int(1)]) })
        var bounds = VehicleBounds()
        bounds.chunkRows = random.int(1...20)
        bounds.scannedMax = random.int(1...30)
        bounds.chunkBytes = random.pick([1, 60, 1_000])
        bounds.bodyBytes = random.pick([1, 500, 4 << 20])
        bounds.turn = random.oneIn(2) ? .zero : .seconds(1)
        if random.oneIn(4) { bounds.time = .zero }
        let found = try await walk(fleet.pages(bounds: bounds), limit: random.int(1...70))
        #expect(found == bytewise(ids))
    }

    @Test func insertsDoNotDisturbAWalk() async throws {
        let fleet = try StoredFleet(.cars())
        let old = (0..<50).map { "car-\($0 * 10)" }
        try fleet.store(old.map { fleet.vehicle($0, [:]) })
        let found = try await walk(fleet.pages(), limit: 7) { number in
            try fleet.store((0..<20).map { fleet.vehicle("car-\($0 * 25)-\(number)", [:]) })
        }
        #expect(found.filter { old.contains($0) } == bytewise(old))
        #expect(Set(found).count == found.count)
        #expect(found == bytewise(found))
    }

    @Test func fullPageAtTheEndHasNoNext() async throws {
        let fleet = try StoredFleet(.cars())
        try fleet.store(["a", "b"].map { fleet.vehicle($0, [:]) })
        #expect(try await fleet.pages().page(VehicleQuery("limit=2")).next == nil)
        #expect(try await fleet.pages().page(VehicleQuery("limit=1")).next == "a")
    }

    @Test func boundOnScannedVehiclesEndsAPageThatFoundNothing() async throws {
        let fleet = try StoredFleet(.cars())
        try fleet.store((10..<40).map { fleet.vehicle("car-\($0)", [:]) })
        var bounds = VehicleBounds()
        bounds.scannedMax = 20
        let page = try await fleet.pages(bounds: bounds).page(VehicleQuery("filter=speed"))
        #expect(page.count == 0)
        #expect(page.next == "car-29")
    }

    @Test(arguments: 1...10)
    func filterEqualsAModel(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let fleet = try StoredFleet(.cars())
        let states = Dictionary(
            uniqueKeysWithValues: (0..<80)
                .map { number in
                    (String(format: "car-%03d", number), Self.state(&random))
                }
        )
        try fleet.store(states.map { fleet.vehicle($0, $1, at: .seconds(Int64($1.count))) })
        var bounds = VehicleBounds()
        bounds.chunkRows = random.int(1...40)
        for (text, model) in Self.filters {
            let expected = states.filter { model($0.key, $0.value) }.map(\.key)
            let found = try await walk(
                fleet.pages(bounds: bounds),
                limit: random.int(1...50),
                filter: text
            )
            #expect(found == bytewise(expected), "\(text)")
        }
    }

    private static func state(_ random: inout SplitMix64) -> [String: SignalValue] {
        var state: [String: SignalValue] = [:]
        if !random.oneIn(3) {
            state["speed"] = random.oneIn(5) ? .null : .int(Int64(random.int(-5...120)))
        }
        if random.oneIn(2) { state["headlights"] = .bool(random.oneIn(2)) }
        if random.oneIn(2) { state["v.cabin.note"] = .text(random.pick(["open", "shut", ""])) }
        return state
    }

    private typealias Model = @Sendable (String, [String: SignalValue]) -> Bool

    private static let filters: [(text: String, model: Model)] = [
        ("speed > 50", { _, state in (number(state["speed"]) ?? 0) > 50 }),
        ("speed IS NULL", { _, state in number(state["speed"]) == nil }),
        ("NOT headlights", { _, state in state["headlights"] == .bool(false) }),
        (
            #""v.cabin.note" = 'open' OR vehicle >= 'car-070'"#,
            { id, state in state["v.cabin.note"] == .text("open") || id >= "car-070" }
        ),
        ("event_time = 1767600002", { _, state in state.count == 2 }),
        ("1", { _, _ in true }), ("NULL", { _, _ in false }),
    ]

    private static func number(_ value: SignalValue?) -> Int64? {
        if case .int(let number)? = value { number } else { nil }
    }
}
