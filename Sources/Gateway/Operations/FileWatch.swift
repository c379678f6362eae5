// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Notices that files were replaced; looks at most once a second.
struct FileWatch {
    private struct Mark: Equatable {
        var file: UInt64
        var bytes: UInt64
        var changed: Date
    }

    private let files: [String]
    private var marks: [Mark?]
    private var lookedAt = Timestamp.distantPast

    init(files: [String]) {
        self.files = files
        marks = files.map(Self.mark)
    }

    /// Whether a file is another than at the last look; tells each change once.
    mutating func hasChanged(now: Timestamp) -> Bool {
        guard !files.isEmpty, abs(now - lookedAt) >= 1_000 else { return false }
        lookedAt = now
        let current = files.map(Self.mark)
        // While a file is missing somebody is in the middle of replacing it.
        guard current != marks, !current.contains(nil) else { return false }
        marks = current
        return true
    }

    private static func mark(_ path: String) -> Mark? {
        // A link is followed: renewals often switch one to another folder.
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let found = try? FileManager.default.attributesOfItem(atPath: target),
            let file = found[.systemFileNumber] as? NSNumber,
            let bytes = found[.size] as? NSNumber,
            let changed = found[.modificationDate] as? Date
        else { return nil }
        return Mark(file: file.uint64Value, bytes: bytes.uint64Value, changed: changed)
    }
}
