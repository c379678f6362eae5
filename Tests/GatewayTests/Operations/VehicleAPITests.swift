// SPDX-License-Identifier: Apache-2.0
// Goal: what a client may send is answered as HTTP says. Method: the router, without a socket.
import Foundation
import HTTPTypes
import Testing

import class GRDB.DatabasePool

@testable import Gateway

@Suite(.timeLimit(.minutes(1))) struct VehicleAPITests {
    private func fleet(_ ids: [String] = ["car-1", "car-2", "car-3"]) throws -> StoredFleet {
        let fleet = try StoredFleet(.cars())
        try fleet.store(
            ids.map { fleet.vehicle($0, ["speed": .int(3), "plate": .text("HH 1")]) },
            firing: ["parked"]
        )
        return fleet
    }

    @Test func recordHasAlertsAndEnrichment() async throws {
        let answer = try await fleet().answer("/api/vehicles/car-2?times=true")
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type") == "application/json; charset=utf-8")
        let flat = try answer.flat()
        #expect(flat["vehicle"] == .text("car-2"))
        #expect(flat["source"] == .text("vehicles"))
        #expect(flat["arrival_time"] == .int(1_767_600_000_010))
        #expect(flat["signals.speed"] == .int(3))
        #expect(flat["enrichment.plate"] == .text("HH 1"))
        #expect(flat["times.speed"] == .int(1_767_600_000_000))
        #expect(answer.body.contains(#""alerts":["parked"]"#))
    }

    @Test(
        arguments: ["a/b", "a b", "größe 🚗", "100%", "a+b", "?#&=", "\u{0}a\n", "%2F", "..", "\"'"]
    )
    func idsAreDecoded(id: String) async throws {
        let fleet = try fleet([id, "other"])
        let answer = try await fleet.answer("/api/vehicles/" + QueryParameters.encode(id))
        #expect(answer.status == 200)
        #expect(try answer.flat()["vehicle"] == .text(id))
        let list = try await fleet.answer("/api/vehicles?limit=1")
        let link = try #require(list.header("Link")?.split(separator: ">").first?.dropFirst())
        let next = try await fleet.answer(String(link))
        #expect(next.status == 200)
        #expect(next.header("Link") == nil)
    }

    @Test func linkCarriesEveryParameter() async throws {
        let answer = try await fleet()
            .answer("/api/vehicles?limit=1&filter=speed+%3E%202&times=true")
        let link = "/api/vehicles?limit=1&after=car-1&filter=speed%20%3E%202&times=true"
        #expect(answer.header("Link") == "<\(link)>; rel=\"next\"")
        #expect(answer.body.hasSuffix("],\"next\":\"car-1\"}\n"))
    }

    @Test(arguments: ["/api/vehicles", "/api/vehicles/car-1", "/api/openapi.yaml"])
    func knownBodyIsNotSentAgain(path: String) async throws {
        let fleet = try fleet()
        let first = try await fleet.answer(path)
        let tag = try #require(first.header("ETag"))
        #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""))
        #expect(first.header("Cache-Control") == "no-cache")
        for known in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
            let again = try await fleet.answer(path, ifNoneMatch: known)
            #expect(again.status == 304)
            #expect(again.body.isEmpty)
            #expect(again.header("ETag") == tag)
        }
        #expect(try await fleet.answer(path, ifNoneMatch: "\"x\"").status == 200)
    }

    @Test func tagChangesWithTheState() async throws {
        let fleet = try fleet()
        let before = try await fleet.answer("/api/vehicles").header("ETag")
        try fleet.store([fleet.vehicle("car-4", [:])])
        #expect(try await fleet.answer("/api/vehicles").header("ETag") != before)
    }

    @Test(arguments: ["/api/vehicles", "/api/vehicles/car-1", "/api/vehicles/x", "/api/vehicles?x"])
    func headIsGetWithoutTheBody(path: String) async throws {
        let fleet = try fleet()
        let get = try await fleet.answer(path)
        let head = try await fleet.answer(path, method: .head)
        #expect(head.status == get.status)
        #expect(head.headers == get.headers)
        #expect(head.header("Content-Length") == String(get.body.utf8.count))
        #expect(head.body.isEmpty)
    }

    @Test(arguments: [
        ("?limit=0", "'limit' must be a whole number from 1 to 1000 (got '0')"),
        ("?limit=1001", "(got '1001')"), ("?limit=ten", "(got 'ten')"),
        ("?limit=1&limit=2", "'limit' is given twice"),
        ("?times=yes", "'times' must be true or false (got 'yes')"),
        ("?fliter=speed", "unknown parameter 'fliter'; did you mean 'filter'?"),
        ("?offset=3", "unknown parameter 'offset'; known are limit, after, filter, times"),
        ("?after=%ff", "'%ff' is not percent-encoded UTF-8"),
        ("?filter=sped+%3E+3", "no such column: sped; did you mean 'speed'?\n    sped > 3\n    ^"),
        ("?filter=speed+%3E", "the expression ends too early\n    speed >\n           ^"),
        ("?filter=", "the expression ends too early"),
        ("?filter=random()", "function random() is not allowed"),
        ("?filter=date('now')", "must not read the wall clock"),
        ("?filter=(SELECT+1+FROM+sqlite_master)", "may only read the vehicle's columns"),
        ("?filter=1);DROP+TABLE+vehicle;--", "must be one expression"),
        ("?filter=?1", "must not hold parameters"),
        ("/car-1?limit=1", "unknown parameter 'limit'"), ("/%ff", "is not percent-encoded UTF-8"),
    ])
    func wrongRequestIsExplained(query: String, detail: String) async throws {
        let answer = try await fleet().answer("/api/vehicles" + query)
        #expect(answer.status == 400)
        #expect(answer.header("Content-Type") == "application/problem+json")
        let flat = try answer.flat()
        #expect(flat["status"] == .int(400))
        #expect(flat["detail"]?.text.contains(detail) == true, "\(answer.body)")
    }

    @Test func filterThatIsTooLongIsRefused() async throws {
        let filter = "speed" + String(repeating: "+OR+speed", count: 600)
        let answer = try await fleet().answer("/api/vehicles?filter=" + filter)
        #expect(answer.status == 400)
        #expect(answer.body.contains("longer than 4096 bytes"))
    }

    @Test func filterThatTakesTooLongSaysSo() async throws {
        let endless = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        let filter = QueryParameters.encode(endless + "SELECT max(i) FROM n)")
        let answer = try await fleet().answer("/api/vehicles?filter=" + filter)
        #expect(answer.status == 400)
        #expect(try answer.flat()["type"] == .text("urn:fleet-edge-gateway:failed-filter"))
        #expect(answer.body.contains("for vehicle 'car-1' it takes more than 1000000 steps"))
    }

    @Test func unknownVehicleIsNotFoundButGuessed() async throws {
        let answer = try await fleet(["car-0017", "van-3"]).answer("/api/vehicles/car-0071")
        #expect(answer.status == 404)
        #expect(answer.header("Content-Type") == "application/problem+json")
        #expect(answer.body.contains("did you mean 'car-0017'?"))
    }

    @Test func unreadableLogIsAProblem() async throws {
        let fleet = try fleet()
        try await fleet.log.pool.write { try $0.execute(sql: "DROP TABLE vehicle") }
        let answer = try await fleet.answer("/api/vehicles")
        #expect(answer.status == 503)
        #expect(answer.body.contains("no such table: vehicle"))
    }

    @Test func requestsAreCountedByRouteAndStatus() async throws {
        let fleet = try fleet()
        for path in ["/api/vehicles", "/api/vehicles/car-1", "/api/vehicles/x", "/api/vehicles/y"] {
            _ = try await fleet.answer(path)
        }
        _ = try? await fleet.answer("/x")
        let text = fleet.registry.exposition()
        for (route, status, count) in [
            ("/api/vehicles", 200, 1), ("/api/vehicles/{id}", 200, 1),
            ("/api/vehicles/{id}", 404, 2), ("none", 404, 1),
        ] {
            let labels = "{route=\"\(route)\",status=\"\(status)\"}"
            #expect(text.contains("gateway_http_requests_total\(labels) \(count)\n"), "\(text)")
        }
    }
}
