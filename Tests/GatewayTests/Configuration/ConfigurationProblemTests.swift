// SPDX-License-Identifier: Apache-2.0
// Every class of mistake is told with its file, line and key; all mistakes are told at once.
import Testing

@testable import Gateway

@Suite struct ConfigurationProblemTests {
    static let mistakes = [
        Mistake(
            "unknown key",
            append: "htp: {}",
            "8: htp: unknown key; did you mean 'http'?"
        ),
        Mistake(
            "unknown key far from all",
            append: "colour: blue",
            "8: colour: unknown key"
        ),
        Mistake(
            "unknown key in a list",
            source: "recieve_maximum: 5",
            "6: sources[0].recieve_maximum: unknown key; did you mean 'receive_maximum'?"
        ),
        Mistake("not YAML", append: "log: [1, 2", "9: not YAML: "),
        Mistake(
            "missing section",
            replace: "gateway:\n  id: depot\n",
            with: "",
            "1: 'gateway' is missing"
        ),
        Mistake(
            "missing key",
            replace: "url: mqtt://localhost",
            with: "qos: 1",
            "4: sources[0]: 'url' is missing"
        ),
        Mistake(
            "mapping expected",
            replace: "- pattern: fleet/{vehicle}/state",
            with: "- fleet/#",
            "7: sources[0].topics[0]: must be a mapping of keys to values"
        ),
        Mistake(
            "single value expected",
            replace: "id: depot",
            with: "id: [depot]",
            "2: gateway.id: must be a single value, not a list"
        ),
        Mistake(
            "whole number expected",
            source: "receive_maximum: many",
            "6: sources[0].receive_maximum: must be a whole number (got 'many')"
        ),
        Mistake(
            "number out of range",
            source: "receive_maximum: 0",
            "6: sources[0].receive_maximum: must be from 1 to 65535 (got 0)"
        ),
        Mistake(
            "truth expected",
            append: "log:\n  raw: maybe",
            "9: log.raw: must be true or false (got 'maybe')"
        ),
        Mistake(
            "duration expected",
            append: "clock:\n  settle: soon",
            "9: clock.settle: must be a duration such as 500ms, 30s, 5m, 12h or 7d (got 'soon')"
        ),
        Mistake(
            "size expected",
            append: "log:\n  budget: big",
            "9: log.budget: must be a size such as 512KiB, 64MiB or 8GiB (got 'big')"
        ),
        Mistake(
            "size too small",
            append: "log:\n  budget: 4KiB",
            "9: log.budget: must be at least 16 MiB (got 4 KiB)"
        ),
        Mistake(
            "one of several expected",
            replace: "state",
            with: "state\n        format: nme_value",
            "8: sources[0].topics[0].format: must be one of object, name_value, scalar, text, "
                + "sparkplug_b (got 'nme_value'); did you mean 'name_value'?"
        ),
        Mistake(
            "unknown stream of a sink",
            append: "sinks:\n  - {name: s, url: 'mqtt://h', streams: {outliers: {topic: a}}}",
            "9: sinks[0].streams.outliers: unknown stream; did you mean 'outlier'?"
        ),
        Mistake(
            "alarm that never comes",
            append: "log: {retention: {dead_letter: {bytes: 8MiB, alarm: 8MiB}}}",
            "8: log.retention.dead_letter.alarm: must be less than 'bytes', 8 MiB: the stream never holds "
                + "much more (0 turns the alarm off)"
        ),
        Mistake(
            "alarm of another stream",
            append: "log: {retention: {raw: {alarm: 8MiB}}}",
            "8: log.retention.raw.alarm: unknown key"
        ),
        Mistake(
            "unknown stream of retention",
            append: "log: {retention: {row: {age: 1d}}}",
            "8: log.retention.row: unknown stream; did you mean 'raw'?"
        ),
    ]

    static let mqttMistakes = [
        Mistake(
            "a session that ends with the connection",
            source: "session_expiry: 0s",
            "6: sources[0].session_expiry: must be at least 1s"
        ),
        Mistake(
            "waits that shrink",
            source: "reconnect_min: 60s\n    reconnect_max: 1s",
            "4: sources[0]: reconnect_min is longer than reconnect_max"
        ),
        Mistake("QoS 2", source: "qos: 2", "6: sources[0].qos: 2 is refused: between PUBREC and"),
        Mistake(
            "QoS 0 out",
            append: "sinks:\n  - {name: s, url: 'mqtt://h', qos: 0, streams: {}}",
            "9: sinks[0].qos: must be from 1 to 1 (got 0)"
        ),
        Mistake(
            "literal password",
            source: "password: hunter2",
            "6: sources[0].password: must not stand in this file; write {env: NAME} or {file: PATH}"
        ),
        Mistake(
            "password from nowhere",
            source: "password: {}",
            "6: sources[0].password: needs 'env' or 'file'"
        ),
        Mistake(
            "password in an absent variable",
            source: "password: {env: GATEWAY_TEST_ABSENT}",
            "6: sources[0].password.env: environment variable GATEWAY_TEST_ABSENT is not set"
        ),
        Mistake(
            "password in an absent file",
            source: "password: {file: absent}",
            "6: sources[0].password.file: file '/etc/absent' is not there"
        ),
        Mistake(
            "TLS without mqtts",
            source: "tls: {}",
            "6: sources[0].tls: is given, but the url does not start with mqtts://"
        ),
        Mistake(
            "absent certificate authority",
            source: "tls: {ca: absent.pem}",
            "6: sources[0].tls.ca: file '/etc/absent.pem' is not there or can't be read"
        ),
        Mistake(
            "key without certificate",
            source: "tls: {key: /dev/null}",
            "6: sources[0].tls: 'certificate' and 'key' go together"
        ),
        Mistake(
            "other scheme",
            replace: "mqtt://localhost",
            with: "http://localhost",
            "5: sources[0].url: must look like mqtts://host:8883"
        ),
        Mistake(
            "user in the url",
            replace: "mqtt://localhost",
            with: "mqtt://me@localhost",
            "5: sources[0].url: must not hold a user or password"
        ),
        Mistake(
            "unknown protocol",
            source: "protocol: 3.1",
            "6: sources[0].protocol: must be 5 or 3.1.1 (got '3.1')"
        ),
        Mistake(
            "other type",
            source: "type: kafka",
            "6: sources[0].type: must be mqtt (got 'kafka')"
        ),
        Mistake(
            "topic pattern",
            replace: "{vehicle}/state",
            with: "#/{vehicle}",
            "7: sources[0].topics[0].pattern: '#' must be the last level"
        ),
        Mistake(
            "no vehicle",
            replace: "{vehicle}",
            with: "+",
            "7: sources[0].topics[0]: no vehicle id: name a level {vehicle} in the pattern"
        ),
        Mistake(
            "no signal",
            replace: "state",
            with: "state\n        format: scalar",
            "7: sources[0].topics[0]: format scalar needs a level {signal} in the pattern"
        ),
        Mistake(
            "time format",
            replace: "state",
            with: "state\n        event_time: {path: t, format: epoch}",
            "8: sources[0].topics[0].event_time.format: must be epoch_d, epoch_s,"
        ),
        Mistake(
            "time zone",
            replace: "state",
            with: "state\n        event_time: {path: t, zone: Mars}",
            "8: sources[0].topics[0].event_time.zone: is not a time zone"
        ),
        Mistake(
            "topic template",
            append: "sinks:\n  - {name: s, url: 'mqtt://h', streams: {raw: {topic: '{vehicel}'}}}",
            "9: sinks[0].streams.raw.topic: unknown field '{vehicel}'; did you mean 'vehicle'?"
        ),
    ]

    static let crossMistakes = [
        Mistake(
            "gateway id",
            replace: "id: depot",
            with: "id: depot/1",
            "2: gateway: id must be a word without '/', '+', '#' or spaces (got 'depot/1')"
        ),
        Mistake(
            "no sources",
            text: "gateway: {id: depot}\nsources: []",
            "2: sources: needs at least one source"
        ),
        Mistake(
            "two sources of one name",
            append: "  - {name: vehicles, url: 'mqtt://h', topics: {pattern: '{vehicle}'}}",
            "4: sources: source 'vehicles' is used twice"
        ),
        Mistake(
            "two clients of one id",
            append: "  - {name: x, url: 'mqtt://localhost', client_id: depot-vehicles,\n"
                + "     topics: {pattern: '{vehicle}'}}",
            "4: sources: client_id 'depot-vehicles at localhost:1883' is used twice"
        ),
        Mistake(
            "patterns that overlap",
            append: "      - pattern: fleet/{vehicle}/#",
            "4: sources: the patterns 'fleet/{vehicle}/state' and 'fleet/{vehicle}/#' "
                + "of source 'vehicles' overlap: a message that matches both would be taken twice"
        ),
        Mistake(
            "sink that feeds its source",
            append: "sinks:\n  - {name: s, url: 'mqtt://localhost',\n"
                + "     streams: {raw: {topic: 'fleet/{vehicle}/state'}}}",
            "9: sinks: 'fleet/{vehicle}/state' of sink 's' matches the pattern"
        ),
        Mistake(
            "one path of two signals",
            append: "signals:\n  a: {path: x}\n  b: {path: x}",
            "9: signals: path 'x' is used twice"
        ),
        Mistake(
            "reserved signal",
            append: "signals:\n  event_time: {path: x}",
            "9: signals: 'event_time' is the gateway's own column"
        ),
        Mistake(
            "signal's name",
            append: "signals:\n  Speed: {path: x}",
            "9: signals.Speed: a signal's name must be a lower-case SQL name"
        ),
    ]

    @Test(arguments: mistakes + mqttMistakes + crossMistakes)
    func mistakeIsToldWithItsPlace(mistake: Mistake) {
        let problems = mistake.problems
        #expect(
            problems.contains { $0.hasPrefix("gateway.yaml:\(mistake.problem)") },
            "\(problems)"
        )
    }

    /// A sink at a broker, which would feed the source at localhost and has its client id.
    private func problems(ofSinkAt host: String) -> [String] {
        Mistake(
            "",
            append: "sinks:\n  - {name: s, url: 'mqtt://\(host)', client_id: depot-vehicles,\n"
                + "     streams: {raw: {topic: 'fleet/{vehicle}/state'}}}",
            ""
        )
        .problems
    }

    @Test(arguments: ["localhost", "127.0.0.1", "127.0.0.1:1883", "[::1]", "LocalHost"])
    func brokerIsTheSameByAllNamesOfThisMachine(host: String) {
        let problems = problems(ofSinkAt: host)
        let place = "gateway.yaml:9: sinks: 'fleet/{vehicle}/state' of sink 's' matches the pattern"
        #expect(problems.count == 2)
        #expect(problems.contains { $0.hasPrefix(place) }, "\(problems)")
        #expect(
            problems.contains {
                $0.hasSuffix("client_id 'depot-vehicles at localhost:1883' is used twice")
            },
            "\(problems)"
        )
    }

    @Test(arguments: ["localhost:1884", "127.0.0.1:8883", "192.0.2.1", "localhost.example"])
    func anotherBrokerMayHaveTheSameTopicsAndClients(host: String) {
        #expect(problems(ofSinkAt: host) == [])
    }

    @Test func patternsOfTwoSourcesMayOverlap() {
        let source = "  - {name: x, url: 'mqtt://h', topics: {pattern: 'fleet/{vehicle}/#'}}"
        #expect(Mistake("", append: source, "").problems == [])
    }

    @Test func keyGivenTwiceIsAProblem() {
        let problems = Mistake("", append: "http: {}\ngateway:\n  id: other", "").problems
        #expect(problems.count == 1)
        #expect(problems.first?.contains("key given twice: gateway") == true)
        #expect(problems.first?.hasPrefix("gateway.yaml:9:") == true)
    }

    @Test func allProblemsAreToldAtOnce() {
        let text = Mistake.minimal.replacing("name: vehicles", with: "name: vehicles\n    qos: 2")
            .replacing("id: depot", with: "id: depot\n  colour: blue")
        let problems = Mistake.problems(text + "\nlog:\n  budget: 1\nhttp:\n  port: -1")
        #expect(problems.count == 4, "\(problems)")
    }

    @Test func fileThatIsNotThereIsAProblem() {
        let error = #expect(throws: Problems.self) {
            try Configuration.load(path: "/nonexistent/gateway.yaml", environment: [:])
        }
        #expect(
            error?.description
                == "/nonexistent/gateway.yaml: cannot be read; name the file with --config"
        )
    }

    @Test func emptyFileIsAProblem() {
        #expect(Mistake.problems("") == ["gateway.yaml: is empty"])
    }

    @Test(arguments: ["mqtt://localhost:0", "mqtt://localhost:65536", "mqtt://localhost:99999"])
    func portThatCannotBeIsAProblem(url: String) {
        #expect(!Mistake("", replace: "mqtt://localhost", with: url, "").problems.isEmpty)
    }

    @Test(arguments: ["a/b", "", "a+", "#"])
    func shareGroupThatIsNoWordIsAProblem(group: String) {
        // MQTT 5, section 4.8.2: `$share/a/b/fleet/#` would be the group `a` on `b/fleet/#`, and
        // the gateway would wait for messages that never come.
        #expect(!Mistake("", source: "share: '\(group)'", "").problems.isEmpty)
    }
}
