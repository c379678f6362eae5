// SPDX-License-Identifier: Apache-2.0

/// What a client was last found to be wrong with, for the errors that only say that nothing came.
struct KafkaComplaint {
    private let tls: KafkaTLSConfiguration?
    private(set) var text: String?
    /// No broker could be reached since the last that was.
    private(set) var isCutOff = false

    init(_ kafka: KafkaConfiguration) {
        tls = kafka.tls
    }

    /// A broker, or the way to it, has something wrong.
    mutating func hear(_ error: KafkaError) {
        text = words(for: error)
    }

    /// There is no token.
    mutating func hear(_ error: KafkaTokenError) {
        text = error.description
    }

    /// No broker can be reached; gives what may be why.
    mutating func cutOff() -> String {
        isCutOff = true
        return text ?? "no broker can be reached"
    }

    /// Whatever was wrong is over.
    mutating func clear() {
        text = nil
        isCutOff = false
    }

    /// An error in words: of one that only says that nothing came, the cause, if it is known.
    func reason(for error: KafkaError) -> String {
        guard error.isRetriable || error.isSilence || error.isAllBrokersDown else {
            return "\(error)"
        }
        return text ?? "\(error)"
    }

    /// What librdkafka says of a broker, without what changes from one attempt to the next.
    private func words(for error: KafkaError) -> String {
        let text = error.message.replacing(#/ \(after .*/#, with: "")
        // With TLS 1.3 a broker that misses our certificate hangs up after the handshake.
        let isHangUp = text.contains("unexpected eof while reading")
        guard isHangUp, let tls, tls.certificateFile == nil else { return text }
        return text + "; perhaps the broker wants a client certificate (tls.certificate, tls.key)"
    }
}

extension KafkaConfiguration {
    /// A fresh bearer token; blocks for as long as fetching it takes.
    func token() throws(KafkaTokenError) -> KafkaToken {
        guard case .token(let source)? = sasl else {
            throw KafkaTokenError(description: "no token is configured")
        }
        return try source.fetch()
    }
}
