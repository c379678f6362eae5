// SPDX-License-Identifier: Apache-2.0
// A page of vehicles is found chunk by chunk:
//
//   log --500 rows, one short transaction--> vehicles of this request --filter--> JSON
//
// The request owns all that it decodes with: the intake thread's table of signals is not touched.
// A page ends early, with `next`, rather than exceed a bound; whoever follows `next` until it is
// null sees every vehicle that was there all the time, each once.

/// What one request for vehicles asks.
struct VehicleQuery: Equatable, Sendable {
    static let limits = 1...1_000
    static let limitDefault = 100
    static let filterBytesMax = 4_096
    static let parameters = ["limit", "after", "filter", "times"]

    var limit = Self.limitDefault
    /// The last vehicle that the client has.
    var after: String?
    /// A condition in SQL.
    var filter: String?
    var hasTimes = false

    /// Reads a query, or says what is wrong with it.
    init(_ query: String?) throws(HTTPProblem) {
        let parameters = try QueryParameters(query, known: Self.parameters)
        limit = try parameters.int("limit", in: Self.limits, default: Self.limitDefault)
        after = parameters.text("after")
        filter = parameters.text("filter")
        hasTimes = try parameters.flag("times")
        guard (filter?.utf8.count ?? 0) <= Self.filterBytesMax else {
            throw HTTPProblem(
                kind: .wrongFilter,
                detail: "longer than \(Self.filterBytesMax) bytes"
            )
        }
    }

    /// The reference to the page behind a vehicle.
    func reference(after id: String) -> String {
        let values = [
            ("limit", String(limit)), ("after", id), ("filter", filter),
            ("times", hasTimes ? "true" : nil),
        ]
        let query = values.compactMap { name, value in
            value.map { "\(name)=\(QueryParameters.encode($0))" }
        }
        return "/api/vehicles?" + query.joined(separator: "&")
    }
}

/// Bounds of one request's work.
struct VehicleBounds: Sendable {
    /// Rows of one transaction.
    var chunkRows = 500
    var chunkBytes = 1 << 20
    /// Vehicles that one request looks at.
    var scannedMax = 20_000
    /// About where a body ends; one vehicle always fits.
    ///
    /// Every connection may hold a body, so it is times `HTTPServer.connectionsMax`.
    var bodyBytes = 4 << 20
    /// How long one request decodes and evaluates before it says how far it came.
    var time = Duration.seconds(2)
    /// How long it does so before others on Swift's pool have a turn.
    var turn = Duration.milliseconds(5)
}

/// Vehicles that a request found, as JSON.
struct VehiclePage {
    var json = JSONWriter()
    var count = 0
    /// Where the next page begins; `nil` at the end.
    var next: String?
}

/// Finds pages of vehicles in the log.
struct VehiclePages: Sendable {
    let log: EventLog
    let signals: [SignalConfiguration]
    let limits: LimitsConfiguration
    let enrichmentNames: [String]
    var bounds = VehicleBounds()

    /// Looks at vehicles in the order of their ids until the page is full or a bound is reached.
    func page(_ query: VehicleQuery) async throws -> VehiclePage {
        let scribe = RecordScribe(signals: signals, enrichmentNames: enrichmentNames)
        let filter = try query.filter.map { text throws(HTTPProblem) in
            do throws(VehicleFilter.Refusal) {
                return try VehicleFilter(text, signals: scribe.names, limits: limits)
            } catch {
                throw HTTPProblem(kind: .wrongFilter, detail: error.message)
            }
        }
        var page = VehiclePage()
        var last = query.after
        var scanned = 0
        var worked = Duration.zero
        page.json.raw(#"{"vehicles":["#)
        scan: while true {
            let chunk = try await log.vehicleRows(
                after: last,
                count: chunkRows(missing: query.limit - page.count, isFiltered: filter != nil),
                bytesMax: bounds.chunkBytes
            )
            var turn = ContinuousClock.now
            for (index, row) in chunk.rows.enumerated() {
                try scribe.write(row, hasTimes: query.hasTimes, where: filter, to: &page)
                last = row.id
                scanned += 1
                guard !chunk.isLast || index < chunk.rows.count - 1 else { break scan }
                let spent = ContinuousClock.now - turn
                if page.count == query.limit || scanned >= bounds.scannedMax
                    || page.json.count >= bounds.bodyBytes || worked + spent >= bounds.time
                {
                    page.next = row.id
                    break scan
                }
                guard spent >= bounds.turn else { continue }
                worked += spent
                await Task.yield()
                turn = .now
            }
            guard !chunk.isLast else { break }
            worked += ContinuousClock.now - turn
        }
        page.json.raw(#"],"next":"#)
        if let next = page.next { page.json.string(next) } else { page.json.raw("null") }
        page.json.raw("}\n")
        return page
    }

    /// One vehicle as JSON, if it is known.
    func record(of id: String, hasTimes: Bool) async throws -> JSONWriter? {
        guard let row = try await log.vehicleRow(id: id) else { return nil }
        let scribe = RecordScribe(signals: signals, enrichmentNames: enrichmentNames)
        var page = VehiclePage()
        try scribe.write(row, hasTimes: hasTimes, to: &page)
        page.json.raw("\n")
        return page.json
    }

    /// Without a filter every row is wanted, and no other.
    private func chunkRows(missing: Int, isFiltered: Bool) -> Int {
        isFiltered ? bounds.chunkRows : min(bounds.chunkRows, missing)
    }
}

/// Writes the records of one request; belongs to its task.
private struct RecordScribe {
    let names: SignalTable
    private let enrichment: Set<SignalID>
    private let parser = JSONParser(depthMax: 3)

    init(signals: [SignalConfiguration], enrichmentNames: [String]) {
        // Rows may hold more names than limits.signals: what devices sent under older catalogues.
        let names = SignalTable(catalogue: signals, signalsMax: Int(Int32.max))
        self.names = names
        enrichment = Set(enrichmentNames.compactMap { names.id(ofName: $0) })
    }

    /// Appends a vehicle to a page if it passes the filter.
    func write(
        _ row: VehicleRow,
        hasTimes: Bool,
        where filter: VehicleFilter? = nil,
        to page: inout VehiclePage
    ) throws {
        let vehicle = try row.vehicle(names: names, parser: parser)
        do throws(VehicleFilter.Refusal) {
            guard try filter?.matches(vehicle) ?? true else { return }
        } catch {
            throw HTTPProblem(kind: .failedFilter, detail: error.message)
        }
        page.json.separate()
        page.json.currentRecord(
            vehicle,
            source: row.source,
            firing: row.firing,
            names: names,
            enrichment: enrichment,
            times: hasTimes
        )
        page.count += 1
    }
}
