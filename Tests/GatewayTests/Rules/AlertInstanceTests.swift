// SPDX-License-Identifier: Apache-2.0
// The state machine of one alert, state by state. Times are seconds; the condition became true at 100.
import Testing

@testable import Gateway

@Suite struct AlertInstanceTests {
    private static func rule(for pending: Int64, keep: Int64) -> AlertRule {
        AlertRule(
            name: "a",
            expression: "1",
            forMilliseconds: pending * 1_000,
            keepFiringMilliseconds: keep * 1_000,
            file: "rules.yaml",
            line: 1,
            version: "0"
        )
    }

    private static let pending = AlertInstance(rule: 0, phase: .pending, activeAt: .seconds(100))
    private static let firing = AlertInstance(
        rule: 0,
        phase: .firing,
        activeAt: .seconds(100),
        firedAt: .seconds(110)
    )
    private static let ending = AlertInstance(
        rule: 0,
        phase: .firing,
        activeAt: .seconds(100),
        firedAt: .seconds(110),
        endedAt: .seconds(120)
    )

    @Test(
        arguments: [
            (pending, 10, 0, 110), (pending, 0, 5, 100), (firing, 10, 0, nil), (firing, 10, 5, nil),
            (ending, 10, 5, 125),
        ] as [(AlertInstance, Int64, Int64, Int64?)]
    )
    func deadlineIsWhenTimeAloneChangesIt(
        instance: AlertInstance,
        pending: Int64,
        keep: Int64,
        deadline: Int64?
    ) {
        let rule = Self.rule(for: pending, keep: keep)
        #expect(instance.deadline(rule) == deadline.map { .seconds($0) })
    }

    @Test(
        arguments: [
            // What it is, `for`, `keep_firing_for`, the time that comes, what happens.
            (pending, 10, 0, 109, nil), (pending, 10, 0, 110, .fired(at: .seconds(110))),
            (pending, 10, 0, 500, .fired(at: .seconds(110))),
            (pending, 0, 0, 100, .fired(at: .seconds(100))),
            (pending, 10, 0, 50, nil), (firing, 10, 5, 9_999, nil), (ending, 10, 5, 124, nil),
            (ending, 10, 5, 125, .resolved(at: .seconds(125))),
            (ending, 10, 5, 500, .resolved(at: .seconds(125))),
        ] as [(AlertInstance, Int64, Int64, Int64, AlertTransition?)]
    )
    func passingTimeTakesEffectAtTheDeadline(
        instance: AlertInstance,
        pending: Int64,
        keep: Int64,
        time: Int64,
        transition: AlertTransition?
    ) {
        var changed = instance
        let rule = Self.rule(for: pending, keep: keep)
        let result = changed.advance(to: .seconds(time), rule)
        #expect(result == transition)
        guard case .fired(let at)? = transition else {
            #expect(changed == instance)
            return
        }
        #expect(changed.phase == .firing)
        #expect(changed.firedAt == at)
        #expect(changed.activeAt == instance.activeAt)
    }

    @Test(
        arguments: [
            (pending, 0, .vanishes), (pending, 5, .vanishes), (firing, 0, .resolves),
            (firing, 5, .keeps), (ending, 5, .keeps),
        ] as [(AlertInstance, Int64, AlertInstance.End)]
    )
    func falseConditionEndsIt(instance: AlertInstance, keep: Int64, end: AlertInstance.End) {
        var changed = instance
        let result = changed.end(at: .seconds(130), Self.rule(for: 10, keep: keep))
        #expect(result == end)
    }

    @Test func endIsWhenTheConditionFirstBecameFalse() {
        var instance = Self.firing
        let rule = Self.rule(for: 10, keep: 5)
        for time in [120, 121, 124] as [Int64] {
            let result = instance.end(at: .seconds(time), rule)
            #expect(result == .keeps)
        }
        #expect(instance.endedAt == .seconds(120))
    }
}
