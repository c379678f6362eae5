// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A folder of its own for one test; it is gone when nothing holds it any more.
final class TemporaryFolder: Sendable {
    let path: String
    private let isOurs: Bool

    /// A folder of somebody else, who removes it: the parent of an exit test, say.
    init(of path: String) {
        self.path = path
        isOurs = false
    }

    init() throws {
        isOurs = true
        path =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("gateway-tests-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true
        )
    }

    deinit {
        if isOurs { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Writes a file into the folder and gives its path.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        let file = "\(path)/\(name)"
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        return file
    }
}
