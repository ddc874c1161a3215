import APIMachinery
import KubeAPI
import Testing

@testable import Kubelet

@Suite struct `Variable expansion` {
    @Test(arguments: [
        ("$(A)", "1"), ("x$(A)y$(B)", "x1y2"), ("$$(A)", "$(A)"), ("$(C)", "$(C)"), ("$(A", "$(A"), ("a$", "a$"),
        ("$x", "$x"), ("plain", "plain"),
    ])
    func `follows upstream's rules`(text: String, wanted: String) {
        #expect(VariableExpansion.expand(text, ["A": "1", "B": "2"]) == wanted)
    }
}

@Suite struct `Image references` {
    @Test(arguments: [
        "busybox", "busybox:1.36", "docker.io/library/busybox", "localhost:5000/a/b:c", "registry.example.com/A:1",
        "a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ])
    func `that are good`(image: String) {
        #expect(ImageReference.isValid(image) == !image.hasSuffix("/A:1"))
    }

    @Test(arguments: ["", "Busybox", "a b", "a:", "a@sha256:zz", "a//b", ":1"])
    func `that are bad`(image: String) {
        #expect(!ImageReference.isValid(image))
    }

    @Test func `get a tag where they have none`() {
        #expect(ImageReference.withDefaultTag("a") == "a:latest")
        #expect(ImageReference.withDefaultTag("localhost:5000/a") == "localhost:5000/a:latest")
        #expect(ImageReference.withDefaultTag("a:1") == "a:1")
    }

    @Test(arguments: [(120, "120ms"), (1500, "1.5s"), (1234, "1.234s"), (61_000, "1m1s")])
    func `pull times read as Go writes them`(milliseconds: Int, wanted: String) {
        #expect(ImagePuller.text(.milliseconds(milliseconds)) == wanted)
    }
}

@Suite struct `Pod facts` {
    private func pod(requests: [String: String], limits: [String: String]) -> Pod {
        var container = Container()
        container.name = "a"
        container.resources.requests = requests.compactMapValues { Quantity($0) }
        container.resources.limits = limits.compactMapValues { Quantity($0) }
        var pod = Pod()
        pod.spec.containers = [container]
        return pod
    }

    @Test func `tell the quality of service`() {
        let full = ["cpu": "1", "memory": "1Gi"]
        #expect(PodFacts.qosClass(pod(requests: [:], limits: [:])) == "BestEffort")
        #expect(PodFacts.qosClass(pod(requests: full, limits: full)) == "Guaranteed")
        #expect(PodFacts.qosClass(pod(requests: [:], limits: full)) == "Guaranteed")
        #expect(PodFacts.qosClass(pod(requests: ["cpu": "1"], limits: [:])) == "Burstable")
    }

    @Test func `count the larger of init and main containers`() {
        var pod = pod(requests: ["cpu": "1"], limits: [:])
        var first = Container()
        first.name = "i"
        first.resources.requests = ["cpu": Quantity(3)]
        pod.spec.initContainers = [first]
        #expect(PodFacts.requests(pod)["cpu"] == Quantity(3))
        pod.spec.initContainers[0].restartPolicy = "Always"
        #expect(PodFacts.requests(pod)["cpu"] == Quantity(4))
    }
}

@Suite struct `Host resolver` {
    @Test func `reads what resolv.conf says`() {
        let text = "# made by hand\nnameserver 192.0.2.53\nsearch a.example b.example\noptions edns0 ndots:2\n"
        let resolver = HostResolver(parsing: text)
        #expect(resolver.servers == ["192.0.2.53"])
        #expect(resolver.searches == ["a.example", "b.example"])
        #expect(resolver.options == ["edns0", "ndots:2"])
    }
}

@Suite struct `Probe counter` {
    @Test func `wants so many tries of a kind in a row`() {
        var probe = Probe()
        probe.failureThreshold = 3
        probe.successThreshold = 2
        var counter = ProbeCounter(probe)
        let tries = [true, true, false, false, true, false, false, false, false]
        let verdicts: [Bool?] = [nil, true, nil, nil, nil, nil, nil, false, false]
        #expect(tries.map { counter.count($0) } == verdicts)
    }
}
