internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Rolls a Deployment's template out through ReplicaSets, one per template
/// (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/).
///
/// Each pass takes one step from what is true now; the ReplicaSets' status changes bring the next.
struct DeploymentController: Reconciler {
    let client: Client
    let deployments: Lister<Deployment>
    let replicaSets: Lister<ReplicaSet>
    let pods: Lister<Pod>
    let events: EventRecorder
    let queue: WorkQueue<ObjectKey>

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard let deployment = deployments[key] else { return .never }
        if let selector = deployment.spec.selector, selector.matchLabels.isEmpty, selector.matchExpressions.isEmpty {
            events.record(
                deployment, .warning, reason: "SelectingAll",
                "This deployment is selecting all pods. A non-empty selector is required.")
            return .never
        }
        let sets = try await claimReplicaSets(of: deployment)
        var rollout = DeploymentRollout(
            client: client, events: events, deployment: deployment, sets: sets, replicaSets: replicaSets)
        if deployment.isBeingDeleted {
            try await rollout.reportCounts()
            return .never
        }
        try await rollout.noteWhetherPaused()
        if deployment.spec.isPaused || rollout.isScaling {
            try await rollout.scaleOnly()
            return .never
        }
        if deployment.spec.isRolling {
            try await rollout.stepRolling()
        } else {
            try await rollout.stepRecreate { set in pods.list(controlledBy: set.uid) }
        }
        return nextLook(at: rollout.deployment)
    }

    /// The Deployment's ReplicaSets, after adopting and releasing.
    private func claimReplicaSets(of deployment: Deployment) async throws(APIError) -> [ReplicaSet] {
        let requirements = LabelRequirements(lenient: deployment.spec.selector)
        let claim = OwnershipClaim<Deployment, ReplicaSet>(client: client, owner: deployment) {
            requirements.matches($0.metadata.labels)
        }
        let candidates =
            replicaSets.list(controlledBy: deployment.uid)
            + replicaSets.list(index: "orphans", value: deployment.metadata.namespace ?? "")
        return try await claim.claim(candidates)
    }

    /// The progress deadline passes by time alone: look again then.
    private func nextLook(at deployment: Deployment) -> Requeue {
        guard !deployment.status.isComplete(deployment),
            let left = deployment.status.timeToDeadline(deployment, now: .now())
        else { return .never }
        return .after(max(.zero, left) + .seconds(1))
    }
}

extension DeploymentController {
    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, events: EventRecorder, workers: Int, logger: Logger
    ) -> ControllerRunner<DeploymentController> {
        let deployments = informers.informer(for: Deployment.self)
        let replicaSets = informers.informer(for: ReplicaSet.self)
        let pods = informers.informer(for: Pod.self)
        replicaSets.addIndex(
            InformerIndex("orphans") { $0.controllerReference == nil ? [$0.metadata.namespace ?? ""] : [] })
        let queue = WorkQueue<ObjectKey>()
        let controller = DeploymentController(
            client: client, deployments: deployments.lister, replicaSets: replicaSets.lister, pods: pods.lister,
            events: events, queue: queue)
        deployments.addHandler { queue.add($0.key) }
        replicaSets.addHandler(
            onAdd: controller.replicaSetChanged,
            onUpdate: { old, new in
                if old.controllerReference != new.controllerReference { controller.replicaSetChanged(old) }
                controller.replicaSetChanged(new)
            },
            onDelete: controller.replicaSetChanged)
        pods.addHandler(
            onUpdate: { old, new in if new.isTerminal, !old.isTerminal { controller.podEnded(new) } },
            onDelete: controller.podEnded)
        return ControllerRunner(
            name: "deployment-controller", reconciler: controller, queue: queue, workers: workers, logger: logger)
    }

    /// Queues its Deployment, or those that may adopt it.
    @Sendable func replicaSetChanged(_ set: ReplicaSet) {
        let namespace = set.metadata.namespace ?? ""
        if let reference = set.controllerReference {
            guard reference.kind == "Deployment" else { return }
            queue.add(ObjectKey(namespace: namespace, name: reference.name))
            return
        }
        for deployment in deployments.list(namespace: namespace)
        where LabelRequirements(lenient: deployment.spec.selector).matches(set.metadata.labels) {
            queue.add(deployment.key)
        }
    }

    /// Only `Recreate` waits for pods to end.
    @Sendable func podEnded(_ pod: Pod) {
        guard let reference = pod.controllerReference, reference.kind == "ReplicaSet" else { return }
        let namespace = pod.metadata.namespace ?? ""
        guard
            let owner = replicaSets[ObjectKey(namespace: namespace, name: reference.name)]?.controllerReference,
            let deployment = deployments[ObjectKey(namespace: namespace, name: owner.name)],
            deployment.uid == owner.uid, !deployment.spec.isRolling
        else { return }
        queue.add(deployment.key)
    }
}
