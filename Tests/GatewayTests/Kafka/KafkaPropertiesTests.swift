// SPDX-License-Identifier: Apache-2.0
// What librdkafka is told, for every kind of sink.
import Testing

@testable import Gateway

@Suite struct KafkaPropertiesTests {
    private static var sasls: [KafkaSASLConfiguration?] {
        var all: [KafkaSASLConfiguration?] = [
            nil, .token(.command(["print-token"])), .token(.file("/run/token")),
        ]
        for mechanism in KafkaPasswordMechanism.allCases {
            all.append(
                .password(mechanism: mechanism, username: "gateway", password: Secret("s3cret"))
            )
        }
        return all
    }

    private static let identities: [KafkaTLSConfiguration?] = [
        nil,
        KafkaTLSConfiguration(),
        KafkaTLSConfiguration(caFile: "/etc/ca.pem"),
        KafkaTLSConfiguration(
            caFile: "/etc/ca.pem",
            certificateFile: "/etc/gateway.pem",
            keyFile: "/etc/gateway.key"
        ),
    ]

    /// A sink of every kind.
    private static var configurations: [KafkaConfiguration] {
        var all: [KafkaConfiguration] = []
        for sasl in sasls {
            for tls in identities {
                for compression in KafkaCompression.allCases {
                    for delivery in KafkaDeliveryMode.allCases {
                        all.append(
                            KafkaConfiguration(
                                brokers: ["a.example:9092", "[::1]:9093"],
                                delivery: delivery,
                                tls: tls,
                                sasl: sasl,
                                group: "depot.lake",
                                compression: compression
                            )
                        )
                    }
                }
            }
        }
        return all
    }

    private static func producer(
        _ kafka: KafkaConfiguration,
        reportsAll: Bool = false,
        window: Int = 10_000
    ) -> [KafkaProperty] {
        kafka.producerProperties(
            clientID: "depot.lake.bulk",
            transactionalID: kafka.delivery == .exactlyOnce ? "depot.lake.bulk" : nil,
            window: window,
            reportsAll: reportsAll
        )
    }

    private static func group(_ kafka: KafkaConfiguration) -> [KafkaProperty] {
        kafka.groupProperties(clientID: "depot.lake.bulk")
    }

    private static func value(_ name: String, in list: [KafkaProperty]) -> String? {
        list.last { $0.name == name }?.value
    }

    private func kafka(_ change: (inout KafkaConfiguration) -> Void = { _ in }) -> [KafkaProperty] {
        Self.producer(configuration(change))
    }

    private func configuration(
        _ change: (inout KafkaConfiguration) -> Void = { _ in }
    ) -> KafkaConfiguration {
        var kafka = KafkaConfiguration(brokers: ["a.example:9092"], group: "depot.lake")
        change(&kafka)
        return kafka
    }

    // Whatever the sink is.

    @Test func librdkafkaTakesEveryProperty() {
        var seen: Set<String> = []
        for kafka in Self.configurations {
            let lists = [
                Self.producer(kafka), Self.producer(kafka, reportsAll: true), Self.group(kafka),
            ]
            for property in lists.joined()
            where seen.insert("\(property.name)=\(property.value)").inserted {
                let mistake = KafkaPropertyRules.mistake(in: property)
                #expect(mistake == nil, "\(property.name): \(mistake ?? "")")
            }
        }
        // Both deliveries, all compressions and all ways to be somebody were among them.
        #expect(seen.count > 30)
    }

    @Test func librdkafkaTakesTheBoundsOfEverySetting() {
        for (window, timeout) in [(1, 5_000), (100_000, 900_000)] as [(Int, Int64)] {
            for delivery in KafkaDeliveryMode.allCases {
                let kafka = configuration {
                    $0.delivery = delivery
                    $0.transactionTimeoutMilliseconds = timeout
                    $0.reconnectMinMilliseconds = 10
                    $0.reconnectMaxMilliseconds = 1 << 48
                    $0.lingerMilliseconds = 0
                }
                for property in Self.producer(kafka, window: window) {
                    #expect(KafkaPropertyRules.mistake(in: property) == nil, "\(property.name)")
                }
            }
        }
    }

    @Test func nothingIsSetTwice() {
        for kafka in Self.configurations {
            for list in [Self.producer(kafka), Self.group(kafka)] {
                #expect(Set(list.map(\.name)).count == list.count)
            }
        }
    }

    @Test func usersPropertiesComeLast() {
        let own = [
            KafkaProperty(name: "socket.timeout.ms", value: "30000"),
            KafkaProperty(name: "socket.keepalive.enable", value: "false"),
        ]
        for var kafka in Self.configurations {
            let before = (Self.producer(kafka), Self.group(kafka))
            kafka.properties = own
            #expect(Self.producer(kafka) == before.0 + own)
            #expect(Self.group(kafka) == before.1 + own)
        }
    }

    // Delivery.

    @Test func exactlyOnceIsATransactionThatEnds() {
        let list = kafka { $0.transactionTimeoutMilliseconds = 30_000 }
        #expect(Self.value("transactional.id", in: list) == "depot.lake.bulk")
        #expect(Self.value("transaction.timeout.ms", in: list) == "30000")
        #expect(Self.value("enable.idempotence", in: list) == "true")
        // The bulk waits for company outside the transaction.
        #expect(Self.value("linger.ms", in: list) == "5")
        #expect(Self.value("message.timeout.ms", in: list) == nil)
    }

    @Test func atLeastOnceNeverGivesARecordUp() {
        let list = kafka {
            $0.delivery = .atLeastOnce
            $0.lingerMilliseconds = 250
        }
        #expect(Self.value("message.timeout.ms", in: list) == "0")
        #expect(Self.value("linger.ms", in: list) == "250")
        #expect(Self.value("enable.idempotence", in: list) == "true")
        #expect(Self.value("transactional.id", in: list) == nil)
        #expect(Self.value("transaction.timeout.ms", in: list) == nil)
        // Its cursor moves by the reports.
        #expect(Self.value("delivery.report.only.error", in: list) == nil)
    }

    @Test(arguments: [true, false])
    func arrivalsAreReportedWhereTheyAreAskedFor(reportsAll: Bool) {
        let list = Self.producer(configuration(), reportsAll: reportsAll)
        #expect(Self.value("delivery.report.only.error", in: list) == "\(!reportsAll)")
    }

    @Test func librdkafkaHoldsOneWindow() {
        let list = Self.producer(configuration(), window: 17)
        #expect(Self.value("queue.buffering.max.messages", in: list) == "17")
    }

    @Test(arguments: KafkaCompression.allCases)
    func compressionIsPassedOn(compression: KafkaCompression) {
        let list = kafka { $0.compression = compression }
        #expect(Self.value("compression.type", in: list) == compression.rawValue)
    }

    @Test func groupReadsOnlyWhatIsCommitted() {
        let list = Self.group(configuration())
        #expect(Self.value("group.id", in: list) == "depot.lake")
        #expect(Self.value("isolation.level", in: list) == "read_committed")
        #expect(Self.value("enable.auto.commit", in: list) == "false")
    }

    // The way to the cluster.

    @Test func everyBrokerIsNamed() {
        let list = kafka { $0.brokers = ["a.example:9092", "[::1]:9093"] }
        #expect(Self.value("bootstrap.servers", in: list) == "a.example:9092,[::1]:9093")
        #expect(Self.value("client.id", in: list) == "depot.lake.bulk")
    }

    @Test func securityIsWhatTheSinkSays() {
        for kafka in Self.configurations {
            let expected =
                switch (kafka.sasl == nil, kafka.tls == nil) {
                case (true, true): "plaintext"
                case (true, false): "ssl"
                case (false, true): "sasl_plaintext"
                case (false, false): "sasl_ssl"
                }
            for list in [Self.producer(kafka), Self.group(kafka)] {
                #expect(Self.value("security.protocol", in: list) == expected)
                // A certificate must be that of the host.
                let check = kafka.tls == nil ? nil : "https"
                #expect(Self.value("ssl.endpoint.identification.algorithm", in: list) == check)
            }
        }
    }

    @Test func filesOfAnIdentityAreNamed() {
        let list = kafka { $0.tls = Self.identities[3] }
        #expect(Self.value("ssl.ca.location", in: list) == "/etc/ca.pem")
        #expect(Self.value("ssl.certificate.location", in: list) == "/etc/gateway.pem")
        #expect(Self.value("ssl.key.location", in: list) == "/etc/gateway.key")
        // Without files librdkafka trusts the system's authorities.
        let bare = kafka { $0.tls = KafkaTLSConfiguration() }
        #expect(Self.value("ssl.ca.location", in: bare) == nil)
        #expect(KafkaTLSConfiguration().files == [])
        #expect(
            Self.identities[3]?.files == ["/etc/ca.pem", "/etc/gateway.pem", "/etc/gateway.key"]
        )
    }

    @Test(arguments: KafkaPasswordMechanism.allCases)
    func passwordIsGivenWithItsMechanism(mechanism: KafkaPasswordMechanism) {
        let list = kafka {
            $0.sasl = .password(
                mechanism: mechanism,
                username: "gateway",
                password: Secret("s3cret")
            )
        }
        #expect(Self.value("sasl.mechanism", in: list) == mechanism.rawValue)
        #expect(Self.value("sasl.username", in: list) == "gateway")
        #expect(Self.value("sasl.password", in: list) == "s3cret")
    }

    @Test func tokenIsNotAProperty() {
        let list = kafka { $0.sasl = .token(.file("/run/token")) }
        #expect(Self.value("sasl.mechanism", in: list) == "OAUTHBEARER")
        #expect(!list.contains { $0.value.contains("/run/token") })
        #expect(Self.value("sasl.password", in: list) == nil)
    }

    @Test(
        arguments: [
            (200, 30_000, "200", "1000"), (10, 500, "10", "500"), (5_000, 9_000, "1000", "1000"),
        ] as [(Int64, Int64, String, String)]
    )
    func brokerThatIsBackIsFoundWithinASecond(
        minimum: Int64,
        maximum: Int64,
        first: String,
        last: String
    ) {
        let list = kafka {
            $0.reconnectMinMilliseconds = minimum
            $0.reconnectMaxMilliseconds = maximum
        }
        #expect(Self.value("reconnect.backoff.ms", in: list) == first)
        #expect(Self.value("reconnect.backoff.max.ms", in: list) == last)
    }

    @Test func librdkafkaTakesWhatAConsumerIsTold() {
        for kafka in Self.configurations {
            for property in kafka.consumerProperties(clientID: "depot.table.car") {
                #expect(KafkaPropertyRules.mistake(in: property) == nil, "\(property)")
            }
        }
    }

    @Test func usersSettingsTuneAConsumerButChangeNoPromise() {
        var kafka = KafkaConfiguration(brokers: ["a:9092"], group: "")
        kafka.properties = [
            KafkaProperty(name: "fetch.wait.max.ms", value: "50"),
            KafkaProperty(name: "auto.offset.reset", value: "latest"),
            KafkaProperty(name: "group.id", value: "theirs"),
        ]
        var last: [String: String] = [:]
        for property in kafka.consumerProperties(clientID: "depot.table.car") {
            last[property.name] = property.value
        }
        #expect(last["fetch.wait.max.ms"] == "50")
        #expect(last["auto.offset.reset"] == "error")
        #expect(last["group.id"] == "depot.table.car")
        #expect(last["isolation.level"] == "read_committed")
        #expect(last["enable.auto.commit"] == "false")
        #expect(last["enable.partition.eof"] == "true")
    }
}
