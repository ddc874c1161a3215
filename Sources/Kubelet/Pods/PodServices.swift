internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient
internal import Logging

/// What every pod worker of a node shares.
struct PodServices: Sendable {
    let configuration: KubeletConfiguration
    let node: NodeFacts
    let cri: CRIClient
    let client: Client
    let recorder: EventRecorder
    let services: Lister<Service>
    let index: PodRuntimeIndex
    /// Tells which worker an event of the runtime is for.
    let owners: ContainerOwners
    /// What the node's watchers found out.
    let state: NodeState
    /// The pods' control groups.
    let groups: PodGroups
    /// How often probes ended in which way.
    let probes: ProbeTotals
    /// All pods of the node, static ones as they run.
    let pods: NodePods
    /// What the pods hold, so that resizes do not promise the same twice.
    let allocations = NodeAllocations()
    /// Who may start now.
    let turns = StartTurns()
    /// The ConfigMaps and Secrets of this node's pods.
    let content: ReferencedContent
    /// Who may use which image.
    let access: ImageAccess
    let pulls: ImagePulls
    let logger: Logger

    var puller: ImagePuller { ImagePuller(cri: cri, recorder: recorder, access: access, pulls: pulls) }
    var sandboxes: SandboxConfigBuilder { SandboxConfigBuilder(configuration: configuration) }
}
