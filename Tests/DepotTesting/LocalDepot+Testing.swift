// SPDX-License-Identifier: Apache-2.0
// A depot on loopback with the built gateway in it, and a look at it from outside.
import Foundation

@testable import Gateway

/// Where the package is, and the program under test in it.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    static let gateway = root + "/.build/debug/gateway"
}

extension LocalDepot {
    /// A depot whose gateway is the one that was just built.
    static func test(vehicles: [String] = ["car-1"]) throws -> LocalDepot {
        try LocalDepot(assets: Repository.root, vehicles: vehicles, program: Repository.gateway)
    }

    /// Starts the gateway and waits, without holding a thread, until it says that it is ready.
    func runGateway(wrapper: [String] = []) async throws {
        try startGateway(waitsUntilReady: false, wrapper: wrapper)
        try await waitUntilReady()
    }

    func waitUntilReady(seconds: Double = 60) async throws {
        try await until("the gateway is ready", seconds: seconds, explain: { self.explanation }) {
            if let gateway, !gateway.isRunning {
                throw DepotError(description: "the gateway has ended \(explanation)")
            }
            return readiness == 200
        }
    }

    var readiness: Int? { Self.httpStatus(port: httpPort, path: "/readyz") }

    /// The body of `/readyz`.
    var health: String { body("/readyz") }

    var metrics: MetricsPage { MetricsPage(body("/metrics")) }

    func body(_ path: String) -> String {
        let answer = Self.httpGet(port: httpPort, path: path) ?? ""
        guard let end = answer.firstRange(of: "\r\n\r\n") else { return "" }
        return String(answer[end.upperBound...])
    }

    var logText: String { (try? String(contentsOfFile: gatewayLog, encoding: .utf8)) ?? "" }

    /// How often the gateway's log says something.
    func logCount(_ text: String) -> Int {
        logText.split(separator: "\n").count { $0.contains(text) }
    }

    /// What to show when a wait was in vain.
    var explanation: String { "\n\(health)\n\(logText.suffix(3_000))" }

    /// Ends the gateway in order and gives its exit code.
    @discardableResult
    func endGateway() -> Int32? {
        let code = gateway?.terminate(within: 30)
        stopGateway()
        return code
    }

    /// Runs a gateway command to its end.
    func run(_ arguments: [String]) throws -> (code: Int32, output: String) {
        let output = folder + "/command-\(UInt32.random(in: .min ... .max)).log"
        let code = try ChildProcess(program, arguments, output: output).wait()
        return (code, (try? String(contentsOfFile: output, encoding: .utf8)) ?? "")
    }

    /// Connects with a vehicle's own certificate.
    func vehicle(_ id: String) -> MQTTConnectionConfiguration {
        connection("vehicles/\(id)", clientID: id, port: vehiclePort)
    }

    /// The simulator, which may speak for every vehicle.
    var fleet: MQTTConnectionConfiguration {
        connection("fleet", clientID: "test-fleet-\(UInt32.random(in: .min ... .max))")
    }

    /// Publishes with QoS 1 and waits until the broker has acknowledged everything.
    func publish(
        _ messages: [TestMessage],
        as connection: MQTTConnectionConfiguration? = nil
    ) throws {
        let publisher = try Publisher(connection ?? fleet)
        defer { publisher.close() }
        for (number, message) in messages.enumerated() {
            while !publisher.hasRoom { try publisher.pump(milliseconds: 10) }
            try publisher.publish(
                topic: message.topic,
                payload: message.payload,
                number: number
            )
        }
        guard try publisher.drain(seconds: 20) else {
            throw DepotError(description: "the broker did not acknowledge everything")
        }
    }
}
