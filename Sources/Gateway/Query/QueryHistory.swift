// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Where the prompt keeps what was typed (XDG Base Directory Specification).
enum QueryHistory {
    /// The history's file, with its folder made; `nil` without a home.
    static func file(environment: [String: String]) -> String? {
        let state: String
        if let named = environment["XDG_STATE_HOME"], named.hasPrefix("/") {
            state = named
        } else if let home = environment["HOME"], home.hasPrefix("/") {
            state = home + "/.local/state"
        } else {
            return nil
        }
        let folder = state + "/fleet-edge-gateway"
        do {
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            return nil
        }
        return folder + "/sql_history"
    }
}
