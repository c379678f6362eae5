// SPDX-License-Identifier: Apache-2.0
// The business data in the words of three change feeds, as they come out of the box: the devices as plain
// rows of a script, the cars from AWS DMS, the reservations from Debezium's connector for PostgreSQL.

/// Writes change events, in the order of the source's log.
struct BusinessChanges {
    /// The place in PostgreSQL's log (LSN) of the next change.
    private var place: Int64 = 23_456_000

    // Devices: {"op": …, "id": …, "car": …}.

    /// The whole table, with a message that begins it and one that ends it.
    func devices(_ cars: [RentalCar]) -> [[UInt8]] {
        let rows = cars.map { car in
            object { json in
                json.text("op", "load")
                json.text("id", car.device)
                json.number("car", Int64(car.id))
            }
        }
        let begin = object { $0.text("op", "begin") }
        return [begin] + rows + [object { $0.text("op", "end") }]
    }

    // Cars: AWS DMS, "Message format for Apache Kafka" in its user guide.

    /// What the full load of a task sends.
    func cars(_ cars: [RentalCar], at time: Timestamp) -> [[UInt8]] {
        cars.map { car in
            object { json in
                json.nested("data") { json in
                    json.number("id", Int64(car.id))
                    json.text("plate", car.plate)
                    json.text("model", car.model)
                }
                json.nested("metadata") { json in
                    json.text("timestamp", time.iso8601)
                    json.text("record-type", "data")
                    json.text("operation", "load")
                    json.text("partition-key-type", "primary-key")
                    json.text("schema-name", "rental")
                    json.text("table-name", "car")
                }
            }
        }
    }

    // Reservations: Debezium.

    /// The connector's snapshot; it marks its first row and its last.
    func snapshot(_ reservations: [Reservation], at time: Timestamp) -> [[UInt8]] {
        reservations.enumerated()
            .map { index, reservation in
                let isLast = index == reservations.count - 1
                return event(
                    "r",
                    .init(before: nil, after: reservation),
                    snapshot: isLast ? "last" : index == 0 ? "first" : "true",
                    at: time
                )
            }
    }

    /// A row was written.
    mutating func change(_ revision: BusinessData.Revision, at time: Timestamp) -> [UInt8] {
        place += 56
        let operation = revision.before == nil ? "c" : "u"
        return event(operation, revision, snapshot: "false", at: time)
    }

    private func event(
        _ operation: String,
        _ revision: BusinessData.Revision,
        snapshot: String,
        at time: Timestamp
    ) -> [UInt8] {
        object { json in
            json.member("before")
            if let before = revision.before {
                json.row(before)
            } else {
                json.value(.null)
            }
            json.member("after")
            json.row(revision.after)
            json.nested("source") { json in
                json.text("version", "2.7.0.Final")
                json.text("connector", "postgresql")
                json.text("name", "rental")
                json.number("ts_ms", time.milliseconds)
                json.text("snapshot", snapshot)
                json.text("db", "rental")
                json.text("schema", "public")
                json.text("table", "reservation")
                json.number("lsn", place)
            }
            json.text("op", operation)
            json.number("ts_ms", time.milliseconds)
        }
    }

    private func object(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var json = JSONWriter()
        json.raw("{")
        body(&json)
        json.raw("}")
        return json.bytes
    }
}

extension JSONWriter {
    fileprivate mutating func text(_ name: String, _ text: String) {
        member(name)
        string(text)
    }

    fileprivate mutating func number(_ name: String, _ number: Int64) {
        member(name)
        int(number)
    }

    fileprivate mutating func nested(_ name: String, _ body: (inout JSONWriter) -> Void) {
        member(name)
        raw("{")
        body(&self)
        raw("}")
    }

    fileprivate mutating func row(_ reservation: Reservation) {
        raw("{")
        text("id", reservation.id)
        number("car", Int64(reservation.car))
        text("customer", reservation.customer)
        number("starts_at", reservation.startsAt.milliseconds)
        number("ends_at", reservation.endsAt.milliseconds)
        raw("}")
    }
}
