// SPDX-License-Identifier: Apache-2.0
// Codes are those of the Kafka protocol ("Error codes"); those below 0 are librdkafka's own.
import KafkaShim
import Testing

@testable import Gateway

@Suite struct KafkaRemedyTests {
    private typealias Remedy = KafkaError.Remedy

    /// All that librdkafka may say of one code.
    private static func errors(_ code: Int32) -> [KafkaError] {
        (0..<8)
            .map { flags in
                KafkaError(
                    code: code,
                    message: "",
                    isFatal: flags & 1 != 0,
                    isRetriable: flags & 2 != 0,
                    requiresAbort: flags & 4 != 0
                )
            }
    }

    private static let allCodes = -200...120 as ClosedRange<Int32>
    /// `_FENCED`, `PRODUCER_FENCED`.
    private static let fencings: [Int32] = [-144, 90]
    /// `INVALID_PRODUCER_EPOCH`, which is a fencing only when it is fatal.
    private static let oldEpoch: Int32 = 47

    @Test func flagsTellTheRemedy() {
        // `REQUEST_TIMED_OUT`, a code that means nothing to us by itself.
        for error in Self.errors(7) {
            let expected: Remedy =
                switch (error.isFatal, error.requiresAbort, error.isRetriable) {
                case (true, _, _): .replaceClient
                case (_, true, _): .abort
                case (_, _, true): .retry
                default: .replaceClient
                }
            #expect(error.remedy == expected, "\(error)")
        }
    }

    @Test(arguments: fencings)
    func fencedProducerStopsWhateverTheFlagsSay(code: Int32) {
        for error in Self.errors(code) { #expect(error.remedy == .stop) }
    }

    @Test func oldEpochIsAFencingOnlyWhenItIsFatal() {
        for error in Self.errors(Self.oldEpoch) {
            #expect((error.remedy == .stop) == error.isFatal)
        }
        var error = KafkaError(code: Self.oldEpoch, message: "", requiresAbort: true)
        #expect(error.remedy == .abort)
        error.isFatal = true
        #expect(error.remedy == .stop)
    }

    @Test func overdueTransactionIsNoFencing() {
        for code in Self.fencings + [Self.oldEpoch] {
            for var error in Self.errors(code) where error.remedy == .stop {
                error.isOverdue = true
                #expect(error.remedy == .replaceClient)
            }
        }
    }

    @Test func ageChangesNothingElse() {
        for code in Self.allCodes {
            for error in Self.errors(code) where error.remedy != .stop {
                var late = error
                late.isOverdue = true
                #expect(late.remedy == error.remedy)
            }
        }
    }

    @Test func onlyAFencingStopsALaneForGood() {
        for code in Self.allCodes where !Self.fencings.contains(code) && code != Self.oldEpoch {
            #expect(Self.errors(code).allSatisfy { $0.remedy != .stop }, "\(code)")
        }
    }

    @Test func errorThatIsOnlyACodeReplacesTheClient() {
        #expect(KafkaError(code: -195).remedy == .replaceClient)
        #expect(KafkaError(code: -195) == KafkaError(code: -195, message: ""))
    }

    @Test func fourCodesAreAboutTheRecord() {
        // MSG_SIZE_TOO_LARGE, RECORD_LIST_TOO_LARGE, INVALID_TIMESTAMP, INVALID_RECORD.
        #expect(Self.allCodes.filter { KafkaError(code: $0).isAboutRecord } == [10, 18, 32, 87])
    }

    @Test func someCodesAreKnownByName() {
        // _TRANSPORT and _TIMED_OUT, _QUEUE_FULL, _ALL_BROKERS_DOWN.
        #expect(Self.allCodes.filter { KafkaError(code: $0).isSilence } == [-195, -185])
        #expect(Self.allCodes.filter { KafkaError(code: $0).isQueueFull } == [-184])
        #expect(Self.allCodes.filter { KafkaError(code: $0).isAllBrokersDown } == [-187])
    }

    @Test func errorInsideATransactionAbortsIt() {
        for error in Self.errors(29) {
            let expected: Remedy = error.isFatal ? .replaceClient : .abort
            #expect(error.aborting.remedy == expected)
            var back = error.aborting
            back.requiresAbort = error.requiresAbort
            #expect(back == error)
        }
    }

    @Test(
        arguments: [
            (-195, "", "Local: Broker transport failure (_TRANSPORT)"),
            (-195, "no route", "no route (_TRANSPORT)"),
            (29, "not yours", "not yours (TOPIC_AUTHORIZATION_FAILED)"),
            (90, "someone else", "someone else (PRODUCER_FENCED)"),
        ] as [(Int32, String, String)]
    )
    func errorIsNamed(code: Int32, message: String, text: String) {
        #expect("\(KafkaError(code: code, message: message))" == text)
    }

    @Test func codeOfANewerBrokerIsNamedByItsNumber() {
        #expect("\(KafkaError(code: 12_345))".contains("12345"))
    }

    @Test func flagsAndTextComeFromTheShim() {
        var error = kafka_shim_error()
        error.code = 29
        error.is_retriable = true
        unsafe withUnsafeMutableBytes(of: &error.text) { bytes in
            unsafe bytes.copyBytes(from: "nicht für dich".utf8)
        }
        #expect(
            KafkaError(error)
                == KafkaError(code: 29, message: "nicht für dich", isRetriable: true)
        )
        error.is_fatal = true
        error.requires_abort = true
        #expect(KafkaError(error).isFatal)
        #expect(KafkaError(error).requiresAbort)
    }

    @Test func textMayFillItsWholePlace() {
        var error = kafka_shim_error()
        unsafe withUnsafeMutableBytes(of: &error.text) { bytes in
            unsafe bytes.copyBytes(from: [UInt8](repeating: UInt8(ascii: "x"), count: bytes.count))
        }
        #expect(KafkaError(error).message == String(repeating: "x", count: 512))
    }
}
