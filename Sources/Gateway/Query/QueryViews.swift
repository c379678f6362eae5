// SPDX-License-Identifier: Apache-2.0

/// Views that exist in the prompt only: they are temporary, so nothing is written to the log.
enum QueryViews {
    /// What people ask for most, by name.
    ///
    /// A table of the user's with the same name wins.
    static let convenience = [
        "vehicles": """
        SELECT id, source, iso(event_time) AS event_time, iso(arrival_time) AS arrival_time,
            coalesce((
                SELECT group_concat(alert, ',') FROM main.alert
                WHERE alert.vehicle = vehicle.id AND phase = 'firing'
            ), '') AS firing
        FROM main.vehicle
        """,
        "signal": """
        SELECT vehicle.id AS vehicle, json_each.value ->> 0 AS name,
            json_each.value ->> 1 AS value, iso(json_each.value ->> 2) AS event_time
        FROM main.vehicle, json_each(vehicle.signals)
        """,
    ]

    /// A stream as a followed statement sees it.
    static func bounded(_ stream: String) -> String {
        """
        SELECT * FROM main.\(quoted(stream))
        WHERE offset > follow_after(\(text(stream))) AND offset <= follow_upto(\(text(stream)))
        """
    }

    static func create(_ name: String, as select: String) -> String {
        "CREATE TEMP VIEW \(quoted(name)) AS \(select)"
    }

    /// A name as SQL takes it, whatever is in it.
    static func quoted(_ name: String) -> String {
        "\"" + name.replacing("\"", with: "\"\"") + "\""
    }

    private static func text(_ text: String) -> String {
        "'" + text.replacing("'", with: "''") + "'"
    }
}
