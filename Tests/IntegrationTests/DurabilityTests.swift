// SPDX-License-Identifier: Apache-2.0
// Goal: no PUBACK leaves before the transaction that holds its message is on disk.
// Method: the running gateway is traced with strace while a vehicle publishes. Of the intake thread
// we see what it reads from the broker, what it writes to the WAL, when the WAL is synced, and what
// it writes to the broker; the order of these four is the whole proof.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct DurabilityTests {
        private static let messages = 600

        @Test(
            "over TLS every PUBACK leaves after the fdatasync of its message",
            .enabled(if: Strace.canTrace, "strace is missing or may not trace here"),
            arguments: ["5", "3.1.1"]
        )
        func everyAcknowledgementFollowsTheSyncOverTLS(version: String) async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let source = GatewayFile.source(lines: ["protocol: \(version)", "keep_alive: 10m"])
            try depot.configure(GatewayFile(sources: [source]))
            let trace = try await traced(depot) {
                // A line in the trace that says: from here on, only messages.
                _ = depot.body("/session-is-up")
            }
            let verdict = trace.judgeTLS(port: depot.servicePort, from: "GET /session-is-up")
            print("durability: tls mqtt=\(version) \(verdict.line)")
            #expect(verdict.acknowledgements == Self.messages)
            #expect(verdict.syncs > 40)
            #expect(verdict.violations == 0)
        }

        @Test(
            "without TLS every PUBACK leaves after the fdatasync of its message",
            .enabled(if: Strace.canTrace, "strace is missing or may not trace here"),
            arguments: ["5", "3.1.1"]
        )
        func everyAcknowledgementFollowsTheSyncOnPlainTCP(version: String) async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let broker = try TestBroker("plain", in: depot)
            let source = GatewayFile.source(
                url: "mqtt://127.0.0.1:\(broker.port)",
                lines: ["protocol: \(version)"]
            )
            try depot.configure(GatewayFile(sources: [source]))
            let trace = try await traced(depot, publisher: broker.client("test-car")) {}
            let verdict = trace.judgePlain(port: broker.port)
            print("durability: tcp mqtt=\(version) \(verdict.line)")
            #expect(verdict.messages == Self.messages)
            #expect(verdict.acknowledgements == Self.messages)
            #expect(verdict.syncs > 40)
            #expect(verdict.violations == 0)
        }

        /// Runs the gateway under strace while a vehicle publishes, and gives what strace saw.
        private func traced(
            _ depot: LocalDepot,
            publisher connection: MQTTConnectionConfiguration? = nil,
            whenUp: () -> Void
        ) async throws -> SystemCallTrace {
            let file = depot.folder + "/strace.txt"
            try await depot.runGateway(wrapper: Strace.command(output: file))
            whenUp()
            let publisher = try Publisher(connection ?? depot.fleet)
            for number in 1...Self.messages {
                let message = TestMessage.state("car-\(number % 5)", number)
                try publisher.publish(
                    topic: message.topic,
                    payload: message.payload,
                    number: number
                )
                // Portions that wait for each other make many batches.
                guard number.isMultiple(of: 12) else { continue }
                #expect(try publisher.drain(seconds: 20))
                try await until("the portion is in the log", explain: { depot.explanation }) {
                    try depot.extent("raw").next > number
                }
            }
            #expect(try publisher.drain(seconds: 20))
            publisher.close()
            try await until("everything is in the log", explain: { depot.explanation }) {
                try depot.events("raw").count == Self.messages
            }
            try await Strace.end(depot)
            return SystemCallTrace(try String(contentsOfFile: file, encoding: .utf8))
        }
    }

    /// A proof is worth as much as its checker: here are traces that it must not let pass.
    @Suite struct DurabilityCheckerTests {
        private static let socket = "7<TCP:[127.0.0.1:50000->127.0.0.1:8883]>"
        private static let wal = "9</data/gateway.db-wal>"
        private static let up =
            #"8 read(5<TCP:[127.0.0.1:9->127.0.0.1:10]>, "GET /up HTTP", 99) = 12"#
        private static let read = #"8 read(\#(socket), "0\f\0\5t/car\0\1{}", 99) = 99"#
        private static let store = #"8 pwrite64(\#(wal), "…", 24, 0) = 24"#
        private static let sync = "8 fdatasync(\(wal)) = 0"
        // A TLS record with a packet of four bytes; without TLS, the PUBACK of packet 1.
        private static let record =
            #"8 write(\#(socket), "\27\3\3\0\25ABCDEFGHIJKLMNOPQRSTU", 26) = 26"#
        private static let publish = #"8 read(\#(socket), "2\f\0\5t/car\0\1{ }", 99) = 14"#
        private static let acknowledge = #"8 sendto(\#(socket), "@\2\0\1", 4, 0, NULL, 0) = 4"#

        private func tls(_ lines: [String]) -> DurabilityVerdict {
            SystemCallTrace(([Self.up] + lines).joined(separator: "\n"))
                .judgeTLS(port: 8_883, from: "GET /up")
        }

        private func plain(_ lines: [String]) -> DurabilityVerdict {
            SystemCallTrace(lines.joined(separator: "\n")).judgePlain(port: 8_883)
        }

        @Test func rightOrderHasNoViolation() {
            let verdict = tls([Self.read, Self.store, Self.sync, Self.record])
            #expect(verdict.acknowledgements == 1)
            #expect(verdict.violations == 0)
            let other = plain([Self.publish, Self.store, Self.sync, Self.acknowledge])
            #expect(other.messages == 1)
            #expect(other.acknowledgements == 1)
            #expect(other.violations == 0)
        }

        @Test func acknowledgementBeforeTheSyncIsAViolation() {
            #expect(tls([Self.read, Self.store, Self.record, Self.sync]).violations == 1)
            #expect(plain([Self.publish, Self.store, Self.acknowledge, Self.sync]).violations == 1)
        }

        @Test func syncOfTheBatchBeforeIsNotEnough() {
            let first = [Self.read, Self.store, Self.sync, Self.record]
            #expect(tls(first + [Self.read, Self.record]).violations == 1)
            let other = [Self.publish, Self.store, Self.sync, Self.acknowledge]
            #expect(plain(other + [Self.publish, Self.acknowledge]).violations == 1)
        }

        @Test func syncThatFailedOrWroteNothingIsNotEnough() {
            let failed = "8 fdatasync(\(Self.wal)) = -1 EIO (Input/output error)"
            #expect(tls([Self.sync, Self.read, Self.store, failed, Self.record]).violations == 1)
            #expect(tls([Self.read, Self.sync, Self.record]).violations == 1)
            let order = [Self.sync, Self.publish, Self.store, failed, Self.acknowledge]
            #expect(plain(order).violations == 1)
        }

        @Test func callsOfOtherThreadsAndInterruptedOnesAreToldApart() {
            let otherSync = Self.sync.replacing("8 fdatasync", with: "11 fdatasync")
            #expect(
                tls([Self.sync, Self.read, Self.store, otherSync, Self.record]).violations == 1
            )
            let halves = [
                "8 fdatasync(\(Self.wal) <unfinished ...>", otherSync,
                "8 <... fdatasync resumed>) = 0",
            ]
            let order = [Self.sync, Self.publish, Self.store] + halves + [Self.acknowledge]
            #expect(plain(order).violations == 0)
            #expect(plain(order).acknowledgements == 1)
        }

        @Test func acknowledgementOfWhatWasNotReadIsAViolation() {
            let other = Self.publish.replacing(#"\0\1{ }"#, with: #"\0\2{ }"#)
            #expect(plain([other, Self.store, Self.sync, Self.acknowledge]).violations == 1)
        }
    }
}

/// The gateway under strace.
private enum Strace {
    static let canTrace: Bool = {
        guard let program = try? LocalDepot.find("strace"),
            let child = try? ChildProcess(
                program,
                ["-f", "-yy", "-o", "/dev/null", "true"],
                output: "/dev/null"
            )
        else { return false }
        return child.wait() == 0
    }()

    static func command(output: String) -> [String] {
        let calls = "fdatasync,fsync,pwrite64,read,write,sendto,recvfrom,recvmsg,sendmsg"
        return [
            (try? LocalDepot.find("strace")) ?? "strace", "-f", "-yy", "--seccomp-bpf", "-s",
            "65536",
            "-o", output, "-e", "trace=\(calls)",
        ]
    }

    /// Ends the gateway itself; strace follows, with its file complete.
    static func end(_ depot: LocalDepot) async throws {
        let strace = try #require(depot.gateway)
        let path = "/proc/\(strace.identifier)/task/\(strace.identifier)/children"
        let child = try String(contentsOfFile: path, encoding: .utf8).split(separator: " ").first
        let gateway = try #require(child.flatMap { Int32($0) })
        _ = kill(gateway, SIGTERM)
        try await until("the traced gateway has ended") { !strace.isRunning }
        #expect(strace.wait() == 0)
    }
}
