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

        /// What can be read from and written to.
        var client: MQTTClient? {
            switch self {
            case .opening(let client, _), .up(let client): client
            case .waiting, .connecting: nil
            }
        }
    }

    /// CONNACK and SUBACK must come within this.
    private static let openingMilliseconds: Int64 = 10_000

    let configuration: SourceConfiguration
    let index: Int
    private let report: SessionReport
    private let wakeUp: WakeUp
    private var hold = SessionHold()
    private var receiver: MessageReceiver
    private var subscriptions: Subscriptions
    /// The session was not resumed since the last commit: what the log has of it is void.
    private var isVoid = false
    private var state: State
    private var backoff: Backoff
    private var upSince = Timestamp.distantPast
    private var isWriteBlocked = false
    private var lastTick = Timestamp.distantPast
    /// Whether silence counts: what the broker had kept has come.
    private var hasSettled = false
    private var isResumed = false
    private var isWatchingDuplicates = false
    /// The last read ended because there was no more room: there may be bytes that poll can't see.
    private(set) var hasMore = false
    private var now = Timestamp.distantPast
    /// What ended the connection while callbacks ran.
    private var ending: MQTTError?

    init(
        configuration: SourceConfiguration,
        index: Int,
        limits: LimitsConfiguration,
        ledgerBatches: [[UInt8]],
        subscriptions: Set<String>,
        wakeUp: WakeUp,
        report: SessionReport
    ) {
        self.configuration = configuration
        self.index = index
        self.wakeUp = wakeUp
        self.report = report
        receiver = MessageReceiver(
            source: index,
            patterns: configuration.topics.map(\.pattern),
            limits: limits,
            ledgerBatches: ledgerBatches,
            metrics: report.metrics
        )
        self.subscriptions = Subscriptions(of: configuration, confirmed: subscriptions)
        backoff = Backoff(
            minMilliseconds: configuration.connection.reconnectMinMilliseconds,
            maxMilliseconds: configuration.connection.reconnectMaxMilliseconds
        )
        state = .waiting(until: .distantPast)
    }

    // What the loop polls.

    var descriptor: Int32? {
        guard let client = state.client, client.socket >= 0 else { return nil }
        return client.socket
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
        if now - max(receiver.lastMessageAt, upSince) >= settleMilliseconds { hasSettled = true }
        // Under a load that never pauses, ten times the quiet is taken for the backlog's end.
        return hasSettled || now - upSince >= 10 * settleMilliseconds
    }

    // The loop's calls.

    /// The table that the source waits for; it does not come back before that is `nil`.
    var heldBy: String? {
        get { hold.table }
        set { hold.table = newValue }
    }

    /// Moves the connection along; may begin, finish or give up an attempt.
    ///
    /// Writes what is queued, so it must be called only while nothing is read and uncommitted.
    func advance(now: Timestamp) {
        self.now = now
        if heldBy == nil { endHold() }
        guard hold.isOpen else { return }
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

    /// Reads messages into a batch until it is full, has so many more, or there is nothing more.
    ///
    /// One call of libmosquitto reads what a TLS record holds, so there may be a few above the bound.
    func read(into batch: inout MessageBatch, now: Timestamp, messagesMax: Int = .max) {
        self.now = now
        guard let client = state.client else { return }
        swap(&receiver.batch, &batch)
        defer { swap(&receiver.batch, &batch) }
        receiver.begin(messagesMax: messagesMax)
        hasMore = false
        perform { () throws(MQTTError) in
            while try client.read() {
                if let ending { throw ending }
                guard !receiver.isFull else {
                    hasMore = true
                    break
                }
            }
            if let ending { throw ending }
        }
        receiver.report()
        if hold.isLeaving { leave(client) }
        // Only CONNACK tells whether there are suspects; before it, DUP must be watched.
        if case .up = state, isWatchingDuplicates, !receiver.ledger.hasSuspects {
            client.watchDuplicates(false)
            isWatchingDuplicates = false
        }
    }

    /// Something must be committed, even if no message has come.
    var hasNews: Bool {
        !receiver.ledger.pending.isEmpty || isVoid || subscriptions.unsaved != nil
    }

    /// Adds what must be durable together with what was read.
    func add(to extras: inout CommitExtras) {
        if isVoid { extras.voidSessions.append(configuration.name) }
        if let filters = subscriptions.unsaved {
            extras.subscriptions.append((configuration.name, filters))
        }
        guard !receiver.ledger.pending.isEmpty else { return }
        extras.ledger.append((configuration.name, receiver.ledger.encodePending()))
    }

    /// The batch is durable: its PUBACKs leave.
    func acknowledge() {
        isVoid = false
        subscriptions.saved()
        guard !receiver.ledger.pending.isEmpty else { return }
        receiver.ledger.commit()
        guard case .up(let client) = state else { return }
        perform { () throws(MQTTError) in
            isWriteBlocked = try !client.write()
        }
    }

    /// The batch is not durable: nothing is acknowledged, and the broker will send it again.
    func abandon(because reason: String, until: Timestamp) {
        // Nothing of its is uncommitted, and what it waits for is still the reason why.
        guard !hold.isAway else { return }
        state.client?.abort()
        receiver.ledger.connected(isSessionPresent: true)
        goDown(because: reason)
        state = .waiting(until: until)
    }

    /// Ends the connection in order; the broker keeps the session.
    func close() {
        if let client = state.client {
            // A word of farewell would take PUBACKs along for what was ignored.
            if hold.isIgnoring { client.abort() } else { client.disconnect() }
        }
        state = .waiting(until: .distantFuture)
        report.stopping()
    }

    // Waiting for a table.

    /// Comes back; what was ignored comes again in another connection, and is acknowledged only there.
    private func endHold() {
        if hold.isIgnoring {
            state.client?.abort()
            goDown(because: "the table that it has waited for is complete")
        } else if !hold.isAway {
            return
        }
        hold.reopen()
        state = .waiting(until: now)
    }

    /// Leaves without a word to the broker: what it has sent comes again in the resumed session.
    private func leave(_ client: MQTTClient) {
        client.abort()
        goDown(because: "waits for table '\(heldBy ?? "")', whose first snapshot is not complete")
        hold.left()
        state = .waiting(until: .distantFuture)
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
        if error.isRefusal { report.metrics.authRefusals.increment() }
        if case .up = state { backoff.connectionEnded(afterMilliseconds: now - upSince) }
        goDown(because: error.message + backoff.hint(clientID: configuration.connection.clientID))
        let wait = backoff.next()
        report.logger.debug("will try again", metadata: [LogKeys.delayMilliseconds: "\(wait)"])
        state = .waiting(until: now + wait)
    }

    private func goDown(because reason: String) {
        isWriteBlocked = false
        hasSettled = false
        hold.reopen()
        hasMore = false
        report.down(because: reason)
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
}

extension MQTTSession: MQTTClientDelegate {
    func connected(isSessionPresent: Bool) {
        guard case .opening(let client, _) = state else { return }
        receiver.ledger.connected(isSessionPresent: isSessionPresent)
        if !isSessionPresent { isVoid = true }
        subscriptions.connected(isSessionPresent: isSessionPresent)
        hold.reopen()
        if heldBy != nil, isSessionPresent, subscriptions.isComplete { hold.leave() }
        // The broker has the session and all its filters: it keeps what comes.
        guard !hold.isLeaving else { return }
        do throws(MQTTError) {
            // The session outlives the configuration: what it no longer names would come for ever.
            let dropped = subscriptions.dropped
            if !dropped.isEmpty { try client.unsubscribe(dropped) }
            try client.subscribe(subscriptions.filters, qos: configuration.qos)
            // The same read may bring messages, so the SUBSCRIBE leaves where PUBACKs may; or, when
            // none may leave, at once, for behind CONNACK there are none yet.
            isWriteBlocked = true
            if heldBy != nil { isWriteBlocked = try !client.write() }
        } catch {
            ending = error
            return
        }
        // A resumed session delivers at once, before its SUBACK.
        if upSince != .distantPast { report.metrics.reconnects.increment() }
        upSince = now
        lastTick = now
        state = .up(client)
        isResumed = isSessionPresent
    }

    func subscribed(granted: [Int]) {
        for (topic, value) in zip(configuration.topics, granted) where value >= 0x80 {
            let reason = MQTTClient.reasonText(value)
            ending = MQTTError(
                message: "the broker refuses the subscription '\(topic.pattern)': \(reason)",
                isRefusal: true
            )
        }
        guard ending == nil else { return }
        // Only now does the broker keep for us what vehicles publish: ready means that.
        if heldBy != nil {
            hold.leave()
            // A retained message that was ignored must not be taken for one that was had before.
            if configuration.connection.protocolVersion == 5 { subscriptions.confirm() }
            return
        }
        report.up(isResumed: isResumed)
        subscriptions.confirm()
    }

    func received(_ message: borrowing MQTTMessage) {
        guard heldBy == nil else { return hold.ignore() }
        let topic = unsafe receiver.topic(message.topicBytes)
        let isKnown = message.isRetained && subscriptions.hadRetained(topic)
        receiver.receive(message, topic, isKnown: isKnown, at: now)
    }

    func published(packetID: UInt16, reason: Int) {}

    func ended(_ error: MQTTError) { ending = ending ?? error }
}
