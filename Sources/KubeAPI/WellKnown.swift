// The constants of the Kubernetes API, under upstream's words. Fields stay `String`: unknown values must pass through.

/// `status.phase` of a Pod.
package enum PodPhase {
    package static let pending = "Pending"
    package static let running = "Running"
    package static let succeeded = "Succeeded"
    package static let failed = "Failed"
    package static let unknown = "Unknown"
}

/// `status` of a condition.
package enum ConditionStatus {
    package static let `true` = "True"
    package static let `false` = "False"
    package static let unknown = "Unknown"
}

/// `type` of a Pod's condition.
package enum PodConditionType {
    package static let podScheduled = "PodScheduled"
    package static let initialized = "Initialized"
    package static let containersReady = "ContainersReady"
    package static let ready = "Ready"
    package static let readyToStartContainers = "PodReadyToStartContainers"
    package static let disruptionTarget = "DisruptionTarget"
    package static let resizePending = "PodResizePending"
    package static let resizeInProgress = "PodResizeInProgress"
}

/// `type` of a Node's condition.
package enum NodeConditionType {
    package static let ready = "Ready"
    package static let memoryPressure = "MemoryPressure"
    package static let diskPressure = "DiskPressure"
    package static let pidPressure = "PIDPressure"
    package static let networkUnavailable = "NetworkUnavailable"
}

/// `type` of an address of a Node.
package enum NodeAddressType {
    package static let internalIP = "InternalIP"
    package static let externalIP = "ExternalIP"
    package static let hostname = "Hostname"
}

/// `restartPolicy` of a Pod.
package enum RestartPolicy {
    package static let always = "Always"
    package static let onFailure = "OnFailure"
    package static let never = "Never"
}

/// `imagePullPolicy` of a container.
package enum ImagePullPolicy {
    package static let always = "Always"
    package static let ifNotPresent = "IfNotPresent"
    package static let never = "Never"
}

/// `dnsPolicy` of a Pod.
package enum DNSPolicy {
    package static let clusterFirst = "ClusterFirst"
    package static let clusterFirstWithHostNet = "ClusterFirstWithHostNet"
    package static let `default` = "Default"
    package static let none = "None"
}

/// `qosClass` of a Pod.
package enum QOSClass {
    package static let guaranteed = "Guaranteed"
    package static let burstable = "Burstable"
    package static let bestEffort = "BestEffort"
}

/// `effect` of a taint.
package enum TaintEffect {
    package static let noSchedule = "NoSchedule"
    package static let preferNoSchedule = "PreferNoSchedule"
    package static let noExecute = "NoExecute"
}

/// Keys of the taints that upstream's components set.
package enum TaintKey {
    package static let notReady = "node.kubernetes.io/not-ready"
    package static let unreachable = "node.kubernetes.io/unreachable"
    package static let unschedulable = "node.kubernetes.io/unschedulable"
    package static let memoryPressure = "node.kubernetes.io/memory-pressure"
    package static let diskPressure = "node.kubernetes.io/disk-pressure"
    package static let pidPressure = "node.kubernetes.io/pid-pressure"
    package static let networkUnavailable = "node.kubernetes.io/network-unavailable"
    package static let outOfService = "node.kubernetes.io/out-of-service"
    package static let controlPlane = "node-role.kubernetes.io/control-plane"
}

/// `operator` of a toleration.
package enum TolerationOperator {
    package static let exists = "Exists"
    package static let equal = "Equal"
    package static let lt = "Lt"
    package static let gt = "Gt"
}

/// `operator` of a selector's requirement; `gt` and `lt` only for nodes.
package enum SelectorOperator {
    package static let `in` = "In"
    package static let notIn = "NotIn"
    package static let exists = "Exists"
    package static let doesNotExist = "DoesNotExist"
    package static let gt = "Gt"
    package static let lt = "Lt"
}

/// `whenUnsatisfiable` of a topology spread constraint.
package enum UnsatisfiableConstraintAction {
    package static let doNotSchedule = "DoNotSchedule"
    package static let scheduleAnyway = "ScheduleAnyway"
}

/// Names of compute resources.
package enum ComputeResource {
    package static let cpu = "cpu"
    package static let memory = "memory"
    package static let ephemeralStorage = "ephemeral-storage"
    package static let pods = "pods"
    package static let storage = "storage"
    package static let hugePagesPrefix = "hugepages-"
}

/// `status.phase` of a Namespace.
package enum NamespacePhase {
    package static let active = "Active"
    package static let terminating = "Terminating"
}

/// Namespaces that a cluster is born with.
package enum WellKnownNamespace {
    package static let `default` = "default"
    package static let kubeSystem = "kube-system"
    package static let kubePublic = "kube-public"
    package static let kubeNodeLease = "kube-node-lease"
}

/// `type` of a Service.
package enum ServiceType {
    package static let clusterIP = "ClusterIP"
    package static let nodePort = "NodePort"
    package static let loadBalancer = "LoadBalancer"
    package static let externalName = "ExternalName"
}

/// `clusterIP` of a headless Service.
package let clusterIPNone = "None"

/// `protocol` of a port.
package enum PortProtocol {
    package static let tcp = "TCP"
    package static let udp = "UDP"
    package static let sctp = "SCTP"
}

/// `strategy.type` of a Deployment; `updateStrategy.type` of a DaemonSet or StatefulSet.
package enum UpdateStrategy {
    package static let rollingUpdate = "RollingUpdate"
    package static let recreate = "Recreate"
    package static let onDelete = "OnDelete"
}

/// `type` of a Deployment's condition.
package enum DeploymentConditionType {
    package static let available = "Available"
    package static let progressing = "Progressing"
    package static let replicaFailure = "ReplicaFailure"
}

/// `type` of a Job's condition.
package enum JobConditionType {
    package static let complete = "Complete"
    package static let failed = "Failed"
    package static let suspended = "Suspended"
    package static let failureTarget = "FailureTarget"
    package static let successCriteriaMet = "SuccessCriteriaMet"
}

/// `concurrencyPolicy` of a CronJob.
package enum ConcurrencyPolicy {
    package static let allow = "Allow"
    package static let forbid = "Forbid"
    package static let replace = "Replace"
}

/// `completionMode` of a Job.
package enum CompletionMode {
    package static let nonIndexed = "NonIndexed"
    package static let indexed = "Indexed"
}

/// `type` of an Event.
package enum EventType {
    package static let normal = "Normal"
    package static let warning = "Warning"
}

/// `type` of a Secret.
package enum SecretType {
    package static let opaque = "Opaque"
    package static let serviceAccountToken = "kubernetes.io/service-account-token"
    package static let dockerConfigJSON = "kubernetes.io/dockerconfigjson"
    package static let dockerConfig = "kubernetes.io/dockercfg"
    package static let tls = "kubernetes.io/tls"
    package static let bootstrapToken = "bootstrap.kubernetes.io/token"
}

/// `propagationPolicy` of a delete.
package enum PropagationPolicy {
    package static let background = "Background"
    package static let foreground = "Foreground"
    package static let orphan = "Orphan"
}

/// Finalizers that the API server and the garbage collector act on.
package enum Finalizer {
    package static let foregroundDeletion = "foregroundDeletion"
    package static let orphan = "orphan"
    /// In `spec.finalizers` of a Namespace.
    package static let kubernetes = "kubernetes"
    package static let jobTracking = "batch.kubernetes.io/job-tracking"
    package static let pvcProtection = "kubernetes.io/pvc-protection"
    package static let pvProtection = "kubernetes.io/pv-protection"
}

/// `type` of a `hostPath` volume; empty means no check.
package enum HostPathType {
    package static let unset = ""
    package static let directoryOrCreate = "DirectoryOrCreate"
    package static let directory = "Directory"
    package static let fileOrCreate = "FileOrCreate"
    package static let file = "File"
    package static let socket = "Socket"
    package static let characterDevice = "CharDevice"
    package static let blockDevice = "BlockDevice"
}

/// `terminationMessagePolicy` of a container.
package enum TerminationMessagePolicy {
    package static let file = "File"
    package static let fallbackToLogsOnError = "FallbackToLogsOnError"
    /// Where a container writes why it ended, unless it says otherwise.
    package static let defaultPath = "/dev/termination-log"
}

/// Labels with a meaning of their own.
package enum Label {
    package static let hostname = "kubernetes.io/hostname"
    package static let os = "kubernetes.io/os"
    package static let arch = "kubernetes.io/arch"
    package static let zone = "topology.kubernetes.io/zone"
    package static let region = "topology.kubernetes.io/region"
    package static let controlPlane = "node-role.kubernetes.io/control-plane"
    /// On every Namespace: its own name.
    package static let namespaceName = "kubernetes.io/metadata.name"
    package static let podTemplateHash = "pod-template-hash"
    package static let controllerRevisionHash = "controller-revision-hash"
    package static let podTemplateGeneration = "pod-template-generation"
    package static let statefulSetPodName = "statefulset.kubernetes.io/pod-name"
    package static let podIndex = "apps.kubernetes.io/pod-index"
    package static let jobName = "batch.kubernetes.io/job-name"
    package static let jobControllerUID = "batch.kubernetes.io/controller-uid"
    package static let legacyJobName = "job-name"
    package static let legacyJobControllerUID = "controller-uid"
    package static let jobCompletionIndex = "batch.kubernetes.io/job-completion-index"
    /// On an EndpointSlice: its Service.
    package static let serviceName = "kubernetes.io/service-name"
    package static let endpointSliceManagedBy = "endpointslice.kubernetes.io/managed-by"
    package static let headlessService = "service.kubernetes.io/headless"
}

/// Annotations with a meaning of their own.
package enum Annotation {
    package static let lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
    package static let restartedAt = "kubectl.kubernetes.io/restartedAt"
    package static let defaultContainer = "kubectl.kubernetes.io/default-container"
    package static let deploymentRevision = "deployment.kubernetes.io/revision"
    package static let deploymentRevisionHistory = "deployment.kubernetes.io/revision-history"
    package static let deploymentDesiredReplicas = "deployment.kubernetes.io/desired-replicas"
    package static let deploymentMaxReplicas = "deployment.kubernetes.io/max-replicas"
    package static let changeCause = "kubernetes.io/change-cause"
    package static let podDeletionCost = "controller.kubernetes.io/pod-deletion-cost"
    /// On the bookmark that ends a watch's initial events.
    package static let initialEventsEnd = "k8s.io/initial-events-end"
    package static let configSource = "kubernetes.io/config.source"
    package static let configMirror = "kubernetes.io/config.mirror"
    package static let configHash = "kubernetes.io/config.hash"
    package static let serviceAccountName = "kubernetes.io/service-account.name"
    package static let serviceAccountUID = "kubernetes.io/service-account.uid"
    package static let defaultStorageClass = "storageclass.kubernetes.io/is-default-class"
    package static let endpointsLastChangeTriggerTime = "endpoints.kubernetes.io/last-change-trigger-time"
}

/// `reason` of a Status.
package enum StatusReason {
    package static let unknown = ""
    package static let unauthorized = "Unauthorized"
    package static let forbidden = "Forbidden"
    package static let notFound = "NotFound"
    package static let alreadyExists = "AlreadyExists"
    package static let conflict = "Conflict"
    package static let gone = "Gone"
    package static let expired = "Expired"
    package static let invalid = "Invalid"
    package static let badRequest = "BadRequest"
    package static let methodNotAllowed = "MethodNotAllowed"
    package static let notAcceptable = "NotAcceptable"
    package static let requestEntityTooLarge = "RequestEntityTooLarge"
    package static let unsupportedMediaType = "UnsupportedMediaType"
    package static let tooManyRequests = "TooManyRequests"
    package static let internalError = "InternalError"
    package static let serviceUnavailable = "ServiceUnavailable"
    package static let serverTimeout = "ServerTimeout"
    package static let timeout = "Timeout"
}
