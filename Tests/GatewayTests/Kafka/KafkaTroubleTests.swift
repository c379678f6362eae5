// SPDX-License-Identifier: Apache-2.0
// Codes are librdkafka's own: -195 is _TRANSPORT, -187 _ALL_BROKERS_DOWN, -150 _FATAL.
import Logging
import Testing

@testable import Gateway

@Suite struct KafkaTroubleTests {
    private final class Words: LinkReport {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        private(set) var said: [String] = []
        func up() { said.append("up") }
        func down(because reason: String) { said.append(reason) }
    }

    private final class Link: KafkaTroubleReporter {
        let kafka: KafkaConfiguration
        let report = Words()
        var complaint: KafkaComplaint
        private(set) var endings: [KafkaError] = []

        init(sasl: KafkaSASLConfiguration? = nil) {
            var kafka = KafkaConfiguration(brokers: ["kafka:9092"], group: "depot")
            kafka.sasl = sasl
            self.kafka = kafka
            complaint = KafkaComplaint(kafka)
        }

        func clientEnded(with error: KafkaError) { endings.append(error) }
        func delivered(tag: Int64, error: KafkaError?) {}
        func measured(_ statistics: KafkaStatistics) {}
    }

    private static let refused = KafkaError(
        code: -195,
        message: "Connect to ipv4#10.0.0.1:9092 failed: Connection refused (after 0ms in state X)"
    )
    private static let allDown = KafkaError(code: -187, message: "1/1 brokers are down")

    @Test func whatIsWrongWithABrokerIsSaidWhenNoneIsLeft() {
        let link = Link()
        link.failed(Self.refused)
        #expect(link.report.said == [])
        #expect(!link.complaint.isCutOff)
        link.failed(Self.allDown)
        #expect(
            link.report.said == ["Connect to ipv4#10.0.0.1:9092 failed: Connection refused"]
        )
        #expect(link.complaint.isCutOff)
    }

    @Test func brokersThatAreGoneWithoutAWordAreSaidToo() {
        let link = Link()
        link.failed(Self.allDown)
        #expect(link.report.said == ["no broker can be reached"])
    }

    @Test func anAnswerEndsAllTrouble() {
        let link = Link()
        link.failed(Self.refused)
        link.failed(Self.allDown)
        link.troubleIsOver()
        #expect(link.report.said.last == "up")
        #expect(!link.complaint.isCutOff)
        #expect(link.complaint.text == nil)
    }

    @Test func clientAtItsEndIsLeftAndNothingSaid() {
        let link = Link()
        let fatal = KafkaError(code: -150, message: "", isFatal: true)
        link.failed(fatal)
        #expect(link.endings == [fatal])
        #expect(link.report.said == [])
    }

    @Test func tokenThatCannotBeHadIsSaidAndExplainsTheSilence() {
        let link = Link(sasl: .token(.file("/nonexistent/token")))
        #expect(throws: KafkaTokenError.self) { try link.token() }
        let reason = link.complaint.text
        #expect(reason?.contains("/nonexistent/token") == true)
        #expect(link.report.said == [reason])
        link.failed(Self.allDown)
        #expect(link.report.said == [reason, reason])
    }
}
