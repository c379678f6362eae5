// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Hummingbird

/// Why a request was not answered as asked, for programs and people (RFC 9457).
struct HTTPProblem: Error, Equatable {
    /// What programs tell problems apart by.
    enum Kind: String, CaseIterable {
        case wrongParameter = "wrong-parameter"
        case wrongFilter = "wrong-filter"
        case failedFilter = "failed-filter"
        case unknownVehicle = "unknown-vehicle"
        case unknownSchema = "unknown-schema"
        case unreadableLog = "unreadable-log"
        case noToken = "no-token"
        case wrongBody = "wrong-body"
        case notDone = "not-done"

        /// The same for every problem of this kind.
        var title: String {
            switch self {
            case .wrongParameter: "A parameter is wrong"
            case .wrongFilter: "The filter is no expression over a vehicle's columns"
            case .failedFilter: "The filter failed while it ran"
            case .unknownVehicle: "No such vehicle"
            case .unknownSchema: "No such schema"
            case .unreadableLog: "The log can't be read"
            case .noToken: "The gateway's token is missing or wrong"
            case .wrongBody: "The body is wrong"
            case .notDone: "It is not done yet"
            }
        }

        var status: HTTPResponse.Status {
            switch self {
            case .wrongParameter, .wrongFilter, .failedFilter, .wrongBody: .badRequest
            case .noToken: .unauthorized
            case .unknownVehicle, .unknownSchema: .notFound
            case .unreadableLog, .notDone: .serviceUnavailable
            }
        }
    }

    static let contentType = "application/problem+json"

    var kind: Kind
    /// What is wrong this time, and what to do.
    var detail: String

    /// The answer to the request.
    func response() -> Response {
        var json = JSONWriter()
        json.raw(#"{"type":"#)
        json.string("urn:fleet-edge-gateway:\(kind.rawValue)")
        json.raw(#","title":"#)
        json.string(kind.title)
        json.raw(#","status":"#)
        json.int(Int64(kind.status.code))
        json.raw(#","detail":"#)
        json.string(detail)
        json.raw("}\n")
        return Response(
            status: kind.status,
            headers: [.contentType: Self.contentType, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: json.bytes))
        )
    }
}
