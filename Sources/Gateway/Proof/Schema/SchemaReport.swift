// SPDX-License-Identifier: Apache-2.0

/// What a proof of schemas found.
struct SchemaReport: Sendable {
    /// Payloads that were published, and leaves that were compared with their documents.
    var documents = 0
    var paths = 0
    /// Changes that the script makes, and those of them that were told.
    var changesExpected = 0
    var changesSeen = 0
    /// Changes that were told and that nobody has made.
    var falseAlarms = 0
    /// Leaves that do not map back to their document, messages without their event, and changes missed.
    var wrong = 0
    /// Parts that did not come to rest.
    var failed = 0

    var isProven: Bool {
        wrong == 0 && failed == 0 && falseAlarms == 0 && changesSeen == changesExpected
            && documents > 0 && changesExpected > 0
    }

    var line: String {
        "schema: documents=\(documents) paths=\(paths) changes_expected=\(changesExpected) "
            + "changes_seen=\(changesSeen) false_alarms=\(falseAlarms) wrong=\(wrong) failed=\(failed)"
    }
}
