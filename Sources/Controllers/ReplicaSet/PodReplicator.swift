internal import APIMachinery
internal import KubeAPI

/// A kind that keeps a number of pods of one template: ReplicaSet, and ReplicationController before it.
protocol PodReplicator: APIObject {
    /// Where its events come from.
    static var eventComponent: String { get }
    var wantedReplicas: Int { get }
    var podTemplate: PodTemplateSpec { get }
    var minReadySeconds: Int32 { get }
    /// Which pods are its own. Matches nothing where it is missing or malformed.
    var podRequirements: LabelRequirements { get }
    var replicaStatus: ReplicaStatus { get set }
}

/// The status that both kinds share.
struct ReplicaStatus: Equatable, Sendable {
    var replicas: Int32 = 0
    var fullyLabeledReplicas: Int32 = 0
    var readyReplicas: Int32 = 0
    var availableReplicas: Int32 = 0
    /// `nil` where the kind has no such field.
    var terminatingReplicas: Int32?
    var observedGeneration: Int64 = 0
    var failure: ReplicaFailure?
}

/// The condition `ReplicaFailure`, where it is true.
struct ReplicaFailure: Equatable, Sendable {
    var reason: String
    var message: String
    var since: Time?
}

extension ReplicaSet: PodReplicator {
    static var eventComponent: String { "replicaset-controller" }
    var wantedReplicas: Int { Int(spec.replicas ?? 1) }
    var podTemplate: PodTemplateSpec { spec.template }
    var minReadySeconds: Int32 { spec.minReadySeconds ?? 0 }
    var podRequirements: LabelRequirements { LabelRequirements(lenient: spec.selector) }

    var replicaStatus: ReplicaStatus {
        get {
            ReplicaStatus(
                replicas: status.replicas, fullyLabeledReplicas: status.fullyLabeledReplicas ?? 0,
                readyReplicas: status.readyReplicas ?? 0, availableReplicas: status.availableReplicas ?? 0,
                terminatingReplicas: status.terminatingReplicas ?? 0,
                observedGeneration: status.observedGeneration ?? 0,
                failure: status.conditions.first { $0.type == "ReplicaFailure" && $0.status == "True" }.map {
                    ReplicaFailure(reason: $0.reason ?? "", message: $0.message ?? "", since: $0.lastTransitionTime)
                })
        }
        set {
            status.replicas = newValue.replicas
            status.fullyLabeledReplicas = newValue.fullyLabeledReplicas
            status.readyReplicas = newValue.readyReplicas
            status.availableReplicas = newValue.availableReplicas
            status.terminatingReplicas = newValue.terminatingReplicas
            status.observedGeneration = newValue.observedGeneration
            status.conditions.removeAll { $0.type == "ReplicaFailure" }
            guard let failure = newValue.failure else { return }
            var condition = ReplicaSetCondition()
            condition.type = "ReplicaFailure"
            condition.status = "True"
            condition.reason = failure.reason
            condition.message = failure.message
            condition.lastTransitionTime = failure.since
            status.conditions.append(condition)
        }
    }
}

extension ReplicationController: PodReplicator {
    static var eventComponent: String { "replication-controller" }
    var wantedReplicas: Int { Int(spec.replicas ?? 1) }
    var podTemplate: PodTemplateSpec { spec.template ?? PodTemplateSpec() }
    var minReadySeconds: Int32 { spec.minReadySeconds }
    var podRequirements: LabelRequirements { LabelRequirements(equalTo: spec.selector) }

    var replicaStatus: ReplicaStatus {
        get {
            ReplicaStatus(
                replicas: status.replicas, fullyLabeledReplicas: status.fullyLabeledReplicas ?? 0,
                readyReplicas: status.readyReplicas ?? 0, availableReplicas: status.availableReplicas ?? 0,
                terminatingReplicas: nil, observedGeneration: status.observedGeneration ?? 0,
                failure: status.conditions.first { $0.type == "ReplicaFailure" && $0.status == "True" }.map {
                    ReplicaFailure(reason: $0.reason ?? "", message: $0.message ?? "", since: $0.lastTransitionTime)
                })
        }
        set {
            status.replicas = newValue.replicas
            status.fullyLabeledReplicas = newValue.fullyLabeledReplicas
            status.readyReplicas = newValue.readyReplicas
            status.availableReplicas = newValue.availableReplicas
            status.observedGeneration = newValue.observedGeneration
            status.conditions.removeAll { $0.type == "ReplicaFailure" }
            guard let failure = newValue.failure else { return }
            var condition = ReplicationControllerCondition()
            condition.type = "ReplicaFailure"
            condition.status = "True"
            condition.reason = failure.reason
            condition.message = failure.message
            condition.lastTransitionTime = failure.since
            status.conditions.append(condition)
        }
    }
}
