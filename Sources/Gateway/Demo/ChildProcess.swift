// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// A program that we started and will end, by its own id.
final class ChildProcess: @unchecked Sendable {
    // Proof: the one mutable thing is Foundation's Process, whose methods used here (processIdentifier,
    // isRunning, waitUntilExit) are thread-safe once it runs, and it is launched in init.
    private let process = Process()

    var identifier: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }

    /// Starts a program; its output goes to `output`, or to ours when that is `nil`.
    init(
        _ program: String,
        _ arguments: [String],
        output: String?,
        environment: [String: String] = [:]
    ) throws {
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        if let output {
            if !FileManager.default.fileExists(atPath: output) {
                _ = FileManager.default.createFile(atPath: output, contents: nil)
            }
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
            try handle.seekToEnd()
            process.standardOutput = handle
            process.standardError = handle
        }
        try Self.start(process)
    }

    /// Held while a program is started.
    ///
    /// Foundation learns from a socket that a child has ended: the child holds the other end. A child that
    /// is started in between by another thread may inherit that end too, and then the first one seems
    /// to run until the second one has ended.
    private static let starting = Mutex<Void>(())

    /// Starts a program with all signals unblocked, one program at a time.
    ///
    /// A child inherits the mask of the thread that starts it, and the threads of the cooperative
    /// pool block what a server must hear: SIGTERM (pthread_sigmask(3)).
    static func start(_ process: Process) throws {
        try starting.withLock { _ in
            var none = sigset_t()
            var before = sigset_t()
            unsafe sigemptyset(&none)
            unsafe pthread_sigmask(SIG_SETMASK, &none, &before)
            defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
            try process.run()
        }
    }

    /// Asks the program to end and waits until it has; after `seconds` it is killed.
    @discardableResult
    func terminate(within seconds: Double = 30) -> Int32 {
        guard process.isRunning else { return process.terminationStatus }
        process.terminate()
        let deadline = Date().addingTimeInterval(seconds)
        while process.isRunning, Date() < deadline { Self.pause(0.005) }
        if process.isRunning { return kill() }
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Ends the program as a power cut would: SIGKILL.
    @discardableResult
    func kill() -> Int32 {
        if process.isRunning { _ = Foundation.kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Waits until the program ends by itself.
    func wait() -> Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// User and system time so far, in seconds (proc(5), /proc/pid/stat).
    var cpuSeconds: Double {
        guard
            let stat = try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8),
            let end = stat.lastIndex(of: ")")
        else { return 0 }
        let fields = stat[end...].split(separator: " ")
        // Fields 14 and 15 of the line; the command's name, field 2, ends at the bracket.
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13])
        else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Resident memory in MiB.
    var residentMiB: Double {
        guard let text = try? String(contentsOfFile: "/proc/\(identifier)/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Double($0) })
        else { return 0 }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE))) / Double(1 << 20)
    }

    static func pause(_ seconds: Double) {
        Thread.sleep(forTimeInterval: seconds)
    }
}
