// SPDX-License-Identifier: Apache-2.0
// Delivery into Kafka: read behind the cursor, produce, move the cursor when Kafka has it. The log is
// the only buffer; librdkafka holds one window.
import Foundation
import Logging

/// Delivers the streams of one lane; owns its client and its thread.
final class KafkaLaneLoop {
    private let stop: StopSignal
    private let listener: CommitListener
    private let link: KafkaLink
    private let report: LaneReport
    private let delivery: any KafkaDelivery
    private var backoff: Backoff
    /// The identity has changed, and the client is still the old one.
    private var mustRenew = false

    init(_ context: LaneContext, kafka: KafkaConfiguration) throws {
        stop = context.stop
        listener = context.listener
        let reader = try LogReader(log: context.log)
        report = LaneReport(context, reader: reader)
        link = KafkaLink(context, kafka: kafka, report: report)
        let lane = KafkaLane(
            streams: context.lane.streams.map { KafkaLaneStream($0, gateway: context.gateway) },
            sink: context.lane.sink.name,
            link: link,
            reader: reader,
            report: report,
            inbox: context.inbox,
            stop: context.stop,
            window: context.lane.sink.window,
            group: kafka.group,
            logID: try context.log.identity(),
            lingerMilliseconds: context.lane.kind == .urgent ? 0 : kafka.lingerMilliseconds,
            transactionTimeoutMilliseconds: kafka.transactionTimeoutMilliseconds
        )
        let limit = context.lane.drainLimit
        delivery =
            switch kafka.delivery {
            case .exactlyOnce:
                TransactionalDelivery(
                    lane,
                    metrics: context.metrics.kafka(context.lane),
                    limit: limit
                )
            case .atLeastOnce: WindowedDelivery(lane, limit: limit)
            }
        backoff = Backoff(
            minMilliseconds: kafka.reconnectMinMilliseconds,
            maxMilliseconds: kafka.reconnectMaxMilliseconds
        )
    }

    /// Runs until it is told to stop.
    func run() {
        while !stop.isSet {
            do {
                try deliverUntilBroken()
            } catch {
                recover(from: error)
            }
        }
        _ = try? delivery.settle()
        link.close()
    }

    private func deliverUntilBroken() throws {
        if link.producer == nil { try open() }
        while !stop.isSet {
            if listener.willWait() { delivery.lookAgain(now: WallClock.uptime()) }
            try link.poll()
            let hasMore = try delivery.step(now: WallClock.uptime())
            observe()
            try renewIdentity()
            if report.isUp { backoff.reset() }
            guard !hasMore else { continue }
            waitForEvents()
            listener.didWake()
        }
    }

    private func open() throws {
        try link.renew()
        try delivery.begin()
        link.works()
    }

    /// A renewed certificate takes effect between two transactions.
    private func renewIdentity() throws {
        if link.hasNewIdentity(now: WallClock.uptime()) { mustRenew = true }
        guard mustRenew, try delivery.settle() else { return }
        mustRenew = false
        do throws(KafkaError) {
            // The new client is made before the old one goes: files that don't fit change nothing.
            try link.renew()
        } catch {
            report.logger.warning(
                "renewed certificate not taken",
                metadata: [LogKeys.reason: "\(error)"]
            )
            return
        }
        report.logger.notice("renewed certificate taken")
        try delivery.begin()
        link.works()
    }

    private func waitForEvents() {
        var descriptors = [
            pollfd(fd: link.wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: listener.wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stop.wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let wait = delivery.waitMilliseconds(now: WallClock.uptime())
        _ = unsafe poll(&descriptors, UInt(descriptors.count), Int32(clamping: wait))
        link.wakeUp.clear()
    }

    private func observe() {
        report.observe { delivery.places }
    }

    // Failing.

    private func recover(from error: any Error) {
        guard let error = error as? KafkaError else {
            // Being told to stop is no failure; the log's reader may have one.
            guard !(error is LaneStopped) else { return }
            report.down(because: "\(error)")
            delivery.rewind()
            return pause()
        }
        if error.remedy == .stop { return standStill(error) }
        report.down(because: link.reason(for: error))
        delivery.rewind()
        if error.remedy == .replaceClient { link.close() }
        pause()
    }

    /// Another gateway delivers under our name.
    ///
    /// To go on would throw it out, and so on for ever.
    private func standStill(_ error: KafkaError) {
        link.close()
        report.down(
            because:
                "another producer uses the transactional id of this lane, so two gateways have "
                + "one id: give one of them another gateway.id, or its sink another 'group', and "
                + "restart this one. Nothing is lost: the events stay in the log (\(error))"
        )
        while !stop.isSet {
            observe()
            stop.wait(milliseconds: 1_000)
        }
    }

    private func pause() {
        let until = WallClock.uptime() + backoff.next()
        while !stop.isSet, WallClock.uptime() < until {
            try? link.poll()
            observe()
            stop.wait(milliseconds: min(1_000, until - WallClock.uptime()))
        }
    }
}
