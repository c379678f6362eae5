// SPDX-License-Identifier: Apache-2.0
// How librdkafka's callbacks find their way back into Swift.
import KafkaShim

/// Hears what happens to a client, on the thread that uses it.
protocol KafkaClientDelegate: AnyObject {
    /// A record has arrived, or never will.
    func delivered(tag: Int64, error: KafkaError?)
    /// Something is wrong that no call has told.
    func failed(_ error: KafkaError)
    func measured(_ statistics: KafkaStatistics)
    /// The cluster wants a bearer token.
    func token() throws(KafkaTokenError) -> KafkaToken
    /// A line of librdkafka's log.
    func logged(_ text: String, isWarning: Bool)
}

/// What the callbacks know; outlives the C object, which `deinit` destroys first.
@safe final class KafkaContext {
    weak var delegate: (any KafkaClientDelegate)?
    var shim: OpaquePointer?
    /// What a consumer's last call was lent.
    var received: KafkaConsumer.Event?

    init(_ delegate: any KafkaClientDelegate) {
        self.delegate = delegate
    }

    /// Makes a consumer that tells this context what happens; its owner destroys it.
    func makeConsumer(_ properties: [KafkaProperty]) throws(KafkaError) -> OpaquePointer {
        var callbacks = Self.callbacks
        var error = kafka_shim_error()
        let made = unsafe withShimProperties(properties) { list, count in
            unsafe kafka_shim_consumer_create(
                list,
                count,
                &callbacks,
                Unmanaged.passUnretained(self).toOpaque(),
                &error
            )
        }
        guard let made = unsafe made else { throw KafkaError(error) }
        unsafe shim = made
        return unsafe made
    }

    private func answerToken() {
        guard let delegate, let shim = unsafe shim else { return }
        do throws(KafkaTokenError) {
            let token = try delegate.token()
            var text = [CChar](repeating: 0, count: 512)
            let isTaken = unsafe kafka_shim_set_token(
                shim,
                token.value,
                token.expiresAt.milliseconds,
                token.principal,
                &text,
                text.count
            )
            if !isTaken { unsafe kafka_shim_refuse_token(shim, text) }
        } catch {
            unsafe kafka_shim_refuse_token(shim, error.description)
        }
    }

    // Callbacks of the shim.

    static var callbacks: kafka_shim_callbacks {
        unsafe kafka_shim_callbacks(
            delivered: { context, tag, code in
                unsafe KafkaContext.delegate(context)?
                    .delivered(tag: tag, error: code == 0 ? nil : KafkaError(code: code))
            },
            failed: { context, error in
                unsafe KafkaContext.delegate(context)?.failed(KafkaError(error.pointee))
            },
            measured: { context, json, length in
                let bytes = unsafe UnsafeRawBufferPointer(start: json, count: length)
                guard let statistics = unsafe KafkaStatistics(json: bytes) else { return }
                unsafe KafkaContext.delegate(context)?.measured(statistics)
            },
            token_needed: { context in
                unsafe Unmanaged<KafkaContext>.fromOpaque(context).takeUnretainedValue()
                    .answerToken()
            },
            logged: { context, level, text in
                // Syslog's levels (RFC 5424): 4 is a warning, 5 a notice.
                unsafe KafkaContext.delegate(context)?
                    .logged(String(cString: text), isWarning: level <= 4)
            }
        )
    }

    /// Takes what a consumer is lent.
    static let receive:
        @convention(c) (UnsafeMutableRawPointer, UnsafePointer<kafka_shim_message>) -> Void = {
            context,
            message in
            unsafe Unmanaged<KafkaContext>.fromOpaque(context).takeUnretainedValue().received =
                unsafe KafkaConsumer.Event(message.pointee)
        }

    private static func delegate(
        _ context: UnsafeMutableRawPointer
    ) -> (any KafkaClientDelegate)? {
        unsafe Unmanaged<KafkaContext>.fromOpaque(context).takeUnretainedValue().delegate
    }
}
