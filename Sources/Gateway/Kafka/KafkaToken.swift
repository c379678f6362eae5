// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A bearer token and what a client must know about it.
struct KafkaToken: Equatable, Sendable {
    var value: String
    var principal: String
    var expiresAt: Timestamp
}

/// Why there is no token, in words for the log.
struct KafkaTokenError: Error, CustomStringConvertible {
    var description: String
}

extension KafkaToken {
    /// How long a token that does not tell its end is used before a fresh one is fetched.
    private static let opaqueMilliseconds: Int64 = 300_000

    /// Reads a token; of a JSON Web Token (RFC 7519) it takes the subject and the end.
    init(text: String, now: Timestamp) throws(KafkaTokenError) {
        let value = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !value.isEmpty else { throw KafkaTokenError(description: "the token is empty") }
        // RFC 6750, section 2.1: what may stand in a bearer token.
        guard value.wholeMatch(of: #/[A-Za-z0-9\-._~+\/]+=*/#) != nil else {
            throw KafkaTokenError(description: "the token has characters that no bearer token has")
        }
        let claims = Claims(token: value)
        let expiresAt = claims?.exp
            .map { seconds in
                // Whatever a token says, it is asked for again within a year.
                Timestamp(milliseconds: Int64(min(max(seconds, 0), 1e11) * 1_000))
            }
        if let expiresAt, expiresAt <= now {
            throw KafkaTokenError(description: "the token has expired")
        }
        self.value = value
        principal = claims?.sub ?? "gateway"
        self.expiresAt = expiresAt ?? now + Self.opaqueMilliseconds
    }

    private struct Claims: Decodable {
        var sub: String?
        var exp: Double?

        init?(token: String) {
            let parts = token.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            var base64 = String(parts[1]).replacing("-", with: "+").replacing("_", with: "/")
            while base64.count % 4 != 0 { base64 += "=" }
            guard let data = Data(base64Encoded: base64),
                let claims = try? JSONDecoder().decode(Self.self, from: data)
            else { return nil }
            self = claims
        }
    }
}

extension KafkaTokenSource {
    /// A program that takes longer is ended.
    private static let commandSeconds = 10.0

    /// Fetches a fresh token; blocks for as long as that takes.
    func fetch(now: Timestamp = WallClock.now()) throws(KafkaTokenError) -> KafkaToken {
        switch self {
        case .file(let path):
            guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
                throw KafkaTokenError(description: "the token's file '\(path)' can't be read")
            }
            return try KafkaToken(text: text, now: now)
        case .command(let words):
            return try KafkaToken(text: Self.output(of: words), now: now)
        }
    }

    private static func output(of words: [String]) throws(KafkaTokenError) -> String {
        // A file and not a pipe: a pipe stays open for as long as a child of the program has it.
        let output = NSTemporaryDirectory() + "/token-\(UInt64.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: output) }
        let isMade = FileManager.default.createFile(
            atPath: output,
            contents: nil,
            attributes: [.posixPermissions: 0o600]
        )
        guard isMade, let handle = FileHandle(forWritingAtPath: output) else {
            throw KafkaTokenError(description: "there is no room for the token's command")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = handle
        do {
            try ChildProcess.start(process)
        } catch {
            throw KafkaTokenError(description: "the token's command can't be started: \(error)")
        }
        let deadline = Date().addingTimeInterval(commandSeconds)
        while process.isRunning, Date() < deadline { ChildProcess.pause(0.01) }
        guard !process.isRunning else {
            process.terminate()
            throw KafkaTokenError(
                description: "the token's command '\(words[0])' took longer than "
                    + "\(Int(commandSeconds)) s"
            )
        }
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            throw KafkaTokenError(
                description: "the token's command '\(words[0])' ended with status "
                    + "\(process.terminationStatus)"
            )
        }
        return (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
    }
}
