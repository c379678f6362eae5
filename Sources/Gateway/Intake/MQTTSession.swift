// SPDX-License-Identifier: Apache-2.0
// One source: a persistent session with its broker. PUBACKs that libmosquitto queues while messages
// are read stay queued until `acknowledge`, which the intake loop calls after the commit.
import CoreMetrics
import Foundation
import Logging

/// Reads messages from one broker and acknowledges them when told to.
final class MQTTSession {
    private enum State {
        /// Waiting until it is time to try.
        case waiting(until: Timestamp)
        case connecting(MQTTConnector)
        /// Connected, CONNACK or SUBACK outstanding.
        case opening(MQTTClient, since: Timestamp)
        case up(MQTTClient)
    }

    /// CONNACK and SUBACK must come within this.
    private static let openingMilliseconds: Int64 = 10_000
    /// Topics that are remembered with their matches; then the memory starts anew.
    private static let topicsMax = 100_000

    let configuration: SourceConfiguration
    let index: Int
    private let part: Health.Part
    /// The table that the source waits for.
    ///
    /// It subscribes, so that the broker keeps what vehicles
    /// publish, and leaves.
    var heldBy: String?
    private var isAway = false
    private var isLeaving = false
    /// Messages came while it was held: nothing may be written, lest they be acknowledged.
    private var hasIgnored = false
    private(set) var ledger: RedeliveryLedger
    /// The session was not resumed since the last commit: what the log has of it is void.
    private(set) var isVoid = false
    /// What the broker has confirmed that this session is subscribed to.
    private var subscriptions: Set<String>
    /// The same, as long as the log does not have it.
    private(set) var unsavedSubscriptions: Set<String>?
    /// What it was subscribed to when the connection began.
    private var resumedSubscriptions: Set<String> = []
    private var state: State
    private var backoff: Backoff
    private let wakeUp: WakeUp
    private let health: Health
    private let metrics: SourceMetrics
    private let logger: Logger
    private let patterns: [TopicPattern]
    /// What to subscribe to, in the order of the patterns.
    private let filters: [String]
    private var topics: [UInt64: Topic] = [:]
    private var lastMessageAt = Timestamp.distantPast
    private var upSince = Timestamp.distantPast
    private var downReason: String?
    private var isWriteBlocked = false
    private var lastTick = Timestamp.distantPast
    /// Where `received` puts messages while `read` runs.
    private var batch = MessageBatch()
    private var limits: LimitsConfiguration
    private var now = Timestamp.distantPast
    private var counts = (messages: 0, bytes: 0, unprotected: 0, redelivered: 0)
    /// What ended the connection while callbacks ran.
    private var ending: MQTTError?

    init(
        configuration: SourceConfiguration,
        index: Int,
        part: Health.Part,
        limits: LimitsConfiguration,
        ledgerBatches: [[UInt8]],
        subscriptions: Set<String>,
        wakeUp: WakeUp,
        health: Health,
        metrics: SourceMetrics,
        logger: Logger
    ) {
        self.configuration = configuration
        self.index = index
        self.part = part
        self.limits = limits
        self.wakeUp = wakeUp
        self.health = health
        self.metrics = metrics
        var logger = logger
        logger[metadataKey: LogKeys.source] = "\(configuration.name)"
        self.logger = logger
        patterns = configuration.topics.map(\.pattern)
        filters = configuration.filters
        self.subscriptions = subscriptions
        ledger = RedeliveryLedger()
        ledger.restore(ledgerBatches)
        backoff = Backoff(
            minMilliseconds: configuration.connection.reconnectMinMilliseconds,
            maxMilliseconds: configuration.connection.reconnectMaxMilliseconds
        )
        state = .waiting(until: .distantPast)
    }

    // What the loop polls.

    var descriptor: Int32? {
        switch state {
        case .opening(let client, _), .up(let client): client.socket >= 0 ? client.socket : nil
        case .waiting, .connecting: nil
        }
    }

    var wantsWrite: Bool {
        if case .opening(let client, _) = state { client.wantsWrite } else { isWriteBlocked }
    }

    /// When the session has something to do without being polled.
    var nextDeadline: Timestamp {
        switch state {
        case .waiting(let until): until
        case .connecting: now + 1_000
        case .opening(_, let since): since + Self.openingMilliseconds + 1
        case .up: lastTick + 1_000
        }
    }

    /// Whether silence means that the vehicles are silent: the session is up and its backlog is in.
    func isHeard(at now: Timestamp, settleMilliseconds: Int64) -> Bool {
        guard case .up = state else { return false }
        if now - max(lastMessageAt, upSince) >= settleMilliseconds { hasSettled = true }
        // Under a load that never pauses, ten times the quiet is taken for the backlog's end.
        return hasSettled || now - upSince >= 10 * settleMilliseconds
    }

    private var hasSettled = false
    private var isResumed = false

    // The loop's calls.

    /// Moves the connection along; may begin, finish or give up an attempt.
    ///
    /// Writes what is queued, so it must be called only while nothing is read and uncommitted.
    func advance(now: Timestamp) {
        self.now = now
        if heldBy == nil { endHold() }
        guard !isAway, !hasIgnored else { return }
        switch state {
        case .waiting(let until):
            if now >= until { beginConnecting() }
        case .connecting(let connector):
            switch connector.take() {
            case .success(let client)?: open(client)
            case .failure(let error)?: fail(error)
            case nil: break
            }
        case .opening(let client, let since):
            if now - since > Self.openingMilliseconds {
                fail(MQTTError(message: "the broker did not answer CONNECT or SUBSCRIBE in time"))
            } else if client.wantsWrite {
                perform { () throws(MQTTError) in
                    isWriteBlocked = try !client.write()
                }
            }
        case .up(let client):
            let isTickDue = now - lastTick >= 1_000
            guard isTickDue || isWriteBlocked else { return }
            perform { () throws(MQTTError) in
                if isTickDue {
                    lastTick = now
                    try client.tick()
                }
                isWriteBlocked = try !client.write()
            }
        }
    }

    /// Reads messages into a batch until it is full or there is nothing more.
    func read(into batch: inout MessageBatch, now: Timestamp) {
        self.now = now
        let client: MQTTClient
        switch state {
        case .opening(let opening, _): client = opening
        case .up(let up): client = up
        case .waiting, .connecting: return
        }
        swap(&self.batch, &batch)
        defer { swap(&self.batch, &batch) }
        hasMore = false
        perform { () throws(MQTTError) in
            while try client.read() {
                if let ending { throw ending }
                guard !isFull else {
                    hasMore = true
                    break
                }
            }
            if let ending { throw ending }
        }
        report()
        if isLeaving { leave(client) }
        // Only CONNACK tells whether there are suspects; before it, DUP must be watched.
        if case .up = state, isWatchingDuplicates, !ledger.hasSuspects {
            client.watchDuplicates(false)
            isWatchingDuplicates = false
        }
    }

    /// Comes back; what was ignored comes again in a new connection, and is acknowledged only there.
    private func endHold() {
        if hasIgnored {
            switch state {
            case .opening(let client, _), .up(let client): client.abort()
            case .waiting, .connecting: break
            }
            goDown(because: "the table that it has waited for is complete")
            isAway = true
        }
        guard isAway else { return }
        isAway = false
        state = .waiting(until: now)
    }

    /// Leaves without a word to the broker: what it has sent comes again in the resumed session.
    private func leave(_ client: MQTTClient) {
        isLeaving = false
        hasIgnored = false
        client.abort()
        goDown(because: "waits for table '\(heldBy ?? "")', whose first snapshot is not complete")
        isAway = true
        state = .waiting(until: .distantFuture)
    }

    private var isWatchingDuplicates = false

    /// The last read ended because the batch was full: there may be bytes that poll can't see.
    private(set) var hasMore = false

    private var isFull: Bool {
        batch.messages.count >= limits.batchMessagesMax || batch.bytes.count >= limits.batchBytesMax
    }

    /// Something must be committed, even if no message has come.
    var hasNews: Bool { !ledger.pending.isEmpty || isVoid || unsavedSubscriptions != nil }

    /// The batch is durable: its PUBACKs leave.
    func acknowledge() {
        isVoid = false
        unsavedSubscriptions = nil
        guard !ledger.pending.isEmpty else { return }
        ledger.commit()
        guard case .up(let client) = state else { return }
        perform { () throws(MQTTError) in
            isWriteBlocked = try !client.write()
        }
    }

    /// The batch is not durable: nothing is acknowledged, and the broker will send it again.
    func abandon(because reason: String, until: Timestamp) {
        // Nothing of its is uncommitted, and what it waits for is still the reason why.
        guard !isAway else { return }
        switch state {
        case .opening(let client, _), .up(let client): client.abort()
        case .waiting, .connecting: break
        }
        ledger.connected(isSessionPresent: true)
        goDown(because: reason)
        state = .waiting(until: until)
    }

    /// Ends the connection in order; the broker keeps the session.
    func close() {
        switch state {
        case .opening(let client, _), .up(let client):
            // A word of farewell would take PUBACKs along for what was ignored.
            if hasIgnored { client.abort() } else { client.disconnect() }
        case .waiting, .connecting: break
        }
        state = .waiting(until: .distantFuture)
        health.isDown(part, because: "the gateway is stopping")
    }

    // Connecting.

    private func beginConnecting() {
        isWatchingDuplicates = true
        let options = MQTTClientOptions(
            connection: configuration.connection,
            cleanStart: false,
            sessionExpirySeconds: configuration.sessionExpirySeconds,
            receiveMaximum: configuration.receiveMaximum,
            watchesDuplicates: true
        )
        state = .connecting(MQTTConnector(options, wakeUp: wakeUp))
    }

    private func open(_ client: MQTTClient) {
        client.delegate = self
        ending = nil
        state = .opening(client, since: now)
    }

    private func fail(_ error: MQTTError) {
        if error.isRefusal { metrics.authRefusals.increment() }
        if case .up = state { backoff.connectionEnded(afterMilliseconds: now - upSince) }
        goDown(because: error.message + backoff.hint(clientID: configuration.connection.clientID))
        let wait = backoff.next()
        logger.debug(
            "will try again",
            metadata: [LogKeys.delayMilliseconds: "\(wait)"]
        )
        state = .waiting(until: now + wait)
    }

    /// Says once why the session is down, and again only when the reason changes.
    private func goDown(because reason: String) {
        isWriteBlocked = false
        hasSettled = false
        hasIgnored = false
        isLeaving = false
        hasMore = false
        health.isDown(part, because: reason)
        metrics.sessionUp.set(0)
        guard downReason != reason else { return }
        downReason = reason
        logger.warning("session down", metadata: [LogKeys.reason: "\(reason)"])
    }

    private func perform(_ body: () throws(MQTTError) -> Void) {
        do throws(MQTTError) {
            try body()
        } catch {
            // The callback knows the broker's reason; the return code only that it ended.
            let reason = ending ?? error
            ending = nil
            fail(reason)
        }
    }

    private func report() {
        guard counts.messages > 0 || counts.redelivered > 0 else { return }
        metrics.messages.increment(by: Int64(counts.messages))
        metrics.bytes.increment(by: Int64(counts.bytes))
        if counts.unprotected > 0 {
            metrics.unprotectedMessages.increment(by: Int64(counts.unprotected))
        }
        if counts.redelivered > 0 {
            metrics.redeliveredMessages.increment(by: Int64(counts.redelivered))
        }
        counts = (0, 0, 0, 0)
    }

    private func topic(_ bytes: UnsafeRawBufferPointer) -> Topic {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in bytes.indices {
            hash = unsafe (hash ^ UInt64(bytes[index])) &* 0x0100_0000_01B3
        }
        if let known = topics[hash], unsafe known.name.utf8.elementsEqual(bytes) { return known }
        if topics.count >= Self.topicsMax { topics.removeAll() }
        let topic = Topic(
            name: unsafe String(decoding: bytes, as: UTF8.self),
            patterns: patterns
        )
        topics[hash] = topic
        return topic
    }
}

extension MQTTSession: MQTTClientDelegate {
    func connected(isSessionPresent: Bool) {
        guard case .opening(let client, _) = state else { return }
        ledger.connected(isSessionPresent: isSessionPresent)
        if !isSessionPresent {
            isVoid = true
            subscriptions = []
            unsavedSubscriptions = nil
        }
        resumedSubscriptions = subscriptions
        hasIgnored = false
        isLeaving = heldBy != nil && isSessionPresent && subscriptions == Set(filters)
        // The broker has the session and all its filters: it keeps what comes.
        guard !isLeaving else { return }
        do throws(MQTTError) {
            // The session outlives the configuration: what it no longer names would come for ever.
            let dropped = subscriptions.subtracting(filters)
            if !dropped.isEmpty { try client.unsubscribe(dropped.sorted()) }
            try client.subscribe(filters, qos: configuration.qos)
            // The same read may bring messages, so the SUBSCRIBE leaves where PUBACKs may; or, when
            // none may leave, at once, for behind CONNACK there are none yet.
            isWriteBlocked = true
            if heldBy != nil { isWriteBlocked = try !client.write() }
        } catch {
            ending = error
            return
        }
        // A resumed session delivers at once, before its SUBACK.
        if upSince != .distantPast { metrics.reconnects.increment() }
        upSince = now
        lastTick = now
        state = .up(client)
        isResumed = isSessionPresent
    }

    func subscribed(granted: [Int]) {
        for (pattern, value) in zip(patterns, granted) where value >= 0x80 {
            let reason = MQTTClient.reasonText(value)
            ending = MQTTError(
                message: "the broker refuses the subscription '\(pattern)': \(reason)",
                isRefusal: true
            )
        }
        guard ending == nil else { return }
        // Only now does the broker keep for us what vehicles publish: ready means that.
        if heldBy != nil {
            isLeaving = true
            // A retained message that was ignored must not be taken for one that was had before.
            if configuration.connection.protocolVersion == 5 { rememberSubscriptions() }
            return
        }
        logger.notice("session up", metadata: ["resumed": "\(isResumed)"])
        downReason = nil
        health.isUp(part)
        metrics.sessionUp.set(1)
        rememberSubscriptions()
    }

    private func rememberSubscriptions() {
        guard subscriptions != Set(filters) else { return }
        // The broker works in order, so what was dropped is gone as well.
        subscriptions = Set(filters)
        unsavedSubscriptions = subscriptions
    }

    func received(_ message: borrowing MQTTMessage) {
        guard heldBy == nil else {
            hasIgnored = true
            return
        }
        lastMessageAt = now
        let topic = unsafe topic(message.topicBytes)
        var isRedelivered = message.isRetained && isKnown(topic)
        if message.qos > 0 {
            let entry = RedeliveryLedger.Entry(
                packetID: message.packetID,
                digest: message.digest
            )
            // Known or not, it is recorded: its PUBACK leaves with the batch's.
            let isCommitted = ledger.recognise(entry, isDuplicate: message.isDuplicate ?? false)
            isRedelivered = isRedelivered || isCommitted
        }
        guard !isRedelivered else {
            counts.redelivered += 1
            return
        }
        if message.qos == 0 { counts.unprotected += 1 }
        let payload = unsafe message.payload
        counts.messages += 1
        counts.bytes += payload.count
        unsafe batch.append(
            source: index,
            topic: topic,
            payload: payload,
            qos: message.qos,
            packetID: message.packetID,
            arrival: now
        )
    }

    /// Whether a retained message of this topic has come before.
    ///
    /// MQTT 5 can ask a broker to send retained messages for new subscriptions only (section
    /// 3.8.3.1). A 3.1.1 broker sends them at every SUBSCRIBE, though the session had them when they
    /// were published.
    private func isKnown(_ topic: Topic) -> Bool {
        guard configuration.connection.protocolVersion != 5, let index = topic.configurationIndex
        else { return false }
        return resumedSubscriptions.contains(filters[index])
    }

    func published(packetID: UInt16, reason: Int) {}

    func ended(_ error: MQTTError) { ending = ending ?? error }
}

extension SourceConfiguration {
    /// What to subscribe to, in the order of the topics.
    var filters: [String] {
        topics.map { topic in
            shareGroup.map { "$share/\($0)/\(topic.pattern.filter)" } ?? topic.pattern.filter
        }
    }
}
