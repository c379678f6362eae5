// SPDX-License-Identifier: Apache-2.0

/// A `select` rule: each row that its SELECT gives for a reading is an event of a stream of its own.
final class SelectRule {
    /// The stream's name.
    let name: String
    let text: String
    private var query: ReadingQuery
    private let encodedKeys: [[UInt8]]
    private let compiler: QueryCompiler
    /// Tables that it reads.
    var tables: Set<Int> { query.tables }
    private(set) var failures = QueryFailures()

    init(name: String, text: String, query: ReadingQuery, compiler: QueryCompiler) {
        self.name = name
        self.text = text
        self.query = query
        self.compiler = compiler
        encodedKeys = query.columns.map { name in
            var json = JSONWriter()
            json.key(name)
            return json.bytes
        }
    }

    /// Writes the events of a reading, one object each; `body` is called behind each.
    func run(
        _ context: ReadingContext,
        version: Int,
        into json: inout JSONWriter,
        _ body: (inout JSONWriter) -> Void
    ) {
        do throws(SQLiteFailure) {
            if query.version != version { try recompile() }
            try query.run(context) { row in
                json.raw("{")
                for (column, value) in row.enumerated() {
                    json.separate()
                    json.raw(encodedKeys[column])
                    json.value(value)
                }
                json.raw("}")
                body(&json)
                return true
            }
        } catch {
            failures.note(error)
        }
    }

    private func recompile() throws(SQLiteFailure) {
        let made = try compiler.compile(text)
        guard made.columns == query.columns else {
            throw SQLiteFailure(
                code: 0,
                message:
                    "returns other columns since a table has new ones; name them instead of '*'"
            )
        }
        query = made
    }
}

/// A `select` rule as its author wrote it.
struct SelectDraft {
    var name: String
    var query: String
    var queryValue: YAMLValue
    var value: YAMLValue
}
