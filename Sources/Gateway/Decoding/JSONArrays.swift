// SPDX-License-Identifier: Apache-2.0
import JSONShim

/// How the arrays in the payloads of one topic become signals, as the parser's walk reads it.
@safe final class JSONArrays {
    /// As many paths as one topic may configure.
    static let countMax = Int(JSON_SHIM_ARRAYS_MAX)

    let handle: OpaquePointer

    /// `nil` when nothing is configured: then the walk has nothing to look out for.
    init?(_ arrays: [ArrayConfiguration], explodedBytesMax: Int) {
        guard !arrays.isEmpty else { return nil }
        guard let handle = unsafe json_shim_arrays_create(UInt64(explodedBytesMax)) else {
            preconditionFailure("no memory for the modes of arrays")
        }
        unsafe self.handle = handle
        for array in arrays.sorted(by: { $0.wildcardCount < $1.wildcardCount }) { add(array) }
    }

    deinit {
        unsafe json_shim_arrays_destroy(handle)
    }

    private func add(_ array: ArrayConfiguration) {
        let path = Array(array.path.utf8)
        var key: [UInt8] = []
        let mode: json_shim_array_mode
        switch array.mode {
        case .index: mode = json_shim_index
        case .explode: mode = json_shim_explode
        case .pivot(let name):
            mode = json_shim_pivot
            key = Array(name.utf8)
        }
        let isAdded = unsafe path.withUnsafeBufferPointer { path in
            unsafe key.withUnsafeBufferPointer { key in
                unsafe path.baseAddress.map { start in
                    unsafe json_shim_arrays_add(
                        handle,
                        start,
                        path.count,
                        mode,
                        key.baseAddress,
                        key.count
                    )
                }
            }
        }
        precondition(isAdded == true, "the configuration bounds the paths of arrays")
    }
}
