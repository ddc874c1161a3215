internal import APIMachinery
internal import KubeAPI
internal import Testing

@testable import Scheduler

@Suite struct `Placing a pod` {
    private let algorithm = SchedulingAlgorithm.standard

    private func message(_ pod: Pod, _ nodes: [NodeInfo], preempts: Bool = true) -> String {
        do throws(Unschedulable) {
            return "placed on " + (try algorithm.place(context(pod, nodes)))
        } catch {
            return error.message(preempts: preempts)
        }
    }

    @Test func `goes to the only node that fits`() {
        #expect(message(makePod("a", cpu: "1"), [makeNode("n1", cpu: "500m"), makeNode("n2")]) == "placed on n2")
    }

    @Test func `says in upstream's words that a node is full`() {
        var full = makeNode("n1", cpu: "2")
        full.add(PodFacts(makePod("other", cpu: "1500m")))
        #expect(
            message(makePod("a", cpu: "1"), [full])
                == "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: "
                + "1 No preemption victims found for incoming pod."
        )
    }

    @Test func `says that preemption cannot help where the node is too small`() {
        #expect(
            message(makePod("a", cpu: "3"), [makeNode("n1", cpu: "2")])
                == "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: "
                + "1 Preemption is not helpful for scheduling."
        )
    }

    @Test func `counts a node once, by its first rejecting plugin`() {
        let cordoned = makeNode("n1") { $0.spec.unschedulable = true }
        let tainted = makeNode("n2") { $0.spec.taints = [makeTaint("dedicated", TaintEffect.noSchedule)] }
        let small = makeNode("n3", cpu: "100m")
        #expect(
            message(makePod("a", cpu: "1"), [cordoned, tainted, small], preempts: false)
                == "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), "
                + "1 node(s) were unschedulable. preemption: not eligible due to preemptionPolicy=Never."
        )
    }

    @Test func `says that there are no nodes`() {
        #expect(message(makePod("a"), []) == "no nodes available to schedule pods")
    }

    @Test func `tolerated taints are no obstacle`() {
        let tainted = makeNode("n1") { $0.spec.taints = [makeTaint("dedicated", TaintEffect.noSchedule)] }
        let pod = makePod("a") { pod in
            var toleration = Toleration()
            toleration.key = "dedicated"
            toleration.operator = TolerationOperator.exists
            pod.spec.tolerations = [toleration]
        }
        #expect(message(pod, [tainted]) == "placed on n1")
    }

    @Test func `node selector and affinity must match`() {
        let ssd = makeNode("n2") { $0.metadata.labels["disk"] = "ssd" }
        let pod = makePod("a") { $0.spec.nodeSelector = ["disk": "ssd"] }
        #expect(message(pod, [makeNode("n1"), ssd]) == "placed on n2")
        #expect(
            message(pod, [makeNode("n1")])
                == "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. "
                + "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
        )
    }

    @Test func `host ports are taken once a node`() {
        func port(_ name: String) -> Pod {
            makePod(name) { pod in
                var port = ContainerPort()
                port.containerPort = 80
                port.hostPort = 8080
                pod.spec.containers[0].ports = [port]
            }
        }
        var node = makeNode("n1")
        node.add(PodFacts(port("first")))
        #expect(
            message(port("second"), [node]).hasPrefix(
                "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
            )
        )
        #expect(message(port("second"), [node, makeNode("n2")]) == "placed on n2")
    }

    @Test func `anti-affinity keeps replicas apart`() {
        func replica(_ name: String) -> Pod {
            makePod(name) { pod in
                pod.metadata.labels = ["app": "web"]
                var affinity = Affinity()
                var anti = PodAntiAffinity()
                anti.requiredDuringSchedulingIgnoredDuringExecution = [
                    makeTerm("kubernetes.io/hostname", ["app": "web"])
                ]
                affinity.podAntiAffinity = anti
                pod.spec.affinity = affinity
            }
        }
        var used = makeNode("n1")
        used.add(PodFacts(replica("one")))
        #expect(message(replica("two"), [used, makeNode("n2")]) == "placed on n2")
        #expect(message(replica("two"), [used]).contains("1 node(s) didn't match pod anti-affinity rules"))
        // Also a pod without any wish of its own, if those there do not want it.
        let plain = makePod("three") { $0.metadata.labels = ["app": "web"] }
        #expect(message(plain, [used]).contains("1 node(s) didn't satisfy existing pods anti-affinity rules"))
    }

    @Test func `required affinity follows its peers, and the first of a group goes anywhere`() {
        func peer(_ name: String) -> Pod {
            makePod(name) { pod in
                pod.metadata.labels = ["app": "db"]
                var affinity = Affinity()
                var together = PodAffinity()
                together.requiredDuringSchedulingIgnoredDuringExecution = [
                    makeTerm("kubernetes.io/hostname", ["app": "db"])
                ]
                affinity.podAffinity = together
                pod.spec.affinity = affinity
            }
        }
        #expect(message(peer("one"), [makeNode("n1")]) == "placed on n1")
        var used = makeNode("n1")
        used.add(PodFacts(peer("one")))
        #expect(message(peer("two"), [used, makeNode("n2"), makeNode("n3")]) == "placed on n1")
    }

    @Test func `topology spread keeps the skew within its bound`() {
        func spread(_ name: String) -> Pod {
            makePod(name) { pod in
                pod.metadata.labels = ["app": "web"]
                var constraint = TopologySpreadConstraint()
                constraint.maxSkew = 1
                constraint.topologyKey = "kubernetes.io/hostname"
                constraint.whenUnsatisfiable = UnsatisfiableConstraintAction.doNotSchedule
                constraint.labelSelector = LabelSelector()
                constraint.labelSelector?.matchLabels = ["app": "web"]
                pod.spec.topologySpreadConstraints = [constraint]
            }
        }
        var used = makeNode("n1")
        used.add(PodFacts(spread("one")))
        #expect(message(spread("two"), [used, makeNode("n2")]) == "placed on n2")
    }

    @Test func `the emptier node is preferred`() {
        var busy = makeNode("n1")
        busy.add(PodFacts(makePod("other", cpu: "1")))
        #expect(message(makePod("a", cpu: "100m"), [busy, makeNode("n2")]) == "placed on n2")
    }

    @Test func `a sidecar counts beside the containers, an init container alone`() {
        let pod = makePod("a", cpu: "200m") { pod in
            func container(_ name: String, _ cpu: String, restart: String? = nil) -> Container {
                var container = Container()
                container.name = name
                container.resources.requests["cpu"] = Quantity(cpu)
                container.restartPolicy = restart
                return container
            }
            pod.spec.initContainers = [
                container("sidecar", "100m", restart: RestartPolicy.always), container("init", "150m"),
            ]
        }
        #expect(PodFacts(pod).requests.milliCPU == 300)
    }
}
