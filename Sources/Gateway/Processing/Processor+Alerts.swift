// SPDX-License-Identifier: Apache-2.0
// What a reading or the passing of time does to a vehicle's alerts, and the events that tell it.

extension Processor {
    // Conditions.

    func evaluate(_ plan: RulePlan, _ vehicle: Vehicle, at time: Timestamp) {
        engine.evaluate(plan, on: vehicle, into: &results)
        var hasTransition = false
        for (position, rule) in plan.rules.enumerated() {
            // An expression that failed says nothing: the alert stays as it is.
            guard let isTrue = results[position] else { continue }
            if update(rule, vehicle, isTrue: isTrue, at: time) { hasTransition = true }
        }
        if hasTransition { appendFiring(vehicle, at: time) }
    }

    /// Takes the result of one expression; tells whether the world was told.
    private func update(_ index: Int, _ vehicle: Vehicle, isTrue: Bool, at time: Timestamp) -> Bool
    {
        let rule = engine.rules[index]
        guard let position = vehicle.alerts.firstIndex(where: { $0.rule == index }) else {
            guard isTrue else { return false }
            // Kept in the order of the rules, so that a restart changes nothing.
            let place = vehicle.alerts.firstIndex { $0.rule > index } ?? vehicle.alerts.count
            vehicle.alerts.insert(
                AlertInstance(rule: index, phase: .pending, activeAt: time),
                at: place
            )
            return advanceAlert(at: place, of: vehicle, to: time)
        }
        let before = vehicle.alerts[position]
        if isTrue {
            vehicle.alerts[position].endedAt = nil
            if vehicle.alerts[position] != before { record(vehicle, vehicle.alerts[position]) }
            return false
        }
        switch vehicle.alerts[position].end(at: time, rule) {
        case .keeps:
            if vehicle.alerts[position] != before { record(vehicle, vehicle.alerts[position]) }
            return false
        case .vanishes:
            remove(at: position, of: vehicle)
            return false
        case .resolves:
            // A firing in silence may be ahead of the event time of the reading that ends it.
            emit(.resolved(at: max(time, before.firedAt ?? time)), before, vehicle)
            remove(at: position, of: vehicle)
            return true
        }
    }

    /// Lets a vehicle's alerts pass their deadlines, the earliest first.
    func advanceAlerts(of vehicle: Vehicle, to time: Timestamp) {
        var last: Timestamp?
        while let (position, deadline) = nextDeadline(of: vehicle), deadline <= time {
            _ = advanceAlert(at: position, of: vehicle, to: time)
            last = deadline
        }
        if let last { appendFiring(vehicle, at: last) }
    }

    /// The alert whose deadline comes first, and when.
    private func nextDeadline(of vehicle: Vehicle) -> (position: Int, deadline: Timestamp)? {
        var first: (position: Int, deadline: Timestamp)?
        for (position, alert) in vehicle.alerts.enumerated() {
            guard let deadline = alert.deadline(engine.rules[alert.rule]) else { continue }
            if first.map({ deadline < $0.deadline }) ?? true { first = (position, deadline) }
        }
        return first
    }

    private func advanceAlert(
        at position: Int,
        of vehicle: Vehicle,
        to time: Timestamp
    ) -> Bool {
        let rule = engine.rules[vehicle.alerts[position].rule]
        let transition = vehicle.alerts[position].advance(to: time, rule)
        let instance = vehicle.alerts[position]
        switch transition {
        case nil:
            record(vehicle, instance)
            return false
        case .fired?:
            record(vehicle, instance)
        case .resolved?:
            remove(at: position, of: vehicle)
        }
        if let transition { emit(transition, instance, vehicle) }
        return true
    }

    private func record(_ vehicle: Vehicle, _ instance: AlertInstance) {
        let alert = engine.rules[instance.rule].name
        outcome.alerts.append(
            AlertChange(vehicle: vehicle.id, alert: alert, instance: instance)
        )
    }

    private func remove(at position: Int, of vehicle: Vehicle) {
        let alert = engine.rules[vehicle.alerts[position].rule].name
        outcome.alerts.append(AlertChange(vehicle: vehicle.id, alert: alert, instance: nil))
        vehicle.alerts.remove(at: position)
    }

    // Time.

    func passTime(_ clock: ClockReading) {
        arrival = clock.now
        var unheard: [Int] = []
        while let index = timers.popDue(by: clock.now, in: fleet) {
            let vehicle = fleet.vehicles[index]
            guard clock.isHeard[vehicle.source] else {
                unheard.append(index)
                continue
            }
            let time = vehicle.notionalTime(at: clock.now)
            markDirty(vehicle)
            advanceAlerts(of: vehicle, to: time)
            schedule(vehicle, index)
        }
        for index in unheard {
            timers.schedule(fleet.vehicles[index], index: index, due: clock.now + 1_000)
        }
    }

    /// Asks for a look at a vehicle when its next deadline comes, should it stay silent.
    func schedule(_ vehicle: Vehicle, _ index: Int) {
        guard let (_, deadline) = nextDeadline(of: vehicle) else { return }
        let due = vehicle.heardAt + (deadline - vehicle.eventTime)
        timers.schedule(vehicle, index: index, due: due)
    }

    // Events.

    private func emit(_ transition: AlertTransition, _ instance: AlertInstance, _ vehicle: Vehicle)
    {
        let writer = events
        let start = outcome.bytes.count
        let time = writer.outlier(
            transition,
            instance,
            vehicle,
            signals,
            enrichment: rules.enrichments[vehicle.source],
            into: &outcome.bytes
        )
        switch transition {
        case .fired: outcome.counts.fired[instance.rule, default: 0] += 1
        case .resolved: outcome.counts.resolved[instance.rule, default: 0] += 1
        }
        outcome.outlier.append(
            Event(
                offset: takeOffset(StreamName.outlier),
                eventTime: time,
                arrival: arrival,
                key: vehicle.id,
                topic: engine.rules[instance.rule].name,
                payload: start..<outcome.bytes.count,
                isText: true
            )
        )
    }

    private func appendFiring(_ vehicle: Vehicle, at time: Timestamp) {
        let writer = events
        let start = outcome.bytes.count
        writer.firing(vehicle, at: time, into: &outcome.bytes)
        outcome.firing.append(
            Event(
                offset: takeOffset(StreamName.firing),
                eventTime: time,
                arrival: arrival,
                key: vehicle.id,
                topic: "",
                payload: start..<outcome.bytes.count,
                isText: true
            )
        )
    }
}
