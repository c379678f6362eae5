// SPDX-License-Identifier: Apache-2.0
// To Swift 6.3 `struct stat` is a part of this module.
import CDispatch
import Foundation

/// What tells one content of a file from the next.
struct FileVersion: Equatable, Sendable {
    let inode: UInt64
    let bytes: Int64
    /// Nanoseconds since 1970.
    let changed: Int64

    /// What the log keeps of it.
    var mark: String { "\(inode)-\(bytes)-\(changed)" }

    /// What the log keeps of a version of which no row could be taken.
    static func refused(_ mark: String) -> String { "refused \(mark)" }

    var time: Timestamp { Timestamp(milliseconds: changed / 1_000_000) }

    /// The version of the file at a path now; links are followed, `nil` when there is none.
    init?(path: String) throws(FeedFileError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            guard errno == ENOENT else { throw FeedFileError(path, "can't be looked at") }
            return nil
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FeedFileError(description: "'\(path)' is no file")
        }
        self.init(status)
    }

    fileprivate init(_ status: stat) {
        inode = UInt64(status.st_ino)
        bytes = Int64(status.st_size)
        changed = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }
}

/// Why a file can't be read or taken, in words for the log.
struct FeedFileError: Error, Equatable, CustomStringConvertible {
    var description: String
    /// The file could be read, but no table be made of it.
    var isAboutContent = false
}

extension FeedFileError {
    /// What is wrong with a file as a whole.
    static func content(_ reason: String) -> FeedFileError {
        FeedFileError(description: reason, isAboutContent: true)
    }

    /// The system refused; it has just said why.
    fileprivate init(_ path: String, _ what: String) {
        description = unsafe "'\(path)' \(what): \(String(cString: strerror(errno)))"
    }
}

/// An open file.
///
/// It is read and not mapped: a file that is cut short while it is mapped ends the process (SIGBUS).
struct FeedFile: ~Copyable {
    private let path: String
    private let descriptor: Int32

    init(path: String) throws(FeedFileError) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FeedFileError(path, "can't be opened") }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// What is open now, even if the path leads elsewhere already.
    func version() throws(FeedFileError) -> FileVersion {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw FeedFileError(path, "can't be looked at")
        }
        return FileVersion(status)
    }

    /// The next bytes; none at the end.
    func read(_ bytesMax: Int) throws(FeedFileError) -> [UInt8] {
        var count = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: bytesMax) { buffer, filled in
            repeat {
                count = unsafe Foundation.read(descriptor, buffer.baseAddress, bytesMax)
            } while count < 0 && errno == EINTR
            filled = max(0, count)
        }
        guard count >= 0 else { throw FeedFileError(path, "can't be read") }
        return bytes
    }
}
