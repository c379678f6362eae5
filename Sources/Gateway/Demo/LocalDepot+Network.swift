// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

extension LocalDepot {
    /// Where free ports are looked for.
    ///
    /// Below the range that systems take the near end of outgoing connections from (RFC 6335, section 6, and
    /// Linux's `ip_local_port_range`): a port that is found free stays so until its server binds it, and
    /// while that server is restarted.
    private static let portRange = 15_000..<32_768

    /// Ports of the loopback interface that nobody listens on.
    static func freePorts(_ count: Int) throws -> [Int] {
        var sockets: [Int32] = []
        defer { for descriptor in sockets { _ = Glibc.close(descriptor) } }
        var ports: [Int] = []
        while ports.count < count, sockets.count < count + 100 {
            let port = Int.random(in: portRange)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            sockets.append(descriptor)
            var address = loopback(port: port)
            let length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isFree = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    unsafe bind(descriptor, address, length) == 0
                }
            }
            if isFree { ports.append(port) }
        }
        guard ports.count == count else {
            throw DepotError(description: "no free port on loopback in \(portRange)")
        }
        return ports
    }

    /// Whether somebody takes connections on a port of the loopback interface.
    static func accepts(port: Int) -> Bool {
        connect(port: port).map { Glibc.close($0) } != nil
    }

    /// The status of an HTTP GET on the loopback interface.
    static func httpStatus(port: Int, path: String) -> Int? {
        httpGet(port: port, path: path)
            .flatMap { response in
                response.split(separator: " ").dropFirst().first.flatMap { Int($0) }
            }
    }

    /// The whole answer to an HTTP GET, head and body.
    static func httpGet(port: Int, path: String) -> String? {
        exchange(
            port: port,
            "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
    }

    /// Sends a request to a port of the loopback interface and gives the answer, up to its end.
    ///
    /// A server of lines ends only when it is told that no more requests come.
    static func exchange(port: Int, _ request: String, isLast: Bool = false) -> String? {
        guard let descriptor = connect(port: port) else { return nil }
        defer { _ = Glibc.close(descriptor) }
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        _ = unsafe setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_RCVTIMEO,
            &timeout,
            socklen_t(MemoryLayout<timeval>.size)
        )
        let sent = unsafe send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL))
        guard sent > 0 else { return nil }
        if isLast { _ = shutdown(descriptor, Int32(SHUT_WR)) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = unsafe read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func connect(port: Int) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(port: port)
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe Foundation.connect(descriptor, address, length)
            }
        }
        guard result == 0 else {
            _ = Glibc.close(descriptor)
            return nil
        }
        return descriptor
    }

    private static func loopback(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
