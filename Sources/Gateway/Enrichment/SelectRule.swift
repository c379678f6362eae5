// SPDX-License-Identifier: Apache-2.0

/// A `select` rule: each row that its SELECT gives for a reading is an event of a stream of its own.
final class SelectRule {
    /// The stream's name.
    let name: String
    let select: StandingQuery

    init(name: String, select: StandingQuery) {
        self.name = name
        self.select = select
    }

    /// Writes the events of a reading, one object each; `body` is called behind each.
    ///
    /// A SELECT that fails half-way gives what it had until then.
    func run(
        _ context: ReadingContext,
        version: Int,
        into json: inout JSONWriter,
        _ body: (inout JSONWriter) -> Void
    ) {
        _ = select.run(context, version: version) { row in
            json.raw("{")
            for (column, value) in row.enumerated() {
                json.separate()
                json.raw(select.encodedKeys[column])
                json.value(value)
            }
            json.raw("}")
            body(&json)
            return true
        }
    }
}

/// A `select` rule as its author wrote it.
struct SelectDraft {
    var name: String
    var query: String
    var queryValue: YAMLValue
    var value: YAMLValue
}
