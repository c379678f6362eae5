// SPDX-License-Identifier: Apache-2.0
// Goal: the schema history over HTTP is what the command prints. Method: the router, without a socket.
import Foundation
import GRDB
import Logging
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(1))) struct SchemaAPITests {
    private func answer(_ rollout: SchemaRollout, _ path: String) async throws -> RoutedAnswer {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = HTTPServer(
            host: "127.0.0.1",
            port: 0,
            registry: PrometheusRegistry(),
            health: Health(sources: [], sinks: []),
            schemas: SchemaAPI(
                log: rollout.rig.gateway.log,
                signals: rollout.rig.gateway.configuration.signals,
                logger: logger
            ),
            logger: logger
        )
        return try await RoutedAnswer(of: server, path)
    }

    @Test func bodiesAreThoseOfTheCommand() async throws {
        let rollout = try SchemaRollout()
        let selection = SchemaSelection(group: "4.2")
        let expected: [(String, [UInt8])] = try rollout.rig.ask { reader in
            [
                ("?group=4.2", SchemaAnswer.list(try reader.groups(selection))),
                (
                    "/history?limit=2",
                    SchemaAnswer.history(
                        try reader.timeline(of: SchemaSelection(), count: 2, bytesMax: .max)
                    )
                ),
                (
                    "/diff?a=4.1&b=4.2@3",
                    SchemaAnswer.diff(
                        try reader.diff(
                            SchemaReference("4.1"),
                            SchemaReference("4.2"),
                            SchemaSelection(),
                            units: rollout.units
                        )
                    )
                ),
                (
                    "/export?group=4.2&version=2&ranges=true",
                    SchemaDocument.json(
                        of: try reader.content(of: reader.group(selection), version: 2),
                        units: rollout.units,
                        options: .init(hasRanges: true)
                    ) + [0x0A]
                ),
            ]
        }
        for (path, body) in expected {
            let answer = try await answer(rollout, "/api/schemas" + path)
            #expect(answer.status == 200, "\(answer.body)")
            #expect(answer.body == String(decoding: body, as: UTF8.self))
            #expect(answer.header("ETag") != nil)
            #expect(throws: Never.self) {
                try JSONSerialization.jsonObject(with: Data(answer.body.utf8))
            }
        }
    }

    @Test(arguments: [
        ("?gruop=x", 400, "unknown parameter 'gruop'; did you mean 'group'?"),
        ("/history?limit=0", 400, "'limit' must be a whole number"),
        ("/diff?a=4.1", 400, "'a' and 'b' must say what is compared"),
        ("/diff?a=1&b=2", 400, "2 groups match; say which with 'group':"),
        ("/diff?a=4.1&b=4.3", 404, "no group matches; did you mean '4.1'?"),
        ("/export?group=4.2&version=4", 404, "has versions 1 to 3, and no version 4"),
        ("/export?group=4.2&version=0", 400, "'version' must be a whole number"),
        ("/export?group=4.2&ranges=yes", 400, "'ranges' must be true or false"),
    ])
    func wrongRequestIsExplained(query: String, status: Int, detail: String) async throws {
        let answer = try await answer(SchemaRollout(), "/api/schemas" + query)
        #expect(answer.status == status)
        #expect(answer.header("Content-Type") == "application/problem+json")
        #expect(try answer.flat()["detail"]?.text.contains(detail) == true, "\(answer.body)")
    }

    @Test func unreadableLogIsAProblem() async throws {
        let rollout = try SchemaRollout()
        try await rollout.rig.gateway.log.pool.write {
            try $0.execute(sql: "DROP TABLE schema_path")
        }
        let answer = try await answer(rollout, "/api/schemas/export?group=4.2")
        #expect(answer.status == 503)
        #expect(answer.body.contains("no such table: schema_path"))
    }
}
