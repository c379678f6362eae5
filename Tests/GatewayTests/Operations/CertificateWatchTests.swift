// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Logging
import Synchronization
import Testing

@testable import Gateway

@Suite struct CertificateWatchTests {
    @Test(arguments: [
        (nil, CertificateState.unreadable),
        (-1.0, .expired), (0.0, .expired), (0.1, .expiresNow), (6.9, .expiresNow),
        (7.0, .expiresSoon), (29.9, .expiresSoon), (30.0, .valid),
    ])
    func urgencyFollowsTheDaysLeft(days: Double?, state: CertificateState) {
        #expect(CertificateState(days: days) == state)
    }

    // Goal: an operator is told once per change, not every hour. Method: the same file is checked
    // again and again while its certificate grows old and is then renewed.
    @Test func eachChangeIsLoggedOnceAndTheGaugeFollows() {
        let daysLeft = Mutex<Double?>(100)
        let levels = Mutex<[Logger.Level]>([])
        let registry = PrometheusRegistry()
        let moment = Date(timeIntervalSince1970: 1_700_000_000)
        let watch = CertificateWatch(
            files: ["gateway.crt"],
            metrics: GatewayMetrics(factory: registry),
            logger: Logger(label: "certificates") { _ in
                LevelRecorder { level in levels.withLock { $0.append(level) } }
            },
            now: { moment },
            notAfter: { _ in
                daysLeft.withLock { $0.map { moment.addingTimeInterval($0 * 86_400) } }
            }
        )

        var known: [String: CertificateState] = [:]
        for days: Double? in [100, 29, 28, 6, 5, -1, -2, nil, 365] {
            daysLeft.withLock { $0 = days }
            watch.check(&known)
            let value = days.map { "\(Int($0))" } ?? "NaN"
            let sample = "gateway_certificate_expiry_days{file=\"gateway.crt\"} \(value)"
            #expect(registry.exposition().contains("\(sample)\n"))
        }
        #expect(levels.withLock { $0 } == [.debug, .warning, .error, .error, .error, .debug])
    }
}

/// A log handler that only tells at which level something was logged.
private struct LevelRecorder: LogHandler {
    var logLevel = Logger.Level.trace
    var metadata: Logger.Metadata = [:]
    let record: @Sendable (Logger.Level) -> Void

    init(record: @escaping @Sendable (Logger.Level) -> Void) { self.record = record }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { record(event.level) }
}
