// SPDX-License-Identifier: Apache-2.0
// The schema history over HTTP: what `gateway schema --json` prints. docs/api.md is the user's view.
import GRDB
import Hummingbird
import Logging

/// Answers `/api/schemas` and what is below it from the log.
struct SchemaAPI: Sendable {
    /// How many versions one answer has, unless it is told.
    private static let limitDefault = 100
    private static let limits = 1...1_000
    /// About where a history ends; every connection may hold one.
    private static let bytesMax = 4 << 20
    private static let versions = 1...1_000_000_000

    private static let filters = ["source", "topic", "group"]
    /// The routes and their parameters, as they are documented.
    static let parameters = [
        "/api/schemas": filters, "/api/schemas/history": filters + ["limit"],
        "/api/schemas/diff": ["a", "b"] + filters,
        "/api/schemas/export": filters + ["version", "ranges"],
    ]

    private let log: EventLog
    private let units: SchemaUnits
    private let logger: Logger

    /// Creates the routes of a log.
    ///
    /// - Parameters:
    ///   - log: Where the history is.
    ///   - signals: The catalogue, for units.
    ///   - logger: Where it is told that the log can't be read.
    init(log: EventLog, signals: [SignalConfiguration], logger: Logger) {
        self.log = log
        units = SchemaUnits(signals)
        self.logger = logger
    }

    /// Adds the routes; HEAD requests are answered by the router, from GET.
    func addRoutes(to router: Router<BasicRequestContext>) {
        let units = units
        add("/api/schemas", to: router) { parameters in
            let selection = SchemaSelection(parameters)
            return { SchemaAnswer.list(try $0.groups(selection)) }
        }
        add("/api/schemas/history", to: router) { parameters in
            let selection = SchemaSelection(parameters)
            let count = try parameters.int("limit", in: Self.limits, default: Self.limitDefault)
            return { reader in
                SchemaAnswer.history(
                    try reader.timeline(of: selection, count: count, bytesMax: Self.bytesMax)
                )
            }
        }
        add("/api/schemas/diff", to: router) { parameters in
            let selection = SchemaSelection(parameters)
            guard let first = parameters.text("a"), let second = parameters.text("b") else {
                throw HTTPProblem(
                    kind: .wrongParameter,
                    detail:
                        "'a' and 'b' must say what is compared: a version, a group, or GROUP@VERSION"
                )
            }
            return { reader in
                SchemaAnswer.diff(
                    try reader.diff(
                        SchemaReference(first),
                        SchemaReference(second),
                        selection,
                        units: units
                    )
                )
            }
        }
        add("/api/schemas/export", to: router) { parameters in
            let selection = SchemaSelection(parameters)
            let version = try parameters.int("version", in: Self.versions, default: 0)
            let options = SchemaDocument.Options(hasRanges: try parameters.flag("ranges"))
            return { reader in
                let content = try reader.content(
                    of: reader.group(selection),
                    version: version == 0 ? nil : version
                )
                return SchemaDocument.json(of: content, units: units, options: options) + [0x0A]
            }
        }
    }

    private func add(
        _ path: String,
        to router: Router<BasicRequestContext>,
        _ make:
            @escaping @Sendable (QueryParameters) throws ->
            @Sendable (SchemaReader) throws -> [UInt8]
    ) {
        router.get(RouterPath(path)) { [log, logger] request, _ in
            do {
                let known = Self.parameters[path] ?? []
                let answer = try make(QueryParameters(request.uri.query, known: known))
                // One short transaction on a reading connection.
                let bytes = try await log.pool.read { try answer(SchemaReader($0)) }
                return HTTPEntity(contentType: HTTPServer.jsonType, bytes: bytes)
                    .response(to: request)
            } catch let problem as HTTPProblem {
                return problem.response()
            } catch let refusal as SchemaRefusal {
                return HTTPProblem(
                    kind: refusal.kind == .unknown ? .unknownSchema : .wrongParameter,
                    detail: refusal.message
                )
                .response()
            } catch let error as CancellationError {
                throw error
            } catch {
                logger.error("schemas not readable", metadata: [LogKeys.error: "\(error)"])
                return HTTPProblem(kind: .unreadableLog, detail: "\(error)").response()
            }
        }
    }
}

extension SchemaSelection {
    init(_ parameters: QueryParameters) {
        self.init(
            source: parameters.text("source"),
            topic: parameters.text("topic"),
            group: parameters.text("group")
        )
    }
}

extension SchemaReader {
    /// Reads within a transaction.
    init(_ db: Database) {
        self.init(option: { "'\($0)'" }) { sql, values in
            let statement = try unsafe SQLiteStatement(db.connection(), sql)
            for (index, value) in values.enumerated() { statement.bind(Int32(index + 1), value) }
            var rows: [[SQLValue]] = []
            while try statement.step() { rows.append(SQLValue.row(of: statement)) }
            return rows
        }
    }
}
