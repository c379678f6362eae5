// SPDX-License-Identifier: Apache-2.0
// A SELECT over the reading, its vehicle and the tables, compiled once:
//   WITH reading AS (SELECT ?2 AS "vehicle", …), vehicle AS (SELECT ?3 AS "speed_kmh", …),
//        reservation AS (the rows that hold at ?1)
//   SELECT …
// so a reading binds just the columns that are named, and a table with validity is seen as of its time.

/// What a SELECT is evaluated over.
struct ReadingContext {
    let reading: Reading
    /// By the shape's columns.
    let values: [SignalValue?]
    let vehicle: Vehicle
    let source: String
    let topic: String
    /// What it violates of its topic's contract, if its event tells that.
    var violations: [String] = []
}

/// A compiled SELECT; belongs to the intake thread.
final class ReadingQuery {
    /// What is bound to a parameter.
    enum Input: Hashable {
        case readingSignal(SignalID)
        case vehicleSignal(SignalID)
        case vehicleID
        /// Seconds since 1970: the reading's, and the latest of the vehicle.
        case eventTime
        case vehicleTime
        case arrivalTime
        case source
        case topic
    }

    /// The names of what it returns.
    let columns: [String]
    /// Signals whose change can change what it returns; the tables can as well.
    let inputs: [Input]
    /// By result column, the table that it comes from, by index.
    let origins: [Int?]
    /// The tables that some result column comes from.
    private let returnedTables: [Int]
    /// Tables that it reads.
    let tables: Set<Int>
    /// The store's version that it was compiled against.
    let version: Int
    private let statement: SQLiteStatement
    private let sandbox: SQLSandbox
    private let rowsMax: Int

    init(
        columns: [String],
        inputs: [Input],
        origins: [Int?],
        tables: Set<Int>,
        version: Int,
        statement: SQLiteStatement,
        sandbox: SQLSandbox,
        rowsMax: Int
    ) {
        self.columns = columns
        self.inputs = inputs
        self.origins = origins
        returnedTables = Set(origins.compactMap(\.self)).sorted()
        self.tables = tables
        self.version = version
        self.statement = statement
        self.sandbox = sandbox
        self.rowsMax = rowsMax
    }

    /// Evaluates it; `body` gets each row, in order, until it returns false.
    func run(_ context: ReadingContext, _ body: ([SignalValue]) -> Bool) throws(SQLiteFailure) {
        bind(context)
        sandbox.beginEvaluation()
        defer {
            statement.reset()
            sandbox.endEvaluation()
        }
        var rows = 0
        while try statement.step() {
            rows += 1
            guard rows <= rowsMax else {
                throw SQLiteFailure(code: 0, message: "more than \(rowsMax) rows for one reading")
            }
            let row = columns.indices.map { statement.value(Int32($0)) }
            guard body(row) else { return }
        }
    }

    /// Tables of which a row has nothing: the join found no partner there.
    func missing(_ row: [SignalValue]?) -> [Int] {
        guard let row else { return returnedTables }
        return returnedTables.filter { table in
            !row.indices.contains { origins[$0] == table && row[$0] != .null }
        }
    }

    private func bind(_ context: ReadingContext) {
        let reading = context.reading
        statement.bind(1, Double(reading.eventTime.milliseconds) / 1_000)
        for (index, input) in inputs.enumerated() {
            let place = Int32(index + 2)
            switch input {
            case .readingSignal(let id): statement.bind(place, context.value(of: id))
            case .vehicleSignal(let id): statement.bind(place, context.vehicle.value(of: id))
            case .vehicleID: statement.bind(place, reading.vehicle)
            case .eventTime:
                statement.bind(place, Double(reading.eventTime.milliseconds) / 1_000)
            case .vehicleTime:
                statement.bind(place, Double(context.vehicle.eventTime.milliseconds) / 1_000)
            case .arrivalTime:
                statement.bind(place, Double(reading.arrival.milliseconds) / 1_000)
            case .source: statement.bind(place, context.source)
            case .topic: statement.bind(place, context.topic)
            }
        }
    }
}

extension ReadingContext {
    /// The reading's own value of a signal.
    fileprivate func value(of signal: SignalID) -> SignalValue? {
        for (position, column) in reading.shape.columns.enumerated()
        where column.signal == signal && !column.isShadowed {
            return values[position]
        }
        return nil
    }
}
