// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct CompletionTests {
    private static let catalogue = Catalogue(entries: [
        .init(name: "outlier", isView: false, columns: ["offset", "key", "topic", "payload"]),
        .init(name: "car", isView: false, columns: ["id", "plate", "Tank size"]),
        .init(name: "vehicles", isView: true, columns: ["id", "source"]),
    ])

    @Test(arguments: [
        ("SEL", "ECT "), ("sel", "ect "), ("SELECT * FROM out", "lier "), ("select plat", "e "),
        ("SELECT * FROM outlier WHERE pay", "load "), ("SELECT iso", "("),
        ("SELECT o.top", ""), ("SELECT car.pl", "ate "), (".ta", "bles "),
        (".schema veh", "icles "),
        ("SELECT * FROM outlier AS o WHERE o.top", "ic "),
        ("SELECT * FROM outlier o JOIN car c ON c.pl", "ate "),
        ("SELECT 'sel", ""), ("SELECT zzz", ""), ("PAR", "TITION "), ("", ""),
    ])
    func wordIsCompleted(line: String, insertion: String) {
        #expect(Completion(line: line, Self.catalogue).insertion == insertion)
    }

    @Test func choiceIsShown() {
        let completion = Completion(line: "SELECT * FROM ", Self.catalogue)
        #expect(completion.choices == ["car", "outlier", "vehicles"])
        #expect(Completion(line: "SELECT car.", Self.catalogue).choices.contains("\"Tank size\""))
        #expect(Completion(line: ".", Self.catalogue).choices == DotCommand.names)
    }

    @Test func linesAboveAreRead() {
        let before = "SELECT *\nFROM outlier AS o\n"
        #expect(
            Completion(line: "WHERE o.k", before: before, Self.catalogue).insertion == "ey "
        )
    }

    @Test func companionsAreNotOffered() throws {
        let rig = try QueryRig()
        try rig.write("CREATE TABLE car (id, plate); CREATE TABLE \"car.staging\" (id)")
        let runner = try rig.runner()
        let names = try Catalogue(runner.database).entries.map(\.name)
        #expect(names.contains("car") && names.contains("vehicles"))
        #expect(!names.contains { $0.contains(".") || $0.hasPrefix("grdb") })
        let tables = try runner.tablesText()
        #expect(tables.contains("streams  current  dead_letter  enriched"))
        #expect(tables.contains("views    signal  vehicles"))
        #expect(try runner.schemaText("car") == "CREATE TABLE car (id, plate);")
        #expect(throws: QueryError.self) { try runner.schemaText("nothing") }
    }
}
