// SPDX-License-Identifier: Apache-2.0
// Reads what `strace -f -yy` wrote and judges one promise by it: no PUBACK leaves before the WAL that
// holds its message is on disk.
import Foundation

/// One finished system call.
struct SystemCall {
    var thread: Int
    var name: String
    /// What the descriptor is: a file's path, or both ends of a connection.
    var descriptor: String
    /// What was read or written.
    var bytes: [UInt8]
    var result: Int

    var isRead: Bool { ["read", "recvfrom", "recvmsg"].contains(name) }
    var isWrite: Bool { ["write", "sendto", "sendmsg"].contains(name) }
    var isWALWrite: Bool { name == "pwrite64" && descriptor.hasSuffix("/gateway.db-wal") }
    var isWALSync: Bool {
        (name == "fdatasync" || name == "fsync") && descriptor.hasSuffix("/gateway.db-wal")
            && result == 0
    }

    func isTo(port: Int) -> Bool { descriptor.hasSuffix(":\(port)]") }
}

/// A trace, call by call, in the order in which calls were finished.
struct SystemCallTrace {
    private(set) var calls: [SystemCall] = []

    init(_ text: String) {
        var unfinished: [Int: Substring] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
            guard words.count == 2, let thread = Int(words[0]) else { continue }
            var rest = words[1].drop { $0 == " " }
            if rest.hasSuffix("<unfinished ...>") {
                unfinished[thread] = rest.dropLast("<unfinished ...>".count)
                continue
            }
            if rest.hasPrefix("<... "), let end = rest.firstRange(of: "resumed>") {
                guard let start = unfinished.removeValue(forKey: thread) else { continue }
                rest = Substring(start + rest[end.upperBound...])
            }
            if let call = Self.call(rest, thread) { calls.append(call) }
        }
    }

    /// Reads a call such as `read(12<TCP:[127.0.0.1:4000->127.0.0.1:8884]>, "0\7\0\1x", 8192) = 7`.
    private static func call(_ line: Substring, _ thread: Int) -> SystemCall? {
        guard let open = line.firstIndex(of: "("), let equals = line.lastRange(of: " = "),
            let result = Int(line[equals.upperBound...].prefix { $0 == "-" || $0.isNumber })
        else { return nil }
        let arguments = line[line.index(after: open)..<equals.lowerBound]
        return SystemCall(
            thread: thread,
            name: String(line[..<open]),
            descriptor: descriptor(arguments),
            bytes: quoted(arguments),
            result: result
        )
    }

    /// What stands between the first `<` and its `>`; an arrow's head does not end it.
    private static func descriptor(_ arguments: Substring) -> String {
        guard let start = arguments.firstIndex(of: "<") else { return "" }
        var previous: Character = " "
        let name = arguments[arguments.index(after: start)...]
            .prefix { character in
                defer { previous = character }
                return character != ">" || previous == "-"
            }
        return String(name)
    }

    /// The bytes of the first quoted string, without its escapes.
    private static func quoted(_ arguments: Substring) -> [UInt8] {
        guard let start = arguments.firstIndex(of: "\"") else { return [] }
        var rest = arguments[arguments.index(after: start)...].utf8[...]
        var bytes: [UInt8] = []
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            bytes.append(byte == UInt8(ascii: "\\") ? escaped(&rest) : byte)
        }
        return bytes
    }

    /// The byte behind a backslash: `\n`, `\x1b`, or one to three octal digits.
    private static func escaped(_ rest: inout Substring.UTF8View.SubSequence) -> UInt8 {
        let names: [UInt8: UInt8] = [
            UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13,
            UInt8(ascii: "v"): 11, UInt8(ascii: "f"): 12,
        ]
        guard let first = rest.popFirst() else { return 0 }
        if first == UInt8(ascii: "x") {
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            rest = rest.dropFirst(2)
            return UInt8(digits, radix: 16) ?? 0
        }
        guard (48...55).contains(first) else { return names[first] ?? first }
        var value = Int(first - 48)
        for _ in 0..<2 {
            guard let digit = rest.first, (48...55).contains(digit) else { break }
            value = value * 8 + Int(digit - 48)
            rest = rest.dropFirst()
        }
        return UInt8(truncatingIfNeeded: value)
    }

    /// The intake loop's thread: it alone reads from the broker and makes the WAL durable.
    func intakeThread(port: Int) -> Int? {
        let readers = Set(calls.filter { $0.isRead && $0.isTo(port: port) }.map(\.thread))
        return calls.first { $0.isWALSync && readers.contains($0.thread) }?.thread
    }
}

/// How often the promise was at stake, and how often it was broken.
struct DurabilityVerdict: Equatable {
    var messages = 0
    var acknowledgements = 0
    /// Writes to the broker that were looked at.
    var writes = 0
    var syncs = 0
    var violations = 0

    var line: String {
        "messages=\(messages) pubacks=\(acknowledgements) writes=\(writes) fdatasyncs=\(syncs) "
            + "violations=\(violations)"
    }
}

extension SystemCallTrace {
    /// TLS hides what is what, but once the session is up the broker sends PUBLISH and we send PUBACK
    /// and nothing else: every write must have a sync between it and the last bytes read.
    ///
    /// libmosquitto makes one TLS record of each packet, so acknowledgements can still be counted.
    func judgeTLS(port: Int, from mark: String) -> DurabilityVerdict {
        var verdict = DurabilityVerdict()
        let thread = intakeThread(port: port)
        var isMarked = false
        var progress = Durability.durable
        var written: [UInt8] = []
        for call in calls {
            if !isMarked { isMarked = call.bytes.firstRange(of: Array(mark.utf8)) != nil }
            guard isMarked, call.thread == thread else { continue }
            progress.advance(
                call,
                isMessage: call.isRead && call.isTo(port: port) && call.result > 0
            )
            if call.isWALSync { verdict.syncs += 1 }
            guard call.isWrite, call.isTo(port: port), call.result > 0 else { continue }
            verdict.writes += 1
            if progress != .durable { verdict.violations += 1 }
            written += call.bytes.prefix(call.result)
        }
        verdict.acknowledgements = Self.recordCount(written)
        verdict.messages = verdict.acknowledgements
        return verdict
    }

    /// Without TLS every PUBACK names its message: the sync must lie between the two.
    func judgePlain(port: Int) -> DurabilityVerdict {
        var verdict = DurabilityVerdict()
        let thread = intakeThread(port: port)
        var incoming = PacketStream()
        var outgoing = PacketStream()
        var open: [UInt16: Durability] = [:]
        for call in calls where call.thread == thread {
            if call.isTo(port: port), call.isRead, call.result > 0 {
                for id in incoming.publishIDs(call.bytes.prefix(call.result)) {
                    verdict.messages += 1
                    open[id] = .read
                }
            } else if call.isTo(port: port), call.isWrite, call.result > 0 {
                verdict.writes += 1
                for id in outgoing.acknowledgementIDs(call.bytes.prefix(call.result)) {
                    verdict.acknowledgements += 1
                    // An acknowledgement of nothing that was read is one too early as well.
                    if open.removeValue(forKey: id) != .durable { verdict.violations += 1 }
                }
            } else {
                if call.isWALSync { verdict.syncs += 1 }
                for id in open.keys { open[id]?.advance(call, isMessage: false) }
            }
        }
        return verdict
    }

    /// How many records of TLS 1.3 hold a packet of four bytes, as a PUBACK is.
    ///
    /// The content type and the tag make them 21 (RFC 8446, section 5.2). PINGREQ, DISCONNECT and
    /// alerts are shorter.
    private static func recordCount(_ bytes: [UInt8]) -> Int {
        var count = 0
        var rest = bytes[...]
        while rest.count >= 5 {
            let header = Array(rest.prefix(5))
            let length = Int(header[3]) << 8 + Int(header[4])
            if header[0] == 0x17, length == 4 + 1 + 16 { count += 1 }
            rest = rest.dropFirst(5 + length)
        }
        return count
    }
}

/// How far a message is on its way to the disk.
private enum Durability {
    case read
    case written
    case durable

    mutating func advance(_ call: SystemCall, isMessage: Bool) {
        if isMessage {
            self = .read
        } else if call.isWALWrite, self == .read {
            self = .written
        } else if call.isWALSync, self == .written {
            self = .durable
        }
    }
}

/// Puts MQTT packets together again from the pieces in which they were read or written.
private struct PacketStream {
    private var bytes: [UInt8] = []

    /// The packet ids of the QoS 1 messages that are now complete.
    mutating func publishIDs(_ more: some Sequence<UInt8>) -> [UInt16] {
        packets(more)
            .compactMap { type, body in
                guard type & 0xF0 == 0x30, type & 0x06 == 0x02, body.count >= 2 else { return nil }
                let topicBytes = Int(body[0]) << 8 | Int(body[1])
                guard body.count >= topicBytes + 4 else { return nil }
                return UInt16(body[topicBytes + 2]) << 8 | UInt16(body[topicBytes + 3])
            }
    }

    mutating func acknowledgementIDs(_ more: some Sequence<UInt8>) -> [UInt16] {
        packets(more)
            .compactMap { type, body in
                guard type == 0x40, body.count >= 2 else { return nil }
                return UInt16(body[0]) << 8 | UInt16(body[1])
            }
    }

    private mutating func packets(_ more: some Sequence<UInt8>) -> [(type: UInt8, body: [UInt8])] {
        bytes += more
        var found: [(type: UInt8, body: [UInt8])] = []
        while let (header, length) = Self.header(bytes), bytes.count >= header + length {
            found.append((bytes[0], Array(bytes[header..<header + length])))
            bytes.removeFirst(header + length)
        }
        return found
    }

    /// How long the fixed header and what follows it are (MQTT 5, section 2.1.4).
    private static func header(_ bytes: [UInt8]) -> (header: Int, length: Int)? {
        var length = 0
        for position in 1..<5 {
            guard position < bytes.count else { return nil }
            length |= Int(bytes[position] & 0x7F) << (7 * (position - 1))
            if bytes[position] & 0x80 == 0 { return (position + 1, length) }
        }
        return nil
    }
}

extension Substring {
    fileprivate func lastRange(of text: String) -> Range<Index>? { ranges(of: text).last }
}
