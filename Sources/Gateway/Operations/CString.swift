// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A copy of a string for C; the caller frees it.
func copyCString(_ text: String) -> UnsafeMutablePointer<CChar> {
    guard let copy = unsafe strdup(text) else { preconditionFailure("no memory for a string") }
    return unsafe copy
}
