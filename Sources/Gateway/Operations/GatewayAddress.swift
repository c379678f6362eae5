// SPDX-License-Identifier: Apache-2.0
// How a command finds the gateway that runs on its data directory. Whoever can read the file is the gateway's
// user, and may ask for what changes something; whoever can only reach the port may not.
import Foundation
import Logging

/// Where a running gateway listens, and the word that it trusts.
struct GatewayAddress: Equatable {
    static let fileName = "gateway.api"

    var host: String
    var port: Int
    var token: String

    /// 256 bits from the system's source of randomness.
    static func makeToken() -> String {
        var random = SystemRandomNumberGenerator()
        return (0..<32)
            .map { _ in
                let byte = UInt8.random(in: .min ... .max, using: &random)
                return (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
            .joined()
    }

    /// Leaves it in the data directory, for the gateway's own user only.
    func publish(in directory: String, _ logger: Logger) {
        let path = "\(directory)/\(Self.fileName)"
        let draft = path + ".new"
        _ = unsafe unlink(draft)
        let descriptor = unsafe open(draft, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        defer { if descriptor >= 0 { close(descriptor) } }
        let text = "\(reachableHost) \(port) \(token)\n"
        guard descriptor >= 0, unsafe write(descriptor, text, text.utf8.count) == text.utf8.count,
            unsafe rename(draft, path) == 0
        else {
            let reason = unsafe String(cString: strerror(errno))
            logger.warning(
                "dead letters can't be replayed while the gateway runs",
                metadata: [LogKeys.file: "\(path)", LogKeys.reason: "\(reason)"]
            )
            return
        }
    }

    /// Reads what a running gateway has left; `nil` when there is nothing.
    static func read(in directory: String) -> GatewayAddress? {
        guard let text = try? String(contentsOfFile: "\(directory)/\(fileName)", encoding: .utf8)
        else { return nil }
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        guard words.count == 3, let port = Int(words[1]) else { return nil }
        return GatewayAddress(host: words[0], port: port, token: words[2])
    }

    /// Every address of the machine is not one to connect to.
    private var reachableHost: String {
        switch host {
        case "", "0.0.0.0": "127.0.0.1"
        case "::", "[::]": "::1"
        default: host
        }
    }
}
