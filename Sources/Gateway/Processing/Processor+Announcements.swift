// SPDX-License-Identifier: Apache-2.0
// Events that no message caused: what was evicted, what a sink refused, whose rule has gone.

extension Processor {
    /// The gap event of an eviction for the disk budget.
    func gap(_ eviction: Eviction, at time: Timestamp) -> Outcome {
        announcing(at: time) { json in
            json.raw("{")
            json.member("time")
            json.string(time.iso8601)
            json.member("reason")
            json.string("evicted for the disk budget")
            json.member("stream")
            json.string(eviction.stream)
            for (name, number) in [
                ("first_offset", eviction.firstOffset), ("last_offset", eviction.lastOffset),
                ("events", eviction.count), ("undelivered", eviction.undelivered),
            ] {
                json.member(name)
                json.int(number)
            }
            json.raw("}")
            return (key: "", topic: eviction.stream)
        }
    }

    /// The dead letters of events that sinks refused.
    func refused(_ events: [RefusedEvent], at time: Timestamp) -> Outcome {
        var outcome = Outcome()
        // A dead letter that is refused stays where it is: a letter about it would be refused too.
        for refusal in events where refusal.stream != StreamName.deadLetter {
            let start = outcome.bytes.count
            let event = refusal.event
            outcome.bytes.deadLetter(
                DeadLetter(
                    source: "\(refusal.sink)/\(refusal.stream)/\(event.offset)",
                    topic: event.topic,
                    kind: DeadLetter.refusedKind,
                    reason: refusal.reason,
                    arrival: time
                ),
                payload: event.payload[...]
            )
            outcome.deadLetter.append(
                Event(
                    offset: takeOffset(StreamName.deadLetter),
                    eventTime: event.eventTime,
                    arrival: time,
                    key: event.key,
                    topic: event.topic,
                    payload: start..<outcome.bytes.count,
                    isText: true
                )
            )
        }
        return outcome
    }

    /// Ends alerts whose rule is no longer there; those that fired are resolved for all to see.
    func orphaned(_ alerts: [StoredAlert], at time: Timestamp) -> Outcome {
        var outcome = Outcome()
        let writer = events
        for stored in alerts {
            outcome.alerts.append(
                AlertChange(vehicle: stored.vehicle, alert: stored.alert, instance: nil)
            )
            guard stored.instance.phase == .firing else { continue }
            var start = outcome.bytes.count
            writer.orphan(stored, at: time, into: &outcome.bytes)
            outcome.outlier.append(
                Event(
                    offset: takeOffset(StreamName.outlier),
                    eventTime: time,
                    arrival: time,
                    key: stored.vehicle,
                    topic: stored.alert,
                    payload: start..<outcome.bytes.count,
                    isText: true
                )
            )
            guard let index = fleet.index(of: stored.vehicle) else { continue }
            start = outcome.bytes.count
            writer.firing(fleet.vehicles[index], at: time, into: &outcome.bytes)
            outcome.firing.append(
                Event(
                    offset: takeOffset(StreamName.firing),
                    eventTime: time,
                    arrival: time,
                    key: stored.vehicle,
                    topic: "",
                    payload: start..<outcome.bytes.count,
                    isText: true
                )
            )
        }
        return outcome
    }

    private func announcing(
        at time: Timestamp,
        _ write: (inout JSONWriter) -> (key: String, topic: String)
    ) -> Outcome {
        var outcome = Outcome()
        let (key, topic) = write(&outcome.bytes)
        outcome.deadLetter.append(
            Event(
                offset: takeOffset(StreamName.deadLetter),
                eventTime: time,
                arrival: time,
                key: key,
                topic: topic,
                payload: 0..<outcome.bytes.count,
                isText: true
            )
        )
        return outcome
    }
}

extension EventWriter {
    /// The end of an alert whose rule was removed while it fired.
    func orphan(_ stored: StoredAlert, at time: Timestamp, into json: inout JSONWriter) {
        json.raw("{")
        for (name, value) in [
            ("time", time.iso8601), ("alert", stored.alert), ("state", "resolved"),
            ("vehicle", stored.vehicle), ("severity", "info"),
            ("summary", "the rule was removed while the alert was firing"),
            ("since", stored.instance.activeAt.iso8601), ("gateway", gateway),
            (
                "id",
                "\(stored.alert)/\(stored.vehicle)/\(stored.instance.activeAt.milliseconds)/resolved"
            ),
        ] {
            json.member(name)
            json.string(value)
        }
        json.raw("}")
    }
}
