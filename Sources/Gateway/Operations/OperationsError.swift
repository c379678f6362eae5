// SPDX-License-Identifier: Apache-2.0

/// What can fail while the gateway is being observed.
enum OperationsError: Error, CustomStringConvertible {
    /// The HTTP endpoint could not listen, or stopped serving.
    case cannotServeHTTP(host: String, port: Int, reason: String)

    /// What failed, on what, why, and what to do.
    var description: String {
        switch self {
        case .cannotServeHTTP(let host, let port, let reason):
            """
            cannot serve HTTP on \(host):\(port): \(reason). \
            Is another process listening there? Choose a free port, or 0 for any.
            """
        }
    }
}
