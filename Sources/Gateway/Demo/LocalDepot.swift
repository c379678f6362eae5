// SPDX-License-Identifier: Apache-2.0
// A depot on this machine: certificates, a real mosquitto with mutual TLS and the shipped
// configuration, a gateway in a process of its own. The demo, the proofs and the benchmark stand
// in it; everything lives in one temporary folder and ends with it.
import Foundation

/// Why a local depot can't be set up.
struct DepotError: Error, CustomStringConvertible {
    var description: String
}

/// A broker and a gateway for as long as this lives.
final class LocalDepot {
    /// Where scripts, rules and sample configurations are.
    let assets: String
    let folder: String
    /// Vehicles connect here; their client id is their certificate's name.
    let vehiclePort: Int
    /// The gateway, operators and simulators connect here.
    let servicePort: Int
    let httpPort: Int
    private(set) var broker: ChildProcess?
    private(set) var gateway: ChildProcess?

    var certificates: String { folder + "/certs" }
    var dataDirectory: String { folder + "/data" }
    var configurationFile: String { folder + "/gateway.yaml" }
    var gatewayLog: String { folder + "/gateway.log" }

    /// The gateway's executable.
    let program: String

    init(
        assets: String,
        vehicles: [String] = ["car-0001"],
        program: String = LocalDepot.ownProgram
    ) throws {
        self.assets = assets
        self.program = program
        folder = NSTemporaryDirectory() + "/gateway-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        let ports = try Self.freePorts(3)
        (vehiclePort, servicePort, httpPort) = (ports[0], ports[1], ports[2])
        let maker = try ChildProcess(
            "/usr/bin/env",
            ["bash", assets + "/certs/make-certs.sh", "--out", certificates]
                + vehicles.flatMap { ["--vehicle", $0] },
            output: folder + "/certs.log"
        )
        guard maker.wait() == 0 else {
            throw DepotError(
                description: "certificates can't be made: \(read(folder + "/certs.log"))"
            )
        }
        try writeBrokerConfiguration()
    }

    /// Ends what runs and removes the folder.
    func close() {
        gateway?.terminate()
        broker?.terminate()
        guard ProcessInfo.processInfo.environment["GATEWAY_KEEP"] == nil else {
            return print("kept: \(folder)")
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    // Broker.

    private func writeBrokerConfiguration() throws {
        let shipped = try String(
            contentsOfFile: assets + "/systemd/mosquitto.conf",
            encoding: .utf8
        )
        let acl = folder + "/mosquitto.acl"
        try FileManager.default.copyItem(atPath: assets + "/systemd/mosquitto.acl", toPath: acl)
        try FileManager.default.createDirectory(
            atPath: folder + "/broker",
            withIntermediateDirectories: true
        )
        let text =
            shipped
            .replacing("/etc/fleet-edge-gateway/tls/", with: certificates + "/")
            .replacing("/etc/fleet-edge-gateway/mosquitto.acl", with: acl)
            .replacing("/var/lib/mosquitto/", with: folder + "/broker/")
            .replacing("\nlistener 8883\n", with: "\nlistener \(vehiclePort) 127.0.0.1\n")
            .replacing("\nlistener 8884 127.0.0.1\n", with: "\nlistener \(servicePort) 127.0.0.1\n")
        // Started as root, mosquitto would become a user who can't read this folder.
        try (text + "\nuser \(NSUserName())\n")
            .write(
                toFile: folder + "/mosquitto.conf",
                atomically: true,
                encoding: .utf8
            )
    }

    /// Starts the broker and waits until it takes connections.
    func startBroker() throws {
        let program = try Self.find("mosquitto")
        broker = try ChildProcess(
            program,
            ["-c", folder + "/mosquitto.conf"],
            output: folder + "/broker.log"
        )
        try waitUntil("the broker listens", log: folder + "/broker.log") { [servicePort] in
            Self.accepts(port: servicePort)
        }
    }

    /// Ends the broker in order.
    ///
    /// It writes its queues when it ends; killed before that, it loses what it has acknowledged.
    func stopBroker() {
        broker?.terminate(within: 60)
        broker = nil
    }

    // Gateway.

    /// Writes the gateway's configuration from a template with @PLACEHOLDERS@.
    func writeConfiguration(template: String, edit: (String) -> String = { $0 }) throws {
        let text =
            template
            .replacing("@PORT@", with: "\(servicePort)")
            .replacing("@HTTP_PORT@", with: "\(httpPort)")
            .replacing("@CERTS@", with: certificates)
            .replacing("@DATA@", with: dataDirectory)
            .replacing("@RULES@", with: assets + "/rules")
        try edit(text).write(toFile: configurationFile, atomically: true, encoding: .utf8)
    }

    /// Starts the gateway, this very program, and waits until it is ready.
    @discardableResult
    func startGateway(waitsUntilReady: Bool = true, wrapper: [String] = []) throws -> ChildProcess {
        let command =
            wrapper + [
                program, "run", "--config", configurationFile, "--log-level", "notice",
            ]
        let gateway = try ChildProcess(
            command[0],
            Array(command.dropFirst()),
            output: gatewayLog,
            environment: ["SWIFT_BACKTRACE": "enable=no"]
        )
        self.gateway = gateway
        if waitsUntilReady { try waitUntilGatewayIsReady() }
        return gateway
    }

    func waitUntilGatewayIsReady() throws {
        try waitUntil("the gateway is ready", log: gatewayLog) { [httpPort] in
            Self.httpStatus(port: httpPort, path: "/readyz") == 200
        }
    }

    /// Whether the gateway says that it hears the feeds of all its tables.
    var hearsFeeds: Bool {
        let answer = Self.httpGet(port: httpPort, path: "/readyz") ?? ""
        guard let tables = answer.firstRange(of: #""tables":"#) else { return false }
        return !answer[tables.upperBound...].contains(#""down""#)
    }

    func stopGateway() {
        gateway?.terminate()
        gateway = nil
    }

    func killGateway() {
        gateway?.kill()
        gateway = nil
    }

    // Clients.

    /// How a client with one of the depot's certificates connects.
    func connection(
        _ certificate: String,
        clientID: String,
        port: Int? = nil,
        version: Int = 5
    )
        -> MQTTConnectionConfiguration
    {
        MQTTConnectionConfiguration(
            host: "localhost",
            port: port ?? servicePort,
            usesTLS: true,
            caFile: certificates + "/ca.crt",
            certificateFile: certificates + "/\(certificate).crt",
            keyFile: certificates + "/\(certificate).key",
            clientID: clientID,
            protocolVersion: version
        )
    }

    /// Arguments for mosquitto_sub and mosquitto_pub.
    func clientArguments(_ certificate: String) -> [String] {
        [
            "-h", "localhost", "-p", "\(servicePort)", "--cafile", certificates + "/ca.crt",
            "--cert", certificates + "/\(certificate).crt", "--key",
            certificates + "/\(certificate).key",
        ]
    }

    // The machine.

    /// The running program's own file.
    static var ownProgram: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "gateway"
    }

    /// The folder with the shipped files: given, here, or where the package installs them.
    static func findAssets(_ given: String?) throws -> String {
        let installed = "/usr/share/fleet-edge-gateway"
        let candidates = [given, FileManager.default.currentDirectoryPath, installed]
            .compactMap(\.self)
        for folder in candidates
        where FileManager.default.fileExists(atPath: folder + "/certs/make-certs.sh") {
            return folder
        }
        throw DepotError(
            description: "certs/make-certs.sh is not here; run this in the repository, "
                + "or name its folder with --assets"
        )
    }

    /// A program on the path or where Debian puts servers.
    static func find(_ name: String) throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        for folder in path.split(separator: ":").map(String.init) + [
            "/usr/sbin", "/usr/local/sbin",
        ] {
            let file = "\(folder)/\(name)"
            if FileManager.default.isExecutableFile(atPath: file) { return file }
        }
        throw DepotError(
            description: "\(name) is not installed; apt-get install mosquitto mosquitto-clients"
        )
    }

    private func read(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }

    /// Waits for a condition; the log's end explains why it did not come.
    func waitUntil(
        _ what: String,
        log: String? = nil,
        seconds: Double = 30,
        _ condition: () throws -> Bool
    ) throws {
        let deadline = Date().addingTimeInterval(seconds)
        while try !condition() {
            guard Date() < deadline else {
                let end = log.map { read($0).suffix(2_000) } ?? ""
                throw DepotError(
                    description: "waited \(Int(seconds)) s in vain until \(what)\n\(end)"
                )
            }
            ChildProcess.pause(0.01)
        }
    }
}
