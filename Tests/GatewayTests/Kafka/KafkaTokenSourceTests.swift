// SPDX-License-Identifier: Apache-2.0
// Tokens from real files and real programs.
import Foundation
import Testing

@testable import Gateway

@Suite struct KafkaTokenSourceTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// What is wrong with a source; `nil` when it gives a token.
    private func problem(_ source: KafkaTokenSource) -> String? {
        do throws(KafkaTokenError) {
            _ = try source.fetch(now: .seconds(0))
            return nil
        } catch {
            return error.description
        }
    }

    private func value(_ source: KafkaTokenSource) throws -> String {
        try source.fetch(now: .seconds(0)).value
    }

    // Files.

    @Test func fileHoldsAToken() throws {
        let source = KafkaTokenSource.file(try folder.write("abc.def\n", to: "token"))
        let expected = KafkaToken(value: "abc.def", principal: "gateway", expiresAt: .seconds(300))
        #expect(try source.fetch(now: .seconds(0)) == expected)
    }

    @Test func fileIsReadEachTime() throws {
        let source = KafkaTokenSource.file(try folder.write("first", to: "token"))
        #expect(try value(source) == "first")
        try folder.write("second", to: "token")
        #expect(try value(source) == "second")
    }

    @Test func fileThatIsNotThereIsTold() {
        let path = "\(folder.path)/absent"
        #expect(problem(.file(path)) == "the token's file '\(path)' can't be read")
    }

    @Test func fileThatIsNoTextIsTold() throws {
        let path = "\(folder.path)/token"
        try Data([0xFF, 0xFE, 0x00]).write(to: URL(fileURLWithPath: path))
        #expect(problem(.file(path)) == "the token's file '\(path)' can't be read")
    }

    @Test func emptyFileIsTold() throws {
        let path = try folder.write("\n", to: "token")
        #expect(problem(.file(path)) == "the token is empty")
    }

    // Programs.

    @Test func programPrintsAToken() throws {
        #expect(try value(.command(["printf", "abc.def"])) == "abc.def")
    }

    @Test func wordsArePassedAsTheyAre() throws {
        #expect(try value(.command(["printf", "%s.%s", "abc", "def"])) == "abc.def")
        // No shell looks at them: this would be a path of bearer characters.
        #expect(
            problem(.command(["printf", "%s", "$HOME"]))
                == "the token has characters that no bearer token has"
        )
    }

    @Test func programIsRunEachTime() throws {
        let path = try folder.write("first", to: "token")
        let source = KafkaTokenSource.command(["cat", path])
        #expect(try value(source) == "first")
        try folder.write("second", to: "token")
        #expect(try value(source) == "second")
    }

    @Test(arguments: [
        (["false"], "'false' ended with status 1"),
        (["sh", "-c", "printf abc; exit 3"], "'sh' ended with status 3"),
        // env(1): 127 is a program that can't be found.
        (["gateway-test-absent"], "'gateway-test-absent' ended with status 127"),
        (["sh", "-c", "kill -KILL $$"], "'sh' ended with status 9"),
    ])
    func programThatFailsIsTold(words: [String], text: String) {
        #expect(problem(.command(words)) == "the token's command \(text)")
    }

    @Test func programThatPrintsNothingIsTold() {
        #expect(problem(.command(["true"])) == "the token is empty")
    }

    @Test func programHasNoInputToWaitFor() {
        #expect(problem(.command(["cat"])) == "the token is empty")
    }

    @Test func programMayPrintMoreThanAPipeHolds() {
        #expect(
            problem(.command(["head", "-c", "300000", "/dev/zero"]))
                == "the token has characters that no bearer token has"
        )
    }

    @Test func whatAProgramPrintedIsNotInItsProblem() {
        let problem = problem(.command(["sh", "-c", "printf s3cret; exit 1"]))
        #expect(problem?.contains("s3cret") == false)
    }
}
