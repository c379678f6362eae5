// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Notices that files were replaced; looks at most once a second.
struct FileWatch {
    private struct Mark: Equatable {
        var device: UInt64
        var inode: UInt64
        var bytes: Int64
        var changed: Int64
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
        guard !files.isEmpty, now - lookedAt >= 1_000 else { return false }
        lookedAt = now
        let current = files.map(Self.mark)
        // While a file is missing somebody is in the middle of replacing it.
        guard current != marks, !current.contains(nil) else { return false }
        marks = current
        return true
    }

    private static func mark(_ path: String) -> Mark? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return Mark(
            device: UInt64(status.st_dev),
            inode: UInt64(status.st_ino),
            bytes: Int64(status.st_size),
            changed: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        )
    }
}
