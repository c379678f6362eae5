// SPDX-License-Identifier: Apache-2.0
// A network that fails on command: a TCP proxy on loopback. One thread serves all connections; bytes
// that wait are held here, so a slow side slows nobody but itself.
import Foundation
import Glibc
import Synchronization

@testable import DepotTesting
@testable import Gateway

/// Passes TCP connections on to a port, until it is told to cut, refuse or swallow.
final class FaultProxy: Sendable {
    /// What happens to bytes.
    enum Mode: Sendable {
        case pass
        /// What the client sends goes nowhere; what the server sends arrives.
        case swallowUpstream
        /// New connections are closed at once.
        case refuse
        /// A reset follows the server's first bytes: with TLS, in the middle of the handshake.
        case resetAfterAnswer
        /// Like `pass`, but each connection may send only so many bytes upstream in ten milliseconds.
        case slow(bytes: Int)
    }

    fileprivate struct State {
        var mode = Mode.pass
        /// The cut that was asked for and has not been made.
        var isCutting = false
        var swallowed = 0
        var accepted = 0
        /// Connections that were ended after the server's first bytes.
        var resets = 0
        var isStopped = false
    }

    let port: Int
    private let upstreamPort: Int
    private let listener: Int32
    private let state = Mutex(State())
    private let isDone = Atomic<Bool>(false)

    init(to upstreamPort: Int) throws {
        self.upstreamPort = upstreamPort
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopbackAddress(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(descriptor, address, length) == 0
                    && listen(descriptor, 64) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        guard isBound else { throw DepotError(description: "the proxy can't listen") }
        port = Int(UInt16(bigEndian: address.sin_port))
        let thread = Thread { [self] in
            FaultProxyLoop(listener: listener, upstreamPort: upstreamPort).run(self)
            isDone.store(true, ordering: .releasing)
        }
        thread.name = "proxy"
        thread.start()
    }

    deinit { stop() }

    /// Holds for every byte that is read after it was set.
    var mode: Mode {
        get { state.withLock { $0.mode } }
        set { state.withLock { $0.mode = newValue } }
    }

    /// Bytes that went nowhere.
    var swallowed: Int { state.withLock { $0.swallowed } }
    /// Connections that were reset after the server's first bytes.
    var resets: Int { state.withLock { $0.resets } }
    /// Connections so far.
    var accepted: Int { state.withLock { $0.accepted } }

    /// Ends all connections with a reset: what is under way is lost.
    ///
    /// - Parameter next: the mode for the connections that come after. No byte of those that end is
    ///   treated by it.
    func cut(then next: Mode) {
        state.withLock {
            $0.isCutting = true
            $0.mode = next
        }
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        while !isDone.load(ordering: .acquiring) { ChildProcess.pause(0.005) }
    }

    /// One step of the thread, which no change of the mode can interrupt.
    fileprivate func withState(_ step: (inout State) -> Void) { state.withLock { step(&$0) } }
}

/// The proxy's thread.
private final class FaultProxyLoop {
    private static let bufferMax = 1 << 20
    private static let tickMilliseconds: Int32 = 5

    private struct Connection {
        var client: Int32
        var server: Int32
        var upstream: [UInt8] = []
        var downstream: [UInt8] = []
        /// What may still be sent upstream in this slice of time.
        var allowance = 0
        /// A side has closed.
        var isOver = false
        /// To be ended with a reset.
        var isCut = false
    }

    private let listener: Int32
    private let upstreamPort: Int
    private var connections: [Connection] = []
    private var sliceStarted: UInt64 = 0
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    init(listener: Int32, upstreamPort: Int) {
        self.listener = listener
        self.upstreamPort = upstreamPort
        _ = fcntl(listener, F_SETFL, O_NONBLOCK)
    }

    func run(_ proxy: FaultProxy) {
        var isStopped = false
        while !isStopped {
            wait()
            proxy.withState { state in
                if state.isCutting {
                    for connection in connections { Self.reset(connection) }
                    connections.removeAll()
                    state.isCutting = false
                }
                refill(state.mode)
                accept(&state)
                for index in connections.indices { serve(index, &state) }
                isStopped = state.isStopped
            }
            for connection in connections {
                if connection.isCut {
                    Self.reset(connection)
                } else if connection.isOver {
                    close(connection.client)
                    close(connection.server)
                }
            }
            connections.removeAll { $0.isOver || $0.isCut }
        }
        for connection in connections { Self.reset(connection) }
        close(listener)
    }

    private func refill(_ mode: FaultProxy.Mode) {
        let now = WallClock.monotonicNanoseconds()
        guard now - sliceStarted >= 10_000_000 else { return }
        sliceStarted = now
        for index in connections.indices {
            if case .slow(let bytes) = mode {
                connections[index].allowance = bytes
            } else {
                connections[index].allowance = .max
            }
        }
    }

    private func wait() {
        var descriptors = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
        for connection in connections {
            let canTake = connection.upstream.count < Self.bufferMax
            descriptors.append(
                pollfd(
                    fd: connection.client,
                    events: (canTake ? Int16(POLLIN) : 0)
                        | (connection.downstream.isEmpty ? 0 : Int16(POLLOUT)),
                    revents: 0
                )
            )
            let canSend = !connection.upstream.isEmpty && connection.allowance > 0
            descriptors.append(
                pollfd(
                    fd: connection.server,
                    events: (connection.downstream.count < Self.bufferMax ? Int16(POLLIN) : 0)
                        | (canSend ? Int16(POLLOUT) : 0),
                    revents: 0
                )
            )
        }
        _ = unsafe poll(&descriptors, UInt(descriptors.count), Self.tickMilliseconds)
    }

    private func accept(_ state: inout FaultProxy.State) {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { return }
            if case .refuse = state.mode {
                close(client)
                continue
            }
            guard let server = dial(upstreamPort) else {
                close(client)
                continue
            }
            var on: Int32 = 1
            for descriptor in [client, server] {
                _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
                _ = unsafe setsockopt(
                    descriptor,
                    Int32(IPPROTO_TCP),
                    TCP_NODELAY,
                    &on,
                    socklen_t(MemoryLayout<Int32>.size)
                )
            }
            state.accepted += 1
            connections.append(Connection(client: client, server: server, allowance: 4_096))
        }
    }

    private func serve(_ index: Int, _ state: inout FaultProxy.State) {
        let isClientOver = take(connections[index].client, into: &connections[index].upstream)
        if case .swallowUpstream = state.mode {
            state.swallowed += connections[index].upstream.count
            connections[index].upstream.removeAll()
        }
        let isServerOver = take(connections[index].server, into: &connections[index].downstream)
        let limit = connections[index].allowance
        let sent = give(connections[index].server, &connections[index].upstream, limit)
        connections[index].allowance -= min(sent, connections[index].allowance)
        let answered = give(connections[index].client, &connections[index].downstream, .max)
        if answered > 0, case .resetAfterAnswer = state.mode {
            state.resets += 1
            connections[index].isCut = true
        }
        // What could not be passed on at once when a side closes is lost, as on a real network.
        if isClientOver || isServerOver { connections[index].isOver = true }
    }

    private func dial(_ port: Int) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopbackAddress(port: port)
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe connect(descriptor, address, length)
            }
        }
        if result == 0 { return descriptor }
        close(descriptor)
        return nil
    }

    /// Reads what is there; true when the other side has closed.
    private func take(_ descriptor: Int32, into bytes: inout [UInt8]) -> Bool {
        while bytes.count < Self.bufferMax {
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            if count > 0 {
                bytes += buffer[..<count]
                continue
            }
            return count == 0 || (errno != EAGAIN && errno != EINTR)
        }
        return false
    }

    private func give(_ descriptor: Int32, _ bytes: inout [UInt8], _ limit: Int) -> Int {
        let wanted = min(bytes.count, limit)
        guard wanted > 0 else { return 0 }
        let count = unsafe Glibc.send(descriptor, bytes, wanted, Int32(MSG_NOSIGNAL))
        guard count > 0 else { return 0 }
        bytes.removeFirst(count)
        return count
    }

    /// Closes both sides with a reset, so that nothing that waits arrives.
    private static func reset(_ connection: Connection) {
        for descriptor in [connection.client, connection.server] {
            var hard = linger(l_onoff: 1, l_linger: 0)
            _ = unsafe setsockopt(
                descriptor,
                SOL_SOCKET,
                SO_LINGER,
                &hard,
                socklen_t(MemoryLayout<linger>.size)
            )
            close(descriptor)
        }
    }
}

/// An IPv4 address of the loopback interface.
func loopbackAddress(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}
