// SPDX-License-Identifier: Apache-2.0
import GRDBSQLite
import Synchronization

/// How many frames the write-ahead file holds, as SQLite tells after every commit
/// (https://www.sqlite.org/c3ref/wal_hook.html).
///
/// The file's size says less: it never shrinks.
final class WALFrames: Sendable {
    private let frames = Atomic<Int32>(0)

    var count: Int32 { frames.load(ordering: .relaxed) }

    /// Watches the connection that writes; must live as long as it does.
    func watch(_ connection: OpaquePointer) {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe sqlite3_wal_hook(
            connection,
            { context, _, _, count in
                if let context = unsafe context {
                    unsafe Unmanaged<WALFrames>.fromOpaque(context).takeUnretainedValue()
                        .frames.store(count, ordering: .relaxed)
                }
                return SQLITE_OK
            },
            context
        )
    }
}
