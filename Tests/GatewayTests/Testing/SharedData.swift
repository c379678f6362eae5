// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// Real data and other people's suites; they stand beside the repository and not in it.
enum SharedData {
    /// `FLEET_DATA`, or `../shared/data` as seen from the package.
    static var folder: URL {
        if let path = ProcessInfo.processInfo.environment["FLEET_DATA"] {
            return URL(fileURLWithPath: path)
        }
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../..")
        return package.appendingPathComponent("../shared/data").standardizedFileURL
    }

    /// Whether a file or folder is there.
    static func has(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
    }

    /// What a test that is skipped says.
    static let absent: Comment = """
        shared data is absent: it is looked for in ../shared/data beside the package, or where \
        FLEET_DATA says
        """
}
