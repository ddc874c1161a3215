import Glibc
import Testing

@testable import Kubelet

@Suite struct `Use of ports` {
    @Test func `the kernel's tables are read`() {
        let text = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100
               1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 100

            """
        #expect(PortUse.parse(text, state: "0A") == [PortUse.Listener(port: 3306, inode: "4711")])
    }

    @Test func `ports of Skiff itself are nobody's`() async throws {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var own = sockaddr_in()
        own.sin_family = sa_family_t(AF_INET)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &own) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(isBound)
        let port = PortUse.Port(kind: "udp", number: Int(UInt16(bigEndian: own.sin_port)))
        #expect(await PortUse.holders(of: [port]).isEmpty)
    }
}
