// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Testing

@testable import Gateway

@Suite struct DemoCommandTests {
    static let vehicles = "--vehicles must be from 1 to 500"
    static let duration = "--duration must be above 0 and at most 86400 seconds"
    static let rate = "--rate must be above 0 and at most 20000 messages a second"
    static let speed = "--speed must be above 0 and at most 1000000"

    @Test(arguments: [
        (["--vehicles=0"], vehicles), (["--vehicles=-1"], vehicles), (["--vehicles=501"], vehicles),
        (["--duration=0"], duration), (["--duration=86400.5"], duration),
        (["--duration=nan"], duration), (["--rate=0"], rate), (["--rate=-1"], rate),
        (["--rate=20001"], rate), (["--rate=inf"], rate),
        (["--traces=x", "--speed=0"], speed), (["--traces=x", "--speed=1000001"], speed),
        (["--speed=2"], "--speed is for --traces; the simulated fleet has --rate"),
    ])
    func valueBeyondReasonIsRefused(arguments: [String], message: String) throws {
        let error = #expect(throws: (any Error).self) { try DemoCommand.parse(arguments) }
        let refusal = try #require(error)
        #expect(DemoCommand.message(for: refusal) == message)
    }

    @Test(arguments: [
        [String](), ["--vehicles=1"], ["--vehicles=500"], ["--duration=0.1"], ["--duration=86400"],
        ["--rate=0.1"], ["--rate=20000"], ["--traces=x"], ["--traces=x", "--speed=1000000"],
    ])
    func valueAtItsBoundIsTaken(arguments: [String]) {
        #expect(throws: Never.self) { try DemoCommand.parse(arguments) }
    }
}
