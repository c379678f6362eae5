// SPDX-License-Identifier: Apache-2.0
// Goal: TLS, client certificates and every SASL mechanism work, and what is refused is said plainly.
// Method: scripts/kafka-proxy.py puts them in front of the Kafka-wire broker, which has none.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct KafkaSecurityTests {
        /// A broker behind a proxy with these options, and the depot whose certificates they use.
        private struct Site {
            let depot: LocalDepot
            let kafka: KafkaBroker
            let proxy: KafkaProxy

            init(_ options: (LocalDepot) -> [String]) throws {
                depot = try LocalDepot.test()
                kafka = try KafkaBroker.test(depot)
                try kafka.start()
                proxy = try KafkaProxy(
                    to: kafka,
                    assets: Repository.root,
                    log: depot.folder + "/proxy.log",
                    options: options(depot)
                )
            }

            func close() {
                proxy.stop()
                kafka.stop()
                depot.close()
            }

            var configuration: KafkaConfiguration { .test(proxy.address) }
        }

        private static func tls(_ depot: LocalDepot) -> [String] {
            ["--tls", depot.certificates + "/broker.crt", depot.certificates + "/broker.key"]
        }

        private static func identity(
            _ depot: LocalDepot,
            certificate: String? = nil
        ) -> KafkaTLSConfiguration {
            KafkaTLSConfiguration(
                caFile: depot.certificates + "/ca.crt",
                certificateFile: certificate.map { depot.certificates + "/\($0).crt" },
                keyFile: certificate.map { depot.certificates + "/\($0).key" }
            )
        }

        /// Delivers three events and sees them arrive.
        private func delivers(_ kafka: KafkaConfiguration, _ site: Site) async throws {
            let rig = try KafkaLaneRig(kafka)
            try rig.append(1...3)
            try rig.start()
            try await rig.waitForCursor(3)
            let arrived = try site.kafka.records("iot.enriched")
            #expect(arrived.compactMap(\.number).sorted() == [1, 2, 3])
            rig.end()
        }

        /// Delivers nothing and gives the reason that is told.
        private func refusal(_ kafka: KafkaConfiguration, naming word: String) async throws {
            let rig = try KafkaLaneRig(kafka)
            try rig.append(1...3)
            try rig.start()
            try await until("the reason names '\(word)'", explain: { rig.explanation }) {
                rig.reason.contains(word)
            }
            #expect(try rig.cursor() == 0)
            rig.end()
        }

        @Test func tlsWithOurAuthorityDelivers() async throws {
            let site = try Site { Self.tls($0) }
            defer { site.close() }
            var kafka = site.configuration
            kafka.tls = Self.identity(site.depot)
            try await delivers(kafka, site)
        }

        @Test func foreignAuthorityIsNotTrusted() async throws {
            let site = try Site { Self.tls($0) }
            defer { site.close() }
            var kafka = site.configuration
            kafka.tls = KafkaTLSConfiguration()
            try await refusal(kafka, naming: "certificate verify failed")
        }

        @Test func certificateOfAnotherHostIsNotTrusted() async throws {
            // The simulator's certificate is of the right authority, but no host's.
            let site = try Site { depot in
                ["--tls", depot.certificates + "/fleet.crt", depot.certificates + "/fleet.key"]
            }
            defer { site.close() }
            var kafka = site.configuration
            kafka.tls = Self.identity(site.depot)
            try await refusal(kafka, naming: "certificate verify failed")
        }

        @Test func clientCertificateIsShown() async throws {
            let site = try Site { Self.tls($0) + ["--client-ca", $0.certificates + "/ca.crt"] }
            defer { site.close() }
            var kafka = site.configuration
            kafka.tls = Self.identity(site.depot, certificate: "gateway")
            try await delivers(kafka, site)
            kafka.tls = Self.identity(site.depot)
            try await refusal(kafka, naming: "certificate")
        }

        @Test(arguments: KafkaPasswordMechanism.allCases)
        func passwordsAreTakenAndRefused(mechanism: KafkaPasswordMechanism) async throws {
            let site = try Site { Self.tls($0) + ["--sasl", "depot:correct horse"] }
            defer { site.close() }
            var kafka = site.configuration
            kafka.tls = Self.identity(site.depot)
            kafka.sasl = .password(
                mechanism: mechanism,
                username: "depot",
                password: Secret("correct horse")
            )
            try await delivers(kafka, site)
            kafka.sasl = .password(
                mechanism: mechanism,
                username: "depot",
                password: Secret("wrong")
            )
            try await refusal(kafka, naming: "uthentication")
        }

        @Test func bearerTokenComesFromACommandOrAFile() async throws {
            let site = try Site { Self.tls($0) + ["--oauth", "a.good.token"] }
            defer { site.close() }
            var kafka = site.configuration
            kafka.tls = Self.identity(site.depot)
            kafka.sasl = .token(.command(["printf", "a.good.token\n"]))
            try await delivers(kafka, site)
            let file = site.depot.folder + "/token"
            try "a.bad.token".write(toFile: file, atomically: true, encoding: .utf8)
            kafka.sasl = .token(.file(file))
            try await refusal(kafka, naming: "uthentication")
        }

        @Test func commandThatFailsIsNamed() async throws {
            let site = try Site { Self.tls($0) + ["--oauth", "a.good.token"] }
            defer { site.close() }
            var kafka = site.configuration
            kafka.tls = Self.identity(site.depot)
            kafka.sasl = .token(.command(["false"]))
            try await refusal(kafka, naming: "the token's command 'false' ended with status 1")
        }

        // Renewal.

        @Test(
            "a renewed certificate is taken between two transactions, nothing comes twice",
            arguments: [
                KafkaDeliveryMode.exactlyOnce, .atLeastOnce,
            ]
        )
        func certificateIsRenewed(delivery: KafkaDeliveryMode) async throws {
            let site = try Site { Self.tls($0) + ["--client-ca", $0.certificates + "/ca.crt"] }
            defer { site.close() }
            let folder = site.depot.folder + "/identity"
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true
            )
            try install("gateway", into: folder, of: site.depot)
            var kafka = KafkaConfiguration.test(site.proxy.address, delivery)
            kafka.tls = KafkaTLSConfiguration(
                caFile: site.depot.certificates + "/ca.crt",
                certificateFile: folder + "/client.crt",
                keyFile: folder + "/client.key"
            )
            let rig = try KafkaLaneRig(kafka, window: 100)
            try rig.start()
            try rig.append(1...500)
            try await rig.waitForCursor(500)
            let before = try site.proxy.count("conns")
            // Half-written files change nothing; what fits is taken.
            try "rubbish".write(toFile: folder + "/client.crt", atomically: true, encoding: .utf8)
            try rig.append(501...1_000)
            try await rig.waitForCursor(1_000)
            try install("ops", into: folder, of: site.depot)
            try await until("a new client has connected", explain: { rig.explanation }) {
                try rig.append(nextNumber(rig)...nextNumber(rig) + 9)
                _ = try rig.cursor()
                return try site.proxy.count("conns") > before
            }
            let last = try nextNumber(rig) - 1
            try await rig.waitForCursor(Int64(last))
            #expect(
                try site.kafka.records("iot.enriched").compactMap(\.number).sorted()
                    == Array(1...last)
            )
            rig.end()
        }

        private func nextNumber(_ rig: KafkaLaneRig) throws -> Int {
            try Int(LogReader(log: rig.log).head(of: rig.stream)) + 1
        }

        /// Puts one of the depot's identities where the client looks, file by file.
        private func install(_ name: String, into folder: String, of depot: LocalDepot) throws {
            for part in ["key", "crt"] {
                let text = try String(
                    contentsOfFile: depot.certificates + "/\(name).\(part)",
                    encoding: .utf8
                )
                try text.write(
                    toFile: folder + "/client.\(part)",
                    atomically: true,
                    encoding: .utf8
                )
            }
        }
    }
}
