// SPDX-License-Identifier: Apache-2.0
import Logging

/// Whether the dead-letter stream holds more than it should.
struct DeadLetterAlarm {
    /// What the alert is called.
    static let name = "dead_letters_growing"

    /// 0 is never.
    let bytesMax: Int64
    /// Since when it fires; `nil` while it does not.
    private(set) var since: Timestamp?

    init(bytesMax: Int64, since: Timestamp?) {
        self.bytesMax = bytesMax
        self.since = since
    }

    /// What changes at this size; it resolves below nine tenths, so that it does not flap.
    func change(bytes: Int64, at now: Timestamp) -> DeadLetterMarks.Alarm? {
        guard since != nil else { return bytesMax > 0 && bytes > bytesMax ? .fires(now) : nil }
        return bytesMax == 0 || bytes < bytesMax - bytesMax / 10 ? .resolves : nil
    }

    /// The change is on disk.
    mutating func committed(_ change: DeadLetterMarks.Alarm) {
        switch change {
        case .fires(let time): since = time
        case .resolves: since = nil
        }
    }

    /// What is wrong, while it fires.
    func trouble(bytes: Int64) -> String? {
        since == nil ? nil : summary(bytes: bytes)
    }

    /// The size for a person.
    func summary(bytes: Int64) -> String {
        "the dead-letter stream holds \(bytes >> 10) KiB, and log.retention.dead_letter.alarm is "
            + "\(ByteSizeText.text(bytesMax)); `gateway deadletters group` shows why"
    }

    var metadata: Logger.Metadata {
        [
            LogKeys.limit: "\(ByteSizeText.text(bytesMax))",
            LogKeys.stream: "\(StreamName.deadLetter)",
        ]
    }
}

extension Processor {
    /// The gateway's alert about its dead letters, among the outliers; its key is the gateway.
    func announce(
        _ change: DeadLetterMarks.Alarm,
        bytes: Int64,
        _ alarm: DeadLetterAlarm,
        at time: Timestamp
    ) -> Outcome {
        var outcome = Outcome()
        let (state, since, summary) =
            switch change {
            case .fires(let since): ("firing", since, alarm.summary(bytes: bytes))
            case .resolves:
                ("resolved", alarm.since ?? time, "the dead letters are fewer again")
            }
        outcome.bytes.raw("{")
        outcome.bytes.texts([
            ("time", time.iso8601), ("alert", DeadLetterAlarm.name), ("state", state),
            ("vehicle", gatewayID), ("severity", "warning"), ("summary", summary),
            ("since", since.iso8601), ("gateway", gatewayID),
            ("id", "\(DeadLetterAlarm.name)/\(gatewayID)/\(since.milliseconds)/\(state)"),
        ])
        outcome.bytes.raw("}")
        outcome.outlier.append(
            Event(
                offset: takeOffset(StreamName.outlier),
                eventTime: time,
                arrival: time,
                key: gatewayID,
                topic: DeadLetterAlarm.name,
                payload: 0..<outcome.bytes.count,
                isText: true
            )
        )
        return outcome
    }
}
