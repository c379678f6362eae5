// SPDX-License-Identifier: Apache-2.0
// Goal: `gateway check --connect` says of every broker what works, what does not, and what to do.
// Method: the command itself against real brokers, well and ill configured.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct CheckConnectTests {
        private func check(_ depot: LocalDepot) throws -> (code: Int32, output: String) {
            try depot.run(["check", "--connect", "--config", depot.configurationFile])
        }

        @Test(
            "a depot where all is well is told line by line, and a running gateway is not disturbed"
        )
        func allIsWell() async throws {
            let depot = try LocalDepot.test()
            let kafka = try KafkaBroker.test(depot)
            defer { depot.close() }
            defer { kafka.stop() }
            try depot.startBroker()
            try kafka.start()
            let sinks = [GatewayFile.sink(), GatewayFile.kafkaSink(kafka.address)]
            try depot.configure(GatewayFile(sinks: sinks))
            try await depot.runGateway()
            try depot.publish((1...20).map { .state("car-1", $0) })
            try await until("the topic is there") { try kafka.records("iot.enriched").count == 20 }
            let (code, output) = try check(depot)
            #expect(code == 0, "\(output)")
            for line in [
                "ok      source vehicles: localhost:\(depot.servicePort) reachable, TLS",
                "ok      source vehicles: may subscribe to 'fleet/+/state'",
                "ok      sink depot: localhost:\(depot.servicePort) reachable, TLS",
                "ok      sink lake: \(kafka.address) reachable, without TLS",
                "ok      sink lake: topic 'iot.enriched' has 1 partition",
                "note    sink lake: topic 'iot.outlier' does not exist",
                "ok      sink lake: may read the cursor of group 'depot-1.lake'",
                "ok      sink lake: may use transactional ids; tried with 'depot-1.lake.check'",
                "ok      sink lake: may write to 'iot.enriched'",
            ] {
                #expect(output.contains(line), "\(line)\n\(output)")
            }
            // Neither fenced nor pushed out, and no reader sees the probe.
            try depot.publish((21...40).map { .state("car-1", $0) })
            try await until("the gateway goes on", explain: { depot.explanation }) {
                try kafka.records("iot.enriched").count >= 40
            }
            #expect(try kafka.records("iot.enriched").compactMap(\.number) == Array(1...40))
            #expect(depot.logCount("down") == 0)
        }

        @Test func nobodyThereIsToldForEach() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            let ports = try LocalDepot.freePorts(1)
            try depot.configure(
                GatewayFile(sinks: [GatewayFile.kafkaSink("127.0.0.1:\(ports[0])")])
            )
            let (code, output) = try check(depot)
            #expect(code == 69)
            #expect(output.contains("FAILED  source vehicles: localhost:\(depot.servicePort): "))
            #expect(output.contains("FAILED  sink lake: 127.0.0.1:\(ports[0]): "))
            #expect(output.contains("-> check 'brokers', that the cluster runs"))
        }

        @Test(
            "what is wrong with certificates and passwords is named, with advice",
            arguments: [
                (["tls: true"], "certificate verify failed", "-> check tls.ca"),
                (
                    [
                        "tls: { ca: @CERTS@/ca.crt }",
                        "sasl: { mechanism: PLAIN, username: depot, password: { file: secret } }",
                    ], "uthentication failed", "-> check sasl: mechanism, username and password"
                ),
            ]
        )
        func wrongCredentials(lines: [String], reason: String, advice: String) async throws {
            let depot = try LocalDepot.test()
            let kafka = try KafkaBroker.test(depot)
            defer { depot.close() }
            defer { kafka.stop() }
            try kafka.start()
            let certificates = depot.certificates
            let proxy = try KafkaProxy(
                to: kafka,
                assets: Repository.root,
                log: depot.folder + "/proxy.log",
                options: [
                    "--tls", certificates + "/broker.crt", certificates + "/broker.key",
                    "--sasl", "depot:correct horse",
                ]
            )
            defer { proxy.stop() }
            try "wrong\n"
                .write(toFile: depot.folder + "/secret", atomically: true, encoding: .utf8)
            try depot.configure(
                GatewayFile(sinks: [GatewayFile.kafkaSink(proxy.address, lines: lines)])
            )
            let (code, output) = try check(depot)
            #expect(code == 69)
            #expect(output.contains(reason), "\(output)")
            #expect(output.contains(advice), "\(output)")
        }
    }
}
