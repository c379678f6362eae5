// SPDX-License-Identifier: Apache-2.0
import Foundation

/// An event of the `schema` stream, as it was told.
struct SchemaEvent: Decodable {
    /// One thing that was different.
    struct Change: Decodable {
        var change: String
        var path: String
        var formerPath: String?
        var before: [String]?
        var after: [String]?
        var exampleBefore: Shown?
        var exampleAfter: Shown?
        var evidence: [String]?
        var unit: String?
        var severity: String?
        var alerts: [String]?
    }

    /// An example, as JSON: a text 5 and a number 5 are told apart.
    struct Shown: Decodable {
        var json: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            var writer = JSONWriter()
            if let value = try? container.decode(Bool.self) {
                writer.value(.bool(value))
            } else if let value = try? container.decode(Int64.self) {
                writer.value(.int(value))
            } else if let value = try? container.decode(Double.self) {
                writer.value(.double(value))
            } else {
                writer.value(.text(try container.decode(String.self)))
            }
            json = String(decoding: writer.bytes, as: UTF8.self)
        }
    }

    var change: String
    var severity: String?
    var summary: String?
    var formerGroup: String?
    var formerVersion: Int?
    var vehicles: [String]?
    var vehicleCount: Int?
    var changes: [Change]?
    var moreChanges: Int?

    /// `nil` when a later gateway has written something that this one can't read.
    init?(json: String) {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let event = try? decoder.decode(SchemaEvent.self, from: Data(json.utf8)) else {
            return nil
        }
        self = event
    }
}
