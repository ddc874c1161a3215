import Testing

@testable import Kubelet

@Suite struct `Routes to Services` {
    @Test func `the kernel's routes are read as addresses and prefixes`() {
        let text = """
            Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
            eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
            lo\t0000F00A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
            vethab\t0200F40A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0

            """
        let routes = KernelRoute.parse(text)
        #expect(routes.map(\.text) == ["0.0.0.0/0", "10.240.0.0/16", "10.244.0.2/32"])
        #expect(routes.map(\.link) == ["eth0", "lo", "vethab"])
    }
}
