// SPDX-License-Identifier: Apache-2.0

/// What Tab offers at the end of a text.
struct Completion: Equatable {
    /// What is put at the cursor.
    var insertion: String
    /// What is shown when there is a choice.
    var choices: [String]

    private static let keywords = [
        "ALL", "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "COLLATE", "CROSS", "DESC",
        "DISTINCT", "ELSE", "END", "ESCAPE", "EXCEPT", "EXISTS", "EXPLAIN", "FILTER", "FROM",
        "GLOB",
        "GROUP", "HAVING", "IN", "INNER", "INTERSECT", "IS", "JOIN", "LEFT", "LIKE", "LIMIT",
        "MATERIALIZED", "NOT", "NULL", "NULLS", "OFFSET", "ON", "OR", "ORDER", "OVER", "PARTITION",
        "PLAN", "PRAGMA", "QUERY", "RECURSIVE", "SELECT", "THEN", "UNION", "USING", "VALUES",
        "WHEN",
        "WHERE", "WINDOW", "WITH",
    ]
    private static let functions = [
        "abs(", "avg(", "coalesce(", "count(", "date(", "datetime(", "group_concat(", "iif(",
        "iso(",
        "json_each(", "json_extract(", "length(", "lower(", "max(", "min(", "round(", "strftime(",
        "substr(", "sum(", "time(", "typeof(", "unixepoch(", "upper(",
    ]

    /// Completes the word at the end of `line`; `before` is what the statement has in lines above.
    init(line: String, before: String = "", _ catalogue: Catalogue) {
        let trimmed = line.drop { $0 == " " }
        if before.isEmpty, trimmed.first == "." {
            self = Self.dotCommand(String(trimmed), catalogue)
            return
        }
        let word = Self.lastWord(of: line)
        let statement = before + line.dropLast(word.count)
        // Inside a text there is nothing to complete.
        guard statement.count(where: { $0 == "'" }).isMultiple(of: 2) else {
            self.init(word: "", among: [])
            return
        }
        if let dot = word.lastIndex(of: ".") {
            let table = Self.table(named: String(word[..<dot]), in: statement, catalogue)
            let columns = (catalogue.columns(of: table) ?? []).map(Self.written)
            self.init(word: String(word[word.index(after: dot)...]), among: columns)
            return
        }
        self.init(word: word, among: Self.candidates(word, in: statement, catalogue))
    }

    /// Completes a word among candidates; the case of what was typed does not count, and stays.
    private init(word: String, among candidates: [String]) {
        let typed = word.lowercased()
        let found = Set(candidates).filter { $0.lowercased().hasPrefix(typed) }.sorted()
        guard let first = found.first else {
            (insertion, choices) = ("", [])
            return
        }
        let rest = found.dropFirst().reduce(first[...]) { $0.commonPrefix(with: $1) }
            .dropFirst(word.count)
        if found.count == 1 {
            insertion = rest.hasSuffix("(") ? String(rest) : rest + " "
            choices = []
        } else {
            insertion = String(rest)
            choices = rest.isEmpty ? found : []
        }
    }

    private static func dotCommand(_ line: String, _ catalogue: Catalogue) -> Completion {
        guard let space = line.lastIndex(of: " ") else {
            return Completion(word: line, among: DotCommand.names)
        }
        let word = String(line[line.index(after: space)...])
        return Completion(word: word, among: catalogue.entries.map(\.name))
    }

    private static func candidates(
        _ word: String,
        in statement: String,
        _ catalogue: Catalogue
    ) -> [String] {
        let tables = catalogue.entries.map { written($0.name) }
        let words = statement.lowercased().split { !isWordPart($0) }.map(String.init)
        // Only tables can follow here.
        if let last = words.last, last == "from" || last == "join", statement.last == " " {
            return tables
        }
        let read = catalogue.entries.filter { words.contains($0.name.lowercased()) }
        let columns = (read.isEmpty ? catalogue.entries : read).flatMap(\.columns).map(written)
        let isLower = word.first?.isLowercase ?? false
        let keywords = isLower ? keywords.map { $0.lowercased() } : keywords
        return keywords + functions + tables + columns
    }

    /// The table that a name stands for: `o` is `outlier` in `FROM outlier AS o`.
    private static func table(
        named name: String,
        in statement: String,
        _ catalogue: Catalogue
    )
        -> String
    {
        guard catalogue.columns(of: name) == nil else { return name }
        let words = statement.split { !isWordPart($0) }.map(String.init)
        for position in words.indices.dropFirst()
        where words[position].lowercased() == name.lowercased() {
            var table = position - 1
            if words[table].lowercased() == "as", table > 0 { table -= 1 }
            if catalogue.columns(of: words[table]) != nil { return words[table] }
        }
        return name
    }

    private static func lastWord(of line: String) -> String {
        String(line.reversed().prefix { isWordPart($0) || $0 == "." }.reversed())
    }

    private static func isWordPart(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }

    /// A name as it stands in a statement: quoted where it must be.
    private static func written(_ name: String) -> String {
        let isPlain =
            name.allSatisfy(isWordPart) && name.first?.isNumber == false
            && !reserved.contains(name.lowercased())
        return isPlain ? name : QueryViews.quoted(name)
    }

    /// Keywords that can't be names without quotes; `key` and `offset`, say, can.
    private static let reserved: Set<String> = [
        "all", "and", "as", "between", "case", "default", "distinct", "else", "exists", "from",
        "group", "having", "in", "index", "is", "join", "limit", "not", "null", "on", "or", "order",
        "primary", "select", "set", "table", "then", "to", "union", "using", "values", "when",
        "where",
    ]
}

extension Substring {
    fileprivate func commonPrefix(with other: String) -> Substring {
        self[
            ..<(zip(indices, other).first { self[$0] != $1 }?.0
                ?? index(startIndex, offsetBy: Swift.min(count, other.count)))
        ]
    }
}
