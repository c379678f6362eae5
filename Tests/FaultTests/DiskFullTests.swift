// SPDX-License-Identifier: Apache-2.0
// Goal: a full disk stops intake and nothing else; when there is room again, everything that the
// broker holds for us is taken in, once.
// Method: the data directory is a small tmpfs that a filler file nearly fills.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension FaultSuites {
    @Suite(.serialized) struct DiskFullTests {
        @Test(
            "a full disk is told, acknowledges nothing and loses nothing",
            .enabled(
                if: SmallDisk.canMount,
                "mounting a tmpfs needs root: the disk-full test is skipped"
            )
        )
        func fullDiskLosesNothing() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let disk = try SmallDisk(at: depot.dataDirectory, mebibytes: 32)
            defer { disk.unmount(endingFirst: depot) }
            try disk.fill(mebibytes: 26)
            try depot.configure()
            try await depot.runGateway()
            let publisher = NumberedPublisher(
                depot.fleet,
                vehicles: (1...10).map { "car-\($0)" },
                messagesPerSecond: 2_000
            )
            var health = ""
            try await until(
                "the gateway says that the disk is full",
                seconds: 60,
                explain: { depot.explanation }
            ) {
                // The log is tried again and again, so the next report may be another one.
                health = depot.health
                return depot.readiness == 503 && health.contains("the disk is full")
            }
            let log = parseJSON(health)["log"] as? [String: String]
            #expect(log?["status"] == "down")
            #expect(log?["reason"]?.contains("free space") == true)
            try await until("the gateway's log says so too") {
                depot.logText.contains("CRIT") && depot.logText.contains("log not writable")
            }
            #expect(depot.metrics.count("gateway_intake_commit_failures_total") >= 1)
            // The broker goes on taking messages, which wait there; the gateway lives.
            let acknowledged = publisher.sent.acknowledgedCount
            try await until("vehicles publish on") {
                publisher.sent.acknowledgedCount > acknowledged + 1_000
            }
            #expect(depot.gateway?.isRunning == true)
            #expect(LocalDepot.httpStatus(port: depot.httpPort, path: "/healthz") == 200)
            #expect(try depot.extent("raw").next - 1 < publisher.sent.acknowledgedCount)
            // Before there is room: what comes while the gateway waits with its next attempt could fill
            // the disk again.
            try await offPool { publisher.close() }
            try disk.free()
            try await until(
                "the log is writable again",
                seconds: 60,
                explain: { depot.explanation }
            ) {
                depot.readiness == 200
            }
            let account = try await depot.settledAccount(of: publisher.sent)
            print("disk: acked=\(publisher.sent.acknowledgedCount) \(account)")
            #expect(account == Account())
            #expect(depot.logText.contains("log writable again"))
        }

        // Readiness must not wait for a message: nobody may send one to a gateway that is not ready.
        @Test(
            "with room again the gateway is ready again, although nobody sends anything",
            .enabled(
                if: SmallDisk.canMount,
                "mounting a tmpfs needs root: the disk-full test is skipped"
            )
        )
        func readinessReturnsByItself() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let disk = try SmallDisk(at: depot.dataDirectory, mebibytes: 32)
            defer { disk.unmount(endingFirst: depot) }
            try disk.fill(mebibytes: 26)
            // Unprotected messages don't come again, so after the failure there is silence.
            try depot.configure(
                GatewayFile(sources: [GatewayFile.source(lines: ["qos: 0"])], sinks: [])
            )
            try await depot.runGateway()
            let publisher = NumberedPublisher(
                depot.fleet,
                vehicles: ["car-1"],
                messagesPerSecond: 3_000
            )
            try await until(
                "the gateway says that the disk is full",
                seconds: 60,
                explain: { depot.explanation }
            ) {
                depot.readiness == 503 && depot.health.contains("the disk is full")
            }
            try await offPool { publisher.close() }
            try disk.free()
            try await until("it is ready", seconds: 60) { depot.readiness == 200 }
        }
    }
}

/// A tmpfs of a given size.
private struct SmallDisk {
    private let path: String
    private var filler: String { path + "/filler" }

    static let canMount: Bool = {
        let path = NSTemporaryDirectory() + "/gateway-mount-\(UInt32.random(in: .min ... .max))"
        guard let disk = try? SmallDisk(at: path, mebibytes: 1) else { return false }
        disk.unmount(endingFirst: nil)
        return (try? FileManager.default.removeItem(atPath: path)) != nil
    }()

    init(at path: String, mebibytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let mount = try ChildProcess(
            "/usr/bin/env",
            ["mount", "-t", "tmpfs", "-o", "size=\(mebibytes)m,mode=0750", "tmpfs", path],
            output: "/dev/null"
        )
        guard mount.wait() == 0 else { throw DepotError(description: "no tmpfs at \(path)") }
    }

    func fill(mebibytes: Int) throws {
        try Data(count: mebibytes << 20).write(to: URL(fileURLWithPath: filler))
    }

    func free() throws {
        try FileManager.default.removeItem(atPath: filler)
    }

    func unmount(endingFirst depot: LocalDepot?) {
        depot?.endGateway()
        _ = try? ChildProcess("/usr/bin/env", ["umount", path], output: "/dev/null").wait()
    }
}
