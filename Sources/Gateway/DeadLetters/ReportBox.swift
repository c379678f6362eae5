// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Where a report is left by whoever finishes it.
final class ReportBox: Sendable {
    private let content = Mutex<ReplayReport?>(nil)

    var report: ReplayReport? {
        get { content.withLock { $0 } }
        set { content.withLock { $0 = newValue } }
    }
}
