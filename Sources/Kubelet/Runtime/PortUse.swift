internal import Glibc

/// Programs that listen on ports of this machine, from the kernel's tables (proc(5)).
package enum PortUse {
    /// A port of one protocol, `tcp` or `udp`.
    package struct Port: Hashable, Sendable {
        package let kind: String
        package let number: Int

        package init(kind: String, number: Int) {
            self.kind = kind
            self.number = number
        }
    }

    /// A socket that listens.
    struct Listener: Equatable {
        let port: Int
        let inode: String
    }

    /// Which of the ports are somebody's, and whose: `dnsmasq (process 812)`. Skiff's own do not count.
    package static func holders(of ports: Set<Port>) async -> [Port: String] {
        (try? await BlockingWork.run { find(ports) }) ?? [:]
    }

    private static func find(_ ports: Set<Port>) -> [Port: String] {
        var inodes: [String: Port] = [:]
        for (kind, state) in [("tcp", "0A"), ("udp", "07")] where ports.contains(where: { $0.kind == kind }) {
            for file in [kind, kind + "6"] {
                for listener in parse(FileSystem.text("/proc/net/" + file) ?? "", state: state) {
                    let port = Port(kind: kind, number: listener.port)
                    if ports.contains(port) { inodes[listener.inode] = port }
                }
            }
        }
        guard !inodes.isEmpty else { return [:] }
        var holders: [Port: String] = [:]
        for process in FileSystem.entries("/proc") {
            guard let pid = pid_t(process) else { continue }
            for descriptor in FileSystem.entries("/proc/\(process)/fd") {
                guard let inode = socket("/proc/\(process)/fd/\(descriptor)"), let port = inodes[inode] else {
                    continue
                }
                inodes[inode] = nil
                guard pid != getpid() else { continue }
                let name = (FileSystem.text("/proc/\(process)/comm") ?? "").split(separator: "\n").first ?? "?"
                holders[port] = "\(name) (process \(pid))"
            }
            if inodes.isEmpty { break }
        }
        // Sockets whose process cannot be seen, as in another namespace of processes.
        for port in inodes.values where holders[port] == nil { holders[port] = "another program" }
        return holders
    }

    /// Rows of `/proc/net/tcp` and its like in a state: local address as the second column, state as the fourth and
    /// inode as the tenth.
    static func parse(_ text: String, state: String) -> [Listener] {
        text.split(separator: "\n").dropFirst().compactMap { line in
            let columns = line.split(separator: " ")
            guard columns.count > 9, columns[3] == state, let port = columns[1].split(separator: ":").last,
                let number = Int(port, radix: 16)
            else { return nil }
            return Listener(port: number, inode: String(columns[9]))
        }
    }

    /// The inode, where the link is one to a socket.
    private static func socket(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 64)
        let count = readlink(path, &buffer, buffer.count)
        guard count > 9 else { return nil }
        let text = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard text.hasPrefix("socket:["), text.hasSuffix("]") else { return nil }
        return String(text.dropFirst("socket:[".count).dropLast())
    }
}
