internal import APIMachinery
internal import KubeAPI

@testable import Scheduler

func makePod(_ name: String, cpu: String? = nil, _ change: (inout Pod) -> Void = { _ in }) -> Pod {
    var pod = Pod()
    pod.metadata.name = name
    pod.metadata.namespace = "default"
    pod.metadata.uid = "uid-" + name
    var container = Container()
    container.name = "c"
    container.image = "app:v1"
    if let cpu, let quantity = Quantity(cpu) { container.resources.requests["cpu"] = quantity }
    pod.spec.containers = [container]
    change(&pod)
    return pod
}

func makeNode(
    _ name: String, cpu: String = "2", pods: Int = 110, _ change: (inout Node) -> Void = { _ in }
) -> NodeInfo {
    var node = Node()
    node.metadata.name = name
    node.metadata.labels = ["kubernetes.io/hostname": name]
    node.status.allocatable = [
        "cpu": Quantity(cpu) ?? .zero, "memory": Quantity("4Gi") ?? .zero, "pods": Quantity(pods),
    ]
    change(&node)
    var info = NodeInfo()
    info.node = NodeFacts(node)
    return info
}

func context(_ pod: Pod, _ nodes: [NodeInfo]) -> SchedulingContext {
    SchedulingContext(pod: PodFacts(pod), nodes: nodes) { _ in [:] }
}

func makeTaint(_ key: String, _ effect: String) -> Taint {
    var taint = Taint()
    taint.key = key
    taint.effect = effect
    return taint
}

func makeTerm(_ topologyKey: String, _ labels: [String: String]) -> PodAffinityTerm {
    var term = PodAffinityTerm()
    term.topologyKey = topologyKey
    term.labelSelector = LabelSelector()
    term.labelSelector?.matchLabels = labels
    return term
}
