// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// Makes a connection on a thread of its own, because name look-ups and TCP connects block.
///
/// An owner that serves several sessions goes on serving the others meanwhile.
final class MQTTConnector: Sendable {
    /// A connected client on its way to the thread that will own it.
    private struct Delivery: @unchecked Sendable {
        // Proof: the client is made on the connecting thread, put here once under the lock, and
        // taken out once; the connecting thread touches it no more after putting it here.
        let result: Result<MQTTClient, MQTTError>
    }

    private let delivery = Mutex<Delivery?>(nil)

    /// Starts connecting; `wakeUp` is signalled when there is a result to take.
    init(_ options: MQTTClientOptions, wakeUp: WakeUp) {
        let thread = Thread { [self] in
            let result = Result { () throws(MQTTError) in
                let client = try MQTTClient(options)
                try client.connect()
                return client
            }
            delivery.withLock { $0 = Delivery(result: result) }
            wakeUp.signal()
        }
        thread.name = "connect"
        thread.start()
    }

    /// The connected client or why there is none; `nil` while it is still being tried.
    func take() -> Result<MQTTClient, MQTTError>? {
        delivery.withLock { slot in
            defer { slot = nil }
            return slot?.result
        }
    }
}
