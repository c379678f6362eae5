// SPDX-License-Identifier: Apache-2.0
// The only place where Swift meets libmosquitto. A client is one connection: it is made, connected,
// used and thrown away; a reconnect is a new client, so nothing half-sent survives by accident.
import Foundation
import MQTTShim

/// Hears what happens on a connection, on the thread that reads or writes it.
protocol MQTTClientDelegate: AnyObject {
    /// The broker has taken us in.
    func connected(isSessionPresent: Bool)
    /// A PUBLISH; the message is valid until this returns.
    func received(_ message: borrowing MQTTMessage)
    /// A PUBACK; reasons from 0x80 up are refusals.
    func published(packetID: UInt16, reason: Int)
    /// A SUBACK; values from 0x80 up are refusals.
    func subscribed(granted: [Int])
    /// The connection is over; of several words about it the first is the best.
    func ended(_ error: MQTTError)
}

/// A PUBLISH as it lies in libmosquitto's memory.
@safe struct MQTTMessage: ~Copyable {
    private let pointer: UnsafePointer<mqtt_shim_message>

    fileprivate init(_ pointer: UnsafePointer<mqtt_shim_message>) {
        unsafe self.pointer = pointer
    }

    var qos: UInt8 { unsafe pointer.pointee.qos }
    var packetID: UInt16 { unsafe pointer.pointee.packet_id }
    var isRetained: Bool { unsafe pointer.pointee.retain }
    /// The DUP flag; `nil` when it was not watched.
    var isDuplicate: Bool? {
        let flag = unsafe pointer.pointee.duplicate
        return flag < 0 ? nil : flag == 1
    }
    /// Tells messages apart by topic and payload, the same in every run.
    var digest: UInt64 { unsafe mqtt_shim_digest(pointer) }
    var topicBytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(
            start: pointer.pointee.topic,
            count: pointer.pointee.topic_length
        )
    }
    var payload: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(
            start: pointer.pointee.payload,
            count: pointer.pointee.payload_length
        )
    }
}

/// What a client error means for the one who has to act.
struct MQTTError: Error, Equatable, CustomStringConvertible {
    var message: String
    /// The broker knows us and says no: trying again soon won't help.
    var isRefusal = false

    var description: String { message }
}

/// What one connection is made of.
struct MQTTClientOptions: Sendable {
    var connection: MQTTConnectionConfiguration
    var cleanStart: Bool
    var sessionExpirySeconds: UInt32 = 0
    var receiveMaximum = 1_000
    var sendMaximum = 1_000
    var watchesDuplicates = false
}

/// One connection to a broker; used by one thread at a time.
@safe final class MQTTClient {
    private let client: OpaquePointer
    private let host: String
    private let port: Int
    /// The last thing libmosquitto or OpenSSL complained about.
    private(set) var complaint: String?
    weak var delegate: (any MQTTClientDelegate)?

    private static let libraryIsStarted = mqtt_shim_library_start() == 0

    init(_ options: MQTTClientOptions) throws(MQTTError) {
        precondition(Self.libraryIsStarted, "libmosquitto can't start")
        host = options.connection.host
        port = options.connection.port
        let context = Context()
        self.context = context
        let contextPointer = unsafe Unmanaged.passUnretained(context).toOpaque()
        var client: OpaquePointer?
        var callbacks = Self.callbacks
        let result = unsafe options.withShimOptions { shimOptions in
            unsafe mqtt_shim_create(shimOptions, &callbacks, contextPointer, &client)
        }
        guard result == 0, let client = unsafe client else {
            throw MQTTError(message: unsafe String(cString: mqtt_shim_error_text(result)))
        }
        unsafe self.client = client
        context.client = self
        if options.watchesDuplicates { watchDuplicates(true) }
    }

    deinit {
        unsafe mqtt_shim_destroy(client)
    }

    /// What the callbacks know; outlives the C object, which `deinit` destroys first.
    private final class Context {
        weak var client: MQTTClient?
    }

    private let context: Context

    // Life.

    /// Connects; blocks while TCP does.
    ///
    /// CONNACK comes later, to the delegate.
    func connect() throws(MQTTError) {
        let result = unsafe mqtt_shim_connect(client, host, Int32(port))
        guard result == 0 else { throw error(result, doing: "connect to \(host):\(port)") }
    }

    /// The socket to poll; -1 when there is no connection.
    var socket: Int32 { unsafe mqtt_shim_socket(client) }

    /// Says goodbye: what is queued leaves first.
    func disconnect() { unsafe mqtt_shim_disconnect(client) }

    /// Ends the connection at once: nothing that is queued leaves.
    func abort() { unsafe mqtt_shim_abort(client) }

    // Reading and writing.

    /// Reads what one call of libmosquitto reads; false when there is nothing more to read.
    func read() throws(MQTTError) -> Bool {
        let result = unsafe mqtt_shim_read(client)
        guard result >= 0 else { throw error(result, doing: "read") }
        return result == 1
    }

    /// Lets every queued packet leave; false when the socket is full and must be polled.
    func write() throws(MQTTError) -> Bool {
        let result = unsafe mqtt_shim_write(client)
        guard result >= 0 else { throw error(result, doing: "write") }
        return result == 0
    }

    /// Whether there is something to write and TLS is ready for it.
    var wantsWrite: Bool { unsafe mqtt_shim_wants_write(client) }

    /// Keeps the connection alive; call it about once a second, then write.
    func tick() throws(MQTTError) {
        let result = unsafe mqtt_shim_tick(client)
        guard result == 0 else { throw error(result, doing: "keep alive") }
    }

    func subscribe(_ filters: [String], qos: Int) throws(MQTTError) {
        let result = unsafe withCStrings(filters) { start, count in
            unsafe mqtt_shim_subscribe(client, start, count, Int32(qos))
        }
        guard result == 0 else { throw error(result, doing: "subscribe") }
    }

    func unsubscribe(_ filters: [String]) throws(MQTTError) {
        let result = unsafe withCStrings(filters) { start, count in
            unsafe mqtt_shim_unsubscribe(client, start, count)
        }
        guard result == 0 else { throw error(result, doing: "unsubscribe") }
    }

    /// Queues a PUBLISH and gives its packet id.
    func publish(
        topic: String,
        payload: [UInt8],
        qos: Int,
        isRetained: Bool = false,
        properties: MQTTUserProperties? = nil
    ) throws(MQTTError) -> UInt16 {
        var packetID: UInt16 = 0
        let result = unsafe payload.withUnsafeBytes { bytes in
            unsafe mqtt_shim_publish(
                client,
                topic,
                bytes.baseAddress,
                bytes.count,
                Int32(qos),
                isRetained,
                properties?.list,
                Int32(properties?.count ?? 0),
                &packetID
            )
        }
        guard result == 0 else { throw error(result, doing: "publish to \(topic)") }
        return packetID
    }

    /// While on, messages carry their DUP flag.
    func watchDuplicates(_ isOn: Bool) { unsafe mqtt_shim_watch_duplicates(client, isOn) }

    // What went wrong, in words.

    private func error(_ code: Int32, doing what: String) -> MQTTError {
        explained("can't \(what): \(unsafe String(cString: mqtt_shim_error_text(code)))")
    }

    /// A broker that doesn't like our certificate says so in a TLS alert, which only the log tells;
    /// with TLS 1.3 it comes after the handshake, in place of CONNACK (RFC 8446, section 4.4.2.4).
    private func explained(_ text: String) -> MQTTError {
        guard let complaint else { return MQTTError(message: text) }
        let isRefusal =
            complaint.contains("alert")
            && (complaint.contains("certificate")
                || complaint.contains("unknown ca") || complaint.contains("access denied"))
        return isRefusal
            ? MQTTError(
                message: "the broker refuses our certificate: \(complaint)",
                isRefusal: true
            ) : MQTTError(message: "\(text) (\(complaint))")
    }

    private func refusal(_ reason: Int) -> MQTTError {
        // 3.1.1 return codes are small numbers (section 3.2.2.3); MQTT 5 reasons start at 0x80.
        let text =
            switch reason {
            case 1: "unacceptable protocol version"
            case 2: "client id rejected"
            case 3: "server unavailable"
            case 4: "bad user name or password"
            case 5: "not authorized"
            default: Self.reasonText(reason)
            }
        // The others say: not now.
        let isRefusal = [1, 2, 4, 5, 0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x95].contains(reason)
        return MQTTError(
            message: "the broker refuses the connection: \(text)",
            isRefusal: isRefusal
        )
    }

    /// What ended a connection: the reason of a DISCONNECT, or an error code of libmosquitto's own.
    private func end(_ reason: Int) -> MQTTError {
        guard reason < 0x80 else {
            return MQTTError(
                message: "the broker has ended the connection: \(Self.reasonText(reason))"
            )
        }
        let text = unsafe String(cString: mqtt_shim_error_text(-Int32(reason)))
        return explained("the connection has ended: \(text)")
    }

    /// A reason of MQTT 5 in words (section 2.4).
    static func reasonText(_ reason: Int) -> String {
        unsafe String(cString: mqtt_shim_reason_text(Int32(reason)))
    }

    // Callbacks of the shim.

    private static var callbacks: mqtt_shim_callbacks {
        unsafe mqtt_shim_callbacks(
            connected: { context, reason, isPresent, _ in
                guard let client = unsafe MQTTClient.client(context) else { return }
                if reason == 0 {
                    client.delegate?.connected(isSessionPresent: isPresent)
                } else {
                    client.delegate?.ended(client.refusal(Int(reason)))
                }
            },
            received: { context, message in
                unsafe MQTTClient.client(context)?.delegate?.received(MQTTMessage(message))
            },
            published: { context, packetID, reason in
                unsafe MQTTClient.client(context)?.delegate?
                    .published(packetID: packetID, reason: Int(reason))
            },
            subscribed: { context, count, granted in
                let values = unsafe UnsafeBufferPointer(start: granted, count: Int(count))
                unsafe MQTTClient.client(context)?.delegate?
                    .subscribed(granted: values.map { Int($0) })
            },
            disconnected: { context, reason in
                guard let client = unsafe MQTTClient.client(context) else { return }
                client.delegate?.ended(client.end(Int(reason)))
            },
            logged: { context, text in
                unsafe MQTTClient.client(context)?.complaint = unsafe String(cString: text)
            }
        )
    }

    private static func client(_ context: UnsafeMutableRawPointer) -> MQTTClient? {
        unsafe Unmanaged<Context>.fromOpaque(context).takeUnretainedValue().client
    }
}

extension MQTTClientOptions {
    /// Lends the options in C's form.
    fileprivate func withShimOptions<Result>(
        _ body: (UnsafePointer<mqtt_shim_options>) -> Result
    ) -> Result {
        var allocated: [UnsafeMutablePointer<CChar>] = unsafe []
        func copy(_ text: String) -> UnsafeMutablePointer<CChar> {
            let copy = unsafe copyCString(text)
            unsafe allocated.append(copy)
            return unsafe copy
        }
        defer {
            for index in unsafe allocated.indices { unsafe free(allocated[index]) }
        }
        var options = unsafe mqtt_shim_options(
            client_id: UnsafePointer(copy(connection.clientID)),
            protocol_version: Int32(connection.protocolVersion),
            clean_start: cleanStart,
            session_expiry_seconds: sessionExpirySeconds,
            receive_maximum: UInt16(clamping: receiveMaximum),
            send_maximum: UInt16(clamping: sendMaximum),
            keep_alive_seconds: Int32(connection.keepAliveSeconds),
            username: connection.username.map { unsafe UnsafePointer(copy($0)) },
            password: connection.password.map { unsafe UnsafePointer(copy($0.reveal())) },
            tls: connection.usesTLS,
            ca_file: connection.caFile.map { unsafe UnsafePointer(copy($0)) },
            certificate_file: connection.certificateFile.map { unsafe UnsafePointer(copy($0)) },
            key_file: connection.keyFile.map { unsafe UnsafePointer(copy($0)) }
        )
        return unsafe body(&options)
    }
}

/// Lends strings, of which there is at least one, in C's form.
private func withCStrings<Result>(
    _ strings: [String],
    _ body: (UnsafePointer<UnsafePointer<CChar>>, Int32) -> Result
) -> Result {
    let copies = unsafe strings.map { unsafe UnsafePointer(copyCString($0)) }
    defer {
        for index in unsafe copies.indices {
            unsafe free(UnsafeMutablePointer(mutating: copies[index]))
        }
    }
    return unsafe copies.withUnsafeBufferPointer { buffer in
        guard let start = buffer.baseAddress else { preconditionFailure("a list of nothing") }
        return unsafe body(start, Int32(buffer.count))
    }
}
