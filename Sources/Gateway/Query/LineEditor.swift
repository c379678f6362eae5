// SPDX-License-Identifier: Apache-2.0
import Foundation
import LineEditShim

/// A person at a terminal, with editing, history and completion by libedit.
///
/// Belongs to one thread; a process has at most one.
@safe final class LineEditor: LineSource {
    private static let historyMax: Int32 = 1_000

    let isInteractive = true
    private let historyFile: String?
    private let complete: (_ line: String, _ before: String) -> Completion
    private var edit: OpaquePointer?
    private var before = ""

    /// `nil` when the terminal can't be used.
    init?(
        historyFile: String?,
        complete: @escaping (_ line: String, _ before: String) -> Completion
    ) {
        self.historyFile = historyFile
        self.complete = complete
        // The editor is ended in `deinit`, before this object is gone.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe edit = line_edit_create(
            "gateway",
            Self.historyMax,
            QuerySignals.wake,
            completeWord,
            context
        )
        guard let edit = unsafe edit else { return nil }
        if let historyFile { unsafe line_edit_load_history(edit, historyFile) }
    }

    deinit {
        if let edit = unsafe edit { unsafe line_edit_destroy(edit) }
    }

    func next(before: String) -> LineRead {
        guard let edit = unsafe edit else { return .end }
        self.before = before
        var line: UnsafePointer<CChar>?
        switch unsafe line_edit_read(edit, before.isEmpty ? "gateway> " : "    ...> ", &line) {
        case Int32(LINE_EDIT_LINE):
            return unsafe .line(line.map { unsafe String(cString: $0) } ?? "")
        case Int32(LINE_EDIT_INTERRUPTED):
            return .interrupted
        default:
            return .end
        }
    }

    /// Written at once, so that it is there after whatever ends the program.
    func remember(_ statement: String) {
        guard let edit = unsafe edit else { return }
        // One line, so that the arrow keys show it well; a comment would swallow what follows it.
        let lines = statement.split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }
        for entry in statement.contains("--")
            ? lines : [lines.joined(separator: " ")]
        {
            unsafe line_edit_remember(edit, entry)
        }
        // A history that can't be kept is no reason to disturb anybody.
        if let historyFile { unsafe line_edit_save_history(edit, historyFile) }
    }

    fileprivate func answer(_ line: String, _ edit: OpaquePointer) {
        let completion = complete(line, before)
        unsafe line_edit_insert(edit, completion.insertion)
        guard !completion.choices.isEmpty else { return }
        unsafe line_edit_show(edit, completion.choices.joined(separator: "  "))
    }
}

private func completeWord(
    _ context: UnsafeMutableRawPointer,
    _ edit: OpaquePointer,
    _ before: UnsafePointer<CChar>
) {
    let editor = unsafe Unmanaged<LineEditor>.fromOpaque(context).takeUnretainedValue()
    unsafe editor.answer(String(cString: before), edit)
}
