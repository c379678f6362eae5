// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct SecretTests {
    private static let word = "correct-horse"

    private func configuration() throws -> Configuration {
        let text = Mistake("", source: "password: {env: WORD}", "").text
        return try Configuration.decode(
            text: text,
            file: "/etc/gateway.yaml",
            environment: ["WORD": Self.word]
        )
    }

    @Test func secretIsRevealedToWhomNeedsIt() throws {
        #expect(try configuration().sources[0].connection.password?.reveal() == Self.word)
    }

    @Test func secretIsNotInADescription() throws {
        let configuration = try configuration()
        #expect(!"\(configuration)".contains(Self.word))
        #expect(!String(reflecting: configuration).contains(Self.word))
        #expect("\(Secret(Self.word))" == "***")
    }

    @Test func secretIsNotInADump() throws {
        var text = ""
        dump(try configuration(), to: &text)
        #expect(text.contains("depot"))
        #expect(!text.contains(Self.word))
    }

    @Test func literalPasswordIsNotRepeatedInItsProblem() {
        let problems = Mistake("", source: "password: \(Self.word)", "").problems
        #expect(!problems.isEmpty)
        #expect(!"\(problems)".contains(Self.word))
    }

    @Test(arguments: ["mqtt", "mqtts", "ssl", "tcp"])
    func passwordInAURLIsNotRepeatedInItsProblem(scheme: String) {
        let problems = Mistake(
            "",
            replace: "mqtt://localhost",
            with: "\(scheme)://me:\(Self.word)@localhost",
            ""
        )
        .problems
        #expect(!problems.isEmpty)
        #expect(!"\(problems)".contains(Self.word))
    }

    @Test(arguments: ["pass", "pass\n", "pass\r\n"])
    func newlineAtTheEndOfASecretFileDoesNotCount(text: String) throws {
        let folder = try TemporaryFolder()
        let secret = try Secret.read(file: folder.write(text, to: "secret"))
        // "\r\n" is one Character, which does not end in "\n".
        #expect(secret.reveal() == "pass")
    }

    @Test func onlyOneNewlineIsTaken() throws {
        let folder = try TemporaryFolder()
        #expect(try Secret.read(file: folder.write(" p \n\n", to: "secret")).reveal() == " p \n")
    }
}
