// SPDX-License-Identifier: Apache-2.0
// Goal: docs/openapi.yaml says what the server does: neither more nor less.
// Method: the requests are made from the file; what it can't tell (ids, states) is in `Scene`.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct OpenAPITests {
        private static let file = Repository.root + "/docs/openapi.yaml"
        private static let hasValidator = succeeds([
            "python3", "-c", "import openapi_spec_validator",
        ])

        private static func succeeds(_ command: [String]) -> Bool {
            (try? ChildProcess("/usr/bin/env", command, output: "/dev/null").wait()) == 0
        }

        @Test(
            "the description is valid OpenAPI 3.1",
            .enabled(if: hasValidator, "pip install openapi-spec-validator to check it here too")
        )
        func descriptionIsValid() {
            #expect(Self.succeeds(["python3", "-m", "openapi_spec_validator", Self.file]))
        }

        @Test("every route is described, and every described path is a route")
        func routesAreThoseOfTheFile() throws {
            let document = try document()
            let scene = try APIScene()
            let routes = scene.routes
            let described = try document.operations().map { "\($0.method) \($0.path)" }
            #expect(Set(routes) == Set(described))
        }

        @Test("every parameter that the server knows is described")
        func parametersAreThoseOfTheFile() throws {
            var known = SchemaAPI.parameters
            known["/api/vehicles"] = VehicleQuery.parameters
            for operation in try document().operations() {
                guard let names = known.removeValue(forKey: operation.path) else { continue }
                let described = operation.parameters.filter { $0["in"] == .text("query") }
                #expect(described.compactMap { $0["name"]?.text } == names)
            }
            #expect(known.isEmpty)
        }

        @Test("every example fits its schema")
        func examplesFit() throws {
            let document = try document()
            var checked = 0
            for operation in try document.operations() {
                for (status, response) in operation.responses {
                    for content in (response["content"]?.object ?? [:]).values {
                        guard let example = content["example"], let schema = content["schema"]
                        else { continue }
                        let problems = try document.problems(of: example, by: schema)
                        #expect(problems == [], "\(operation.path) \(status)")
                        checked += 1
                    }
                }
            }
            #expect(checked >= 7)
        }

        @Test("the server does what the description says, and says nothing else")
        func serverDoesWhatTheFileSays() async throws {
            let document = try document()
            let scene = try APIScene()
            try await scene.run { port in
                var seen: Set<String> = []
                for state in APIScene.State.allCases {
                    try await scene.enter(state)
                    for operation in try document.operations() {
                        for request in try requests(operation, state) {
                            let status = try await check(request, operation, document, port)
                            seen.insert("\(operation.path) \(status)")
                        }
                    }
                }
                let described = try document.operations()
                    .flatMap { operation in
                        operation.responses.keys.map { "\(operation.path) \($0)" }
                    }
                #expect(Set(described) == seen)
                let served = try await HTTPExchange(port: port, target: "/api/openapi.yaml")
                let text = try String(contentsOfFile: Self.file, encoding: .utf8)
                #expect(served.body.utf8.elementsEqual(text.utf8))
                for (method, target) in [("POST", "/api/vehicles"), ("GET", "/api/vehicle")] {
                    let other = try await HTTPExchange(port: port, method: method, target: target)
                    #expect(other.status == 404, "\(method) \(target)")
                }
            }
        }

        /// A request, and the status that it must get, if only one is right.
        private struct Call {
            var target: String
            var headers: [String: String] = [:]
            var content: String?
            var status: Int?
        }

        private func document() throws -> OpenAPIDocument {
            try OpenAPIDocument(text: String(contentsOfFile: Self.file, encoding: .utf8))
        }

        /// What the file lets a client send, and what it does not.
        private func requests(
            _ operation: OpenAPIDocument.Operation,
            _ state: APIScene.State
        ) throws -> [Call] {
            let id = QueryParameters.encode(APIScene.ids[1])
            let fixed = operation.parameters.filter { $0["required"] == .bool(true) }
                .compactMap { parameter in
                    parameter["in"] == .text("query")
                        ? "\(parameter["name"]?.text ?? "")=\(parameter["example"]?.text ?? "")"
                        : nil
                }
            let path = operation.path.replacing("{id}", with: id)
            let target = path + (fixed.isEmpty ? "" : "?" + fixed.joined(separator: "&"))
            if operation.method == "POST" { return orders(operation, state) }
            guard state == .healthy else { return [Call(target: target)] }
            var calls = [Call(target: target, status: 200)]
            for parameter in operation.parameters {
                let name = try #require(parameter["name"]?.text)
                switch parameter["in"]?.text {
                case "query" where parameter["required"] == .bool(true):
                    // Without it, and with it for what is not there.
                    calls.append(Call(target: path, status: 400))
                    let others = fixed.filter { !$0.hasPrefix(name + "=") } + ["\(name)=nobody"]
                    let query = "?" + others.joined(separator: "&")
                    calls.append(Call(target: path + query, status: 404))
                case "query":
                    let schema = try #require(parameter["schema"])
                    for (value, isRight) in try values(of: schema, parameter["example"]) {
                        let query =
                            (fixed.isEmpty ? "?" : "&") + "\(name)=\(QueryParameters.encode(value))"
                        calls.append(Call(target: target + query, status: isRight ? 200 : 400))
                    }
                case "header":
                    #expect(name == "If-None-Match")
                    calls.append(Call(target: target, headers: [name: "*"], status: 304))
                    calls.append(Call(target: target, headers: [name: "\"x\""], status: 200))
                case "path":
                    #expect(parameter["required"] == .bool(true))
                    for id in APIScene.ids {
                        let path = operation.path
                            .replacing("{id}", with: QueryParameters.encode(id))
                        calls.append(Call(target: path, status: 200))
                    }
                    calls.append(Call(target: "/api/vehicles/nobody", status: 404))
                    calls.append(Call(target: "/api/vehicles/%ff", status: 400))
                default: Issue.record("\(name) is nowhere")
                }
            }
            if operation.responses["400"] != nil {
                let query = (fixed.isEmpty ? "?" : "&") + "unheard=1"
                calls.append(Call(target: target + query, status: 400))
            }
            if path.hasSuffix("/export") {
                calls.append(Call(target: path + "?version=99", status: 404))
            }
            return calls
        }

        /// The one request with a body.
        private func orders(
            _ operation: OpenAPIDocument.Operation,
            _ state: APIScene.State
        ) -> [Call] {
            func order(_ content: String, _ status: Int, _ token: String = APIScene.token) -> Call {
                Call(
                    target: operation.path,
                    headers: ["Authorization": "Bearer \(token)"],
                    content: content,
                    status: status
                )
            }
            let most = (1...1_000).map { "\($0)" }.joined(separator: ",")
            guard state != .unreadable else { return [order(#"{"offsets":[1]}"#, 503)] }
            return [
                order(#"{"offsets":[1,2]}"#, 200), order(#"{"offsets":[\#(most)]}"#, 200),
                order(#"{"offsets":[\#(most),1001]}"#, 400), order(#"{"offsets":[]}"#, 400),
                order(#"{"offsets":["1"]}"#, 400), order("", 400),
                order(#"{"offsets":[1]}"#, 401, "another"), order(#"{"offsets":[1]}"#, 401, ""),
            ]
        }

        /// Values of a query parameter, with whether its schema allows them.
        private func values(
            of schema: JSONTree,
            _ example: JSONTree?
        ) throws -> [(String, Bool)] {
            var values: [(String, Bool)] = []
            if let allowed = schema["enum"]?.array.compactMap(\.text) {
                values += allowed.map { ($0, true) } + [("other", false), ("", false)]
            }
            if schema["type"]?.text == "integer" {
                let low = try #require(schema["minimum"]?.integer)
                values += [("\(low)", true), ("\(low - 1)", false), ("x", false)]
                if let high = schema["maximum"]?.integer {
                    values += [("\(high)", true), ("\(high + 1)", false)]
                }
            }
            if let longest = schema["maxLength"]?.integer {
                let text = "'" + String(repeating: "x", count: Int(longest) - 2) + "'"
                values += [(text, true), (text + " ", false)]
            }
            if let example = example?.text { values.append((example, true)) }
            #expect(!values.isEmpty)
            return values
        }

        /// Sends a request as GET and HEAD, and holds both answers against the description.
        private func check(
            _ call: Call,
            _ operation: OpenAPIDocument.Operation,
            _ document: OpenAPIDocument,
            _ port: Int
        ) async throws -> Int {
            let answer = try await HTTPExchange(
                port: port,
                method: operation.method,
                target: call.target,
                headers: call.headers,
                content: call.content
            )
            let place = Comment(rawValue: "\(call.target.prefix(200)): \(answer.body.prefix(500))")
            if let status = call.status { #expect(answer.status == status, place) }
            let response = operation.responses["\(answer.status)"]
            guard let response else {
                Issue.record("\(answer.status) is not described: \(place)")
                return answer.status
            }
            for name in ["ETag", "Cache-Control", "Link"] {
                guard let header = response["headers"]?[name] else {
                    #expect(name == "Cache-Control" || answer.headers[name.lowercased()] == nil)
                    continue
                }
                let schema = try document.resolve(header)["schema"]
                guard let value = answer.headers[name.lowercased()] else {
                    #expect(name == "Link", "\(name) is missing")
                    continue
                }
                #expect(try document.problems(of: .text(value), by: try #require(schema)) == [])
            }
            try checkBody(of: answer, response, document, place)
            guard operation.method == "GET" else { return answer.status }
            let head = try await HTTPExchange(
                port: port,
                method: "HEAD",
                target: call.target,
                headers: call.headers
            )
            #expect(head.status == answer.status, place)
            #expect(head.body.isEmpty, place)
            return answer.status
        }

        private func checkBody(
            of answer: HTTPExchange,
            _ response: JSONTree,
            _ document: OpenAPIDocument,
            _ place: Comment
        ) throws {
            guard let content = response["content"]?.object else {
                #expect(answer.body.isEmpty, place)
                return
            }
            let type = answer.headers["content-type"]?.split(separator: ";").first.map(String.init)
            let schema = try #require(content[type ?? ""]?["schema"], place)
            let isJSON = type?.hasSuffix("json") == true
            let body = try isJSON ? JSONTree(json: answer.body) : .text(answer.body)
            #expect(try document.problems(of: body, by: schema) == [], place)
        }
    }
}
