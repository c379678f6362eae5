// SPDX-License-Identifier: Apache-2.0
// The keys that a source and a sink share: where the broker is and who we are there.
import Foundation

extension ConfigurationDecoder {
    func connection(_ section: YAMLMapping, clientID: String) -> MQTTConnectionConfiguration? {
        let endpoint = section.required("url").flatMap { decodeEndpoint($0) }
        let username = section.optional("username")?.string()
        let password = section.optional("password").flatMap { secret($0) }
        let clientID = section.string("client_id", default: clientID)
        let keepAlive = section.milliseconds("keep_alive", default: 30_000) / 1_000
        let minimum = section.milliseconds("reconnect_min", default: 200)
        let maximum = section.milliseconds("reconnect_max", default: 30_000)
        if minimum > maximum {
            section.value.report("reconnect_min is longer than reconnect_max")
        }
        let version = section.optional("protocol").flatMap { decodeProtocolVersion($0) } ?? 5
        let tls = section.optional("tls")
        guard let endpoint else { return nil }
        var connection = MQTTConnectionConfiguration(
            host: endpoint.host,
            port: endpoint.port,
            usesTLS: endpoint.usesTLS,
            username: username,
            password: password,
            clientID: clientID,
            protocolVersion: version,
            keepAliveSeconds: max(5, min(65_535, Int(keepAlive))),
            reconnectMinMilliseconds: max(10, minimum),
            reconnectMaxMilliseconds: max(maximum, minimum, 10)
        )
        if let tls, !endpoint.usesTLS {
            tls.report("is given, but the url does not start with mqtts://")
        }
        _ = tls?
            .mapping { section in
                connection.caFile = section.optional("ca").flatMap { readableFile($0) }
                connection.certificateFile = section.optional("certificate")
                    .flatMap { readableFile($0) }
                connection.keyFile = section.optional("key").flatMap { readableFile($0) }
                if (connection.certificateFile == nil) != (connection.keyFile == nil) {
                    section.value.report("'certificate' and 'key' go together")
                }
            }
        return connection
    }

    private func decodeEndpoint(_ value: YAMLValue) -> (host: String, port: Int, usesTLS: Bool)? {
        guard let text = value.string() else { return nil }
        guard let url = URLComponents(string: text), let host = url.host, !host.isEmpty,
            url.scheme == "mqtt" || url.scheme == "mqtts"
        else {
            // What stands before an '@' may be a password.
            let shown = text.contains("@") ? "***@" + (text.split(separator: "@").last ?? "") : text
            value.report("must look like mqtts://host:8883 or mqtt://host:1883 (got '\(shown)')")
            return nil
        }
        guard url.user == nil, url.password == nil else {
            value.report("must not hold a user or password; use 'username' and 'password'")
            return nil
        }
        guard (1...65_535).contains(url.port ?? 1) else {
            value.report("must have a port from 1 to 65535")
            return nil
        }
        let usesTLS = url.scheme == "mqtts"
        // IPv6 addresses stand in brackets in a URL (RFC 3986) but not in a socket address.
        let address = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        return (address, url.port ?? (usesTLS ? 8_883 : 1_883), usesTLS)
    }

    private func decodeProtocolVersion(_ value: YAMLValue) -> Int? {
        switch value.string() {
        case "5", "5.0": return 5
        case "3.1.1", "4": return 4
        case nil: return nil
        case let other?:
            value.report("must be 5 or 3.1.1 (got '\(other)')")
            return nil
        }
    }

    func readableFile(_ value: YAMLValue) -> String? {
        guard let path = value.string().map(path) else { return nil }
        guard FileManager.default.isReadableFile(atPath: path) else {
            value.report("file '\(path)' is not there or can't be read by this user")
            return nil
        }
        return path
    }

    /// `{env: NAME}` or `{file: PATH}`; a secret written into the file itself is refused.
    func secret(_ value: YAMLValue) -> Secret? {
        guard value.isMapping else {
            value.report("must not stand in this file; write {env: NAME} or {file: PATH}")
            return nil
        }
        let found: Secret?? = value.mapping { section in
            if let name = section.optional("env") {
                guard let variable = name.string() else { return nil }
                guard let text = environment[variable] else {
                    name.report("environment variable \(variable) is not set")
                    return nil
                }
                return Secret(text)
            }
            guard let file = section.optional("file") else {
                section.value.report("needs 'env' or 'file'")
                return nil
            }
            guard let path = readableFile(file) else { return nil }
            do {
                return try Secret.read(file: path)
            } catch {
                file.report("can't be read: \(error)")
                return nil
            }
        }
        return found ?? nil
    }
}
