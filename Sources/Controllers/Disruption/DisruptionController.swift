internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Logging

/// Says in every PodDisruptionBudget how many of its pods are healthy and how many may be evicted
/// (https://kubernetes.io/docs/concepts/workloads/pods/disruptions/). The eviction subresource reads it.
struct DisruptionController: Reconciler {
    let client: Client
    let budgets: Lister<PodDisruptionBudget>
    let pods: Lister<Pod>
    let scales: PodScales
    let events: EventRecorder

    func reconcile(_ key: ObjectKey) async throws(APIError) -> Requeue {
        guard let budget = budgets[key] else { return .never }
        let guarded = pods.list(namespace: key.namespace).filter { budget.selects($0) }
        if guarded.isEmpty { events.record(budget, .normal, reason: "NoPods", "No matching pods found") }
        let now = Time.now()
        var unmanaged: [String] = []
        do {
            let count = try DisruptionCount(
                budget.spec, disrupted: budget.status.disruptedPods, guarded, now: now
            ) {
                let expected = try scales.expected(guarded)
                unmanaged = expected.unmanaged
                return expected.count
            }
            report(count, unmanaged, budget)
            let status = count.status(
                from: budget.status, generation: budget.metadata.generation ?? 0, now: now)
            try await write(status, budget)
            return count.nextLook.map { .after($0 + .seconds(1)) } ?? .never
        } catch let failure as APIError {
            throw failure
        } catch {
            try await close(budget, "\(error)", now)
            return .never
        }
    }

    /// Where pods cannot be counted, none may go.
    private func close(_ budget: PodDisruptionBudget, _ why: String, _ now: Time) async throws(APIError) {
        if why.hasPrefix("found no controller") {
            events.record(budget, .warning, reason: "NoControllers", why)
        }
        events.record(
            budget, .warning, reason: "CalculateExpectedPodCountFailed",
            "Failed to calculate the number of expected pods: \(why)")
        var status = budget.status
        status.disruptionsAllowed = 0
        status.setDisruptionAllowed(false, reason: "SyncFailed", why, now: now)
        try await write(status, budget)
    }

    private func report(_ count: DisruptionCount, _ unmanaged: [String], _ budget: PodDisruptionBudget) {
        if !unmanaged.isEmpty {
            events.record(
                budget, .warning, reason: "UnmanagedPods",
                """
                Pods selected by this PodDisruptionBudget (selector: \(budget.selectorText)) were found to be unmanaged. \
                As a result, the status of the PDB cannot be calculated correctly, which may result in undefined \
                behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.
                """)
        }
        for pod in count.overdue {
            events.record(
                pod, .warning, reason: "NotDeleted",
                "Pod was expected by PDB \(budget.key.namespace)/\(budget.name) to be deleted but it wasn't")
        }
    }

    private func write(_ status: PodDisruptionBudgetStatus, _ budget: PodDisruptionBudget) async throws(APIError) {
        guard status != budget.status else { return }
        var changed = budget
        changed.status = status
        do throws(APIError) {
            // Not over an eviction that the cache does not show yet: the revision tells, and we come again.
            try await client.updateStatus(changed)
        } catch {
            if !error.isNotFound { throw error }
        }
    }

    /// The controller on the shared informers, ready to run.
    static func makeRunner(
        client: Client, informers: InformerFactory, events: EventRecorder, workers: Int, logger: Logger
    ) -> ControllerRunner<DisruptionController> {
        let budgets = informers.informer(for: PodDisruptionBudget.self)
        let pods = informers.informer(for: Pod.self)
        let deployments = informers.informer(for: Deployment.self)
        let replicaSets = informers.informer(for: ReplicaSet.self)
        let replicationControllers = informers.informer(for: ReplicationController.self)
        let statefulSets = informers.informer(for: StatefulSet.self)
        let (queue, lister) = (WorkQueue<ObjectKey>(), budgets.lister)
        budgets.addHandler { queue.add($0.key) }
        @Sendable func mark(_ namespace: String?, _ matches: (PodDisruptionBudget) -> Bool) {
            guard lister.count > 0 else { return }
            for budget in lister.list(namespace: namespace ?? "") where matches(budget) { queue.add(budget.key) }
        }
        pods.addHandler(
            onAdd: { pod in mark(pod.metadata.namespace) { $0.selects(pod) } },
            onUpdate: { old, pod in mark(pod.metadata.namespace) { $0.selects(pod) || $0.selects(old) } },
            onDelete: { pod in mark(pod.metadata.namespace) { $0.selects(pod) } })
        // What is wanted counts as soon as it is wanted.
        deployments.addHandler(
            onUpdate: { old, new in
                if old.spec.replicas != new.spec.replicas { mark(new.metadata.namespace) { _ in true } }
            })
        replicaSets.addHandler(
            onUpdate: { old, new in
                if old.spec.replicas != new.spec.replicas { mark(new.metadata.namespace) { _ in true } }
            })
        let scales = PodScales(
            deployments: deployments.lister, replicaSets: replicaSets.lister,
            replicationControllers: replicationControllers.lister, statefulSets: statefulSets.lister)
        let controller = DisruptionController(
            client: client, budgets: lister, pods: pods.lister, scales: scales, events: events)
        return ControllerRunner(
            name: "disruption-controller", reconciler: controller, queue: queue, workers: workers, logger: logger)
    }
}

extension PodDisruptionBudget {
    /// An empty selector takes every pod of the namespace, none at all takes none.
    func selects(_ pod: Pod) -> Bool {
        guard let selector = spec.selector, let requirements = try? LabelRequirements(selector) else { return false }
        return requirements.matches(pod.metadata.labels)
    }

    /// The selector as Go prints it.
    fileprivate var selectorText: String {
        let labels = (spec.selector?.matchLabels ?? [:]).sorted { $0.key < $1.key }
            .map { "\($0.key):\($0.value)" }.joined(separator: " ")
        let expressions = (spec.selector?.matchExpressions ?? [])
            .map { "{\($0.key) \($0.operator) [\($0.values.joined(separator: " "))]}" }.joined(separator: " ")
        return "&LabelSelector{MatchLabels:map[string]string{\(labels)},"
            + "MatchExpressions:[]LabelSelectorRequirement{\(expressions)},}"
    }
}
