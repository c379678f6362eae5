// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDBSQLite

/// A view of the operating system in which SQLite finds no clock: `date('now')`, however it is
/// spelled, is NULL, so that the same data gives the same answer (https://www.sqlite.org/vfs.html).
enum ClocklessVFS {
    /// The name to open a connection with; the first use registers it.
    static let name: String = {
        let name = "gateway-clockless"
        guard let standard = unsafe sqlite3_vfs_find(nil) else {
            preconditionFailure("SQLite has no VFS")
        }
        // Lives as long as the process, because SQLite keeps the pointer.
        let vfs = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        unsafe vfs.initialize(to: standard.pointee)
        unsafe vfs.pointee.zName = unsafe UnsafePointer(strdup(name))
        unsafe vfs.pointee.xCurrentTime = { _, _ in SQLITE_ERROR }
        unsafe vfs.pointee.xCurrentTimeInt64 = { _, _ in SQLITE_ERROR }
        let code = unsafe sqlite3_vfs_register(vfs, 0)
        precondition(code == SQLITE_OK, "SQLite takes no further VFS")
        return name
    }()
}
