// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import FoundationEssentials
import Logging
import ServiceLifecycle

/// Watches the certificate files, so that no gateway falls silent because one has expired.
struct CertificateWatch: Service {
    /// Fewer days than this are worth a warning.
    static let warningDays: Double = 30
    /// Fewer days than this are an error.
    static let errorDays: Double = 7
    /// How often the files are read.
    static let checkInterval = Duration.seconds(3_600)

    private let files: [String]
    private let metrics: GatewayMetrics
    private let logger: Logger
    private let clock: any Clock<Duration>
    private let now: @Sendable () -> Date
    private let notAfter: @Sendable (String) -> Date?

    /// Creates a watch over some files.
    ///
    /// - Parameters:
    ///   - files: The certificate files, in PEM.
    ///   - metrics: Where the days left are shown.
    ///   - logger: Where changes of state are logged.
    ///   - clock: What the hour between checks is measured with.
    ///   - now: The wall clock.
    ///   - notAfter: Reads the end of a certificate's validity from a file, or nil if it can't be
    ///     read. Small local files, once an hour: it may block for that long.
    init(
        files: [String],
        metrics: GatewayMetrics,
        logger: Logger,
        clock: any Clock<Duration> = ContinuousClock(),
        now: @escaping @Sendable () -> Date = { Date() },
        notAfter: @escaping @Sendable (String) -> Date?
    ) {
        self.files = files
        self.metrics = metrics
        self.logger = logger
        self.clock = clock
        self.now = now
        self.notAfter = notAfter
    }

    /// Checks the files at once and then every hour, until graceful shutdown.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            var known: [String: CertificateState] = [:]
            while !Task.isCancelled {
                check(&known)
                do {
                    try await clock.sleep(for: Self.checkInterval)
                } catch { return }
            }
        }
    }

    /// Checks all files once: sets the gauges, and logs where the state is not the known one.
    func check(_ known: inout [String: CertificateState]) {
        for file in files {
            let days = notAfter(file).map { $0.timeIntervalSince(now()) / 86_400 }
            metrics.certificateExpiryDays(file: file).set(days ?? .nan)

            let state = CertificateState(days: days)
            guard known.updateValue(state, forKey: file) != state else { continue }
            log(state, file: file, days: days)
        }
    }

    private func log(_ state: CertificateState, file: String, days: Double?) {
        var metadata: Logger.Metadata = [LogKeys.file: "\(file)"]
        if let days { metadata[LogKeys.days] = .stringConvertible(Int(days.rounded(.down))) }
        switch state {
        case .valid: logger.debug("certificate valid", metadata: metadata)
        case .expiresSoon: logger.warning("certificate expires soon: renew it", metadata: metadata)
        case .expiresNow: logger.error("certificate about to expire: renew it", metadata: metadata)
        case .expired: logger.error("certificate has expired: renew it", metadata: metadata)
        case .unreadable: logger.error("certificate cannot be read", metadata: metadata)
        }
    }
}

/// How urgent a certificate's renewal is.
enum CertificateState: Equatable, Sendable {
    case valid
    case expiresSoon
    case expiresNow
    case expired
    case unreadable

    /// Creates the state from the days left, nil if the certificate could not be read.
    init(days: Double?) {
        switch days {
        case .none: self = .unreadable
        case .some(...0): self = .expired
        case .some(..<CertificateWatch.errorDays): self = .expiresNow
        case .some(..<CertificateWatch.warningDays): self = .expiresSoon
        case .some: self = .valid
        }
    }
}
