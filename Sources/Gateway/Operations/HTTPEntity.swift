// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Hummingbird

/// A body that a client may hold already.
struct HTTPEntity {
    var contentType: String
    var bytes: [UInt8]
    /// Further headers of the answer.
    var headers: HTTPFields = [:]

    /// A strong validator (RFC 9110, section 8.8.3): length and FNV-1a of the bytes.
    var tag: String {
        let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x0100_0000_01B3
        }
        return "\"\(String(bytes.count, radix: 16))-\(String(hash, radix: 16))\""
    }

    /// The answer to a request: the body, or that the client has it.
    func response(to request: Request) -> Response {
        let tag = tag
        var headers = headers
        headers[.eTag] = tag
        // Keep it, but ask before using it.
        headers[.cacheControl] = "no-cache"
        guard !Self.isKnown(tag, to: request.headers[values: .ifNoneMatch]) else {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = contentType
        return Response(
            status: .ok,
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }

    /// `If-None-Match` compares weakly: `W/` makes no difference (RFC 9110, section 13.1.2).
    static func isKnown(_ tag: String, to values: [String]) -> Bool {
        values.flatMap { $0.split(separator: ",") }
            .contains { value in
                let known = value.drop { $0 == " " || $0 == "\t" }
                    .prefix { $0 != " " && $0 != "\t" }
                return known == "*" || known == tag || known == "W/\(tag)"
            }
    }
}
