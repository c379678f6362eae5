// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Gateway

@Suite struct KafkaTokenTests {
    private let now = Timestamp.seconds(0)

    /// `now` in seconds since 1970, as a token writes it.
    private static let epoch: Int64 = 1_767_600_000

    /// A JSON Web Token (RFC 7519) with these claims; nobody here checks its signature.
    private static func jwt(_ claims: String) -> String {
        [#"{"alg":"RS256"}"#, claims, "signature"]
            .map { (part: String) -> String in
                Data(part.utf8).base64EncodedString().replacing("+", with: "-")
                    .replacing("/", with: "_").replacing("=", with: "")
            }
            .joined(separator: ".")
    }

    /// What is wrong with a token; `nil` when nothing is.
    private func problem(_ text: String) -> String? {
        do throws(KafkaTokenError) {
            _ = try KafkaToken(text: text, now: now)
            return nil
        } catch {
            return error.description
        }
    }

    // JSON Web Tokens.

    @Test func webTokenTellsItsEndAndItsSubject() throws {
        let text = Self.jwt(#"{"sub":"gateway-7","exp":\#(Self.epoch + 60),"iss":"depot"}"#)
        let token = try KafkaToken(text: text, now: now)
        #expect(token.value == text)
        #expect(token.principal == "gateway-7")
        #expect(token.expiresAt == .seconds(60))
    }

    @Test func claimsAreInTheAlphabetForURLs() throws {
        let text = Self.jwt(#"{"sub":"??>>~~ÿÿ","exp":\#(Self.epoch + 60)}"#)
        // RFC 4648, section 5: '-' and '_' stand where other base64 has '+' and '/'.
        try #require(text.contains("-") && text.contains("_"))
        let token = try KafkaToken(text: text, now: now)
        #expect(token.principal == "??>>~~ÿÿ")
        #expect(token.expiresAt == .seconds(60))
    }

    @Test(arguments: ["a", "ab", "abc", "abcd"])
    func paddingThatIsLeftOutIsNotMissed(subject: String) throws {
        let text = Self.jwt(#"{"exp":\#(Self.epoch + 60),"sub":"\#(subject)"}"#)
        let token = try KafkaToken(text: text, now: now)
        #expect(token.principal == subject)
        #expect(token.expiresAt == .seconds(60))
    }

    @Test func endMayHaveAFraction() throws {
        // RFC 7519, section 2: a NumericDate may be one.
        let text = Self.jwt(#"{"exp":\#(Self.epoch).5}"#)
        #expect(try KafkaToken(text: text, now: now).expiresAt == now + 500)
    }

    @Test func subjectMayBeLeftOut() throws {
        let text = Self.jwt(#"{"exp":\#(Self.epoch + 60)}"#)
        #expect(try KafkaToken(text: text, now: now).principal == "gateway")
    }

    @Test func tokenWithoutAnEndIsRenewedAfterFiveMinutes() throws {
        let token = try KafkaToken(text: Self.jwt(#"{"sub":"gateway-7"}"#), now: now)
        #expect(token.principal == "gateway-7")
        #expect(token.expiresAt == .seconds(300))
    }

    @Test(arguments: [epoch, epoch - 1, 0, -1])
    func tokenThatHasExpiredIsRefused(end: Int64) {
        #expect(problem(Self.jwt(#"{"sub":"gateway-7","exp":\#(end)}"#)) == "the token has expired")
    }

    // Tokens that only their issuer can read.

    @Test(arguments: [
        "abc", "a", "A-Za-z0-9-._~+/", "abc==", "a.b", "a.b.c", "a..c", "a.b.c.d", "..",
        jwt("no JSON"), jwt("[1]"), jwt("\"text\""), jwt(#"{"exp":"soon"}"#), jwt(""),
    ])
    func opaqueTokenIsRenewedAfterFiveMinutes(text: String) throws {
        let expected = KafkaToken(value: text, principal: "gateway", expiresAt: .seconds(300))
        #expect(try KafkaToken(text: text, now: now) == expected)
    }

    @Test(arguments: ["token\n", "token\r\n", " token", "\t\n token \n\n"])
    func whitespaceAroundATokenDoesNotCount(text: String) throws {
        #expect(try KafkaToken(text: text, now: now).value == "token")
    }

    @Test(arguments: ["", " ", "\n", "\r\n\t "])
    func emptyTokenIsRefused(text: String) {
        #expect(problem(text) == "the token is empty")
    }

    @Test(arguments: [
        "to ken", "to\nken", "to\r\nken", "tokén", "token\u{0}", "\"token\"", "to=ken", "=", "a,b",
        "Bearer token", "<html>", "\u{FEFF}token",
    ])
    func tokenWithOtherCharactersIsRefused(text: String) {
        #expect(problem(text) == "the token has characters that no bearer token has")
    }

    @Test(arguments: ["s3cret token", "s3cret\u{0}"])
    func tokenIsNotRepeatedInItsProblem(text: String) {
        #expect(problem(text)?.contains("s3cret") == false)
    }

    @Test func endBeyondAllTimesDoesNotStopTheGateway() async {
        await #expect(processExitsWith: .success) {
            // {"alg":"none"}, {"exp":1e300}
            let text = "eyJhbGciOiJub25lIn0.eyJleHAiOjFlMzAwfQ.c2ln"
            _ = try? KafkaToken(text: text, now: Timestamp(milliseconds: 0))
        }
    }
}
