// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct TableFilterTests {
    @Test(arguments: [
        ("car", nil, nil, true), ("car", "db", "public", true), ("public.car", nil, nil, true),
        ("public.car", nil, "public", true), ("public.car", nil, "other", false),
        ("db.public.car", nil, "public", true), ("db.public.car", "db", "public", true),
        ("db.public.car", "copy", "public", false), ("db.car", "db", nil, true),
        ("bus", nil, nil, false), ("public.bus", nil, "public", false),
    ])
    func whatIsNotToldIsNoOtherTable(
        wanted: String,
        database: String?,
        schema: String?,
        isTaken: Bool
    ) throws {
        let filter = TableFilter(wanted)
        #expect(
            try filter.takes(database: database, schema: schema, table: "car", at: "table")
                == isTaken
        )
    }
}
