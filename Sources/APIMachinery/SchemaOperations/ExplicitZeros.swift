/// Which optional scalars distinguish "set to zero" from "not set".
///
/// Upstream's Go types hold these by pointer, so an explicit `0`, `false` or `""` is kept; every other optional scalar
/// is dropped when it is zero (`omitempty`). The published schema does not say which is which.
enum ExplicitZeros {
    /// Whether the field of a built-in type keeps an explicit zero value.
    static func keeps(typeName: String, field: String) -> Bool {
        if everywhere.contains(field) { return true }
        guard let owners = inSomeTypes[field] else { return false }
        let components = typeName.split(separator: ".")
        guard let kind = components.last else { return false }
        let qualified = components.count >= 3 ? components[components.count - 3] + "." + kind : kind
        return owners.contains { $0 == kind || $0 == qualified }
    }

    /// Fields that are pointers wherever they are optional scalars.
    private static let everywhere: Set<String> = [
        // Integers.
        "activeDeadlineSeconds", "allocatedDevices", "availableDevices", "averageUtilization", "backoffLimit",
        "backoffLimitPerIndex", "borrowingLimitPercent", "capacity", "collisionCount", "completions",
        "currentCPUUtilizationPercentage", "defaultMode", "deletionGracePeriodSeconds", "endPort", "errorCode",
        "expirationSeconds", "failedJobsHistoryLimit", "fsGroup", "gracePeriodSeconds", "int", "leaseDurationSeconds",
        "leaseTransitions", "lendablePercent", "lun", "maxExpirationSeconds", "maxFailedIndexes", "maxItems",
        "maxLength", "maxProperties", "minDomains", "minItems", "minLength", "minProperties", "minReplicas", "mode",
        "nodeAllocatableUpdatePeriodSeconds", "nominalConcurrencyShares", "parallelism", "poolCount",
        "progressDeadlineSeconds", "remainingItemCount", "resourceSliceCount", "revisionHistoryLimit", "runAsGroup",
        "runAsUser", "stabilizationWindowSeconds", "startingDeadlineSeconds", "succeededCount",
        "successfulJobsHistoryLimit", "targetCPUUtilizationPercentage", "terminatingReplicas",
        "terminationGracePeriodSeconds", "tolerationSeconds", "totalDevices", "ttlSecondsAfterFinished",
        "unavailableDevices",
        // Numbers.
        "maximum", "minimum", "multipleOf",
        // Booleans.
        "adminAccess", "allNodes", "allocateLoadBalancerNodePorts", "allowMultipleAllocations",
        "allowPrivilegeEscalation", "allowVolumeExpansion", "attachRequired", "automountServiceAccountToken",
        "bindsToNode", "blockOwnerDeletion", "bool", "enableServiceLinks", "hostProcess", "hostUsers",
        "ignoreStoreReadErrorWithClusterBreakingPotential", "immutable", "manualSelector", "optional",
        "optionalOldSelf", "orphanDependents", "perDeviceNodeSelection", "podInfoOnMount",
        "preventPodSchedulingIfMissing", "privileged", "readOnlyRootFilesystem", "recursiveReadOnlyMounts",
        "requiresRepublish", "runAsNonRoot", "seLinuxMount", "serviceAccountTokenInSecrets", "serving",
        "setHostnameAsFQDN", "shareProcessNamespace", "started", "storageCapacity", "suspend", "terminating",
        "userNamespaces", "x-kubernetes-preserve-unknown-fields",
        // Strings.
        "appProtocol", "completionMode", "currentVolumeAttributesClassName", "deprecationWarning", "device",
        "distinctAttribute", "error", "extendedResourceName", "failurePolicy", "fsGroupChangePolicy",
        "fsGroupPolicy", "gmsaCredentialSpec", "gmsaCredentialSpecName", "holderIdentity", "hostnameOverride",
        "ingressClassName", "internalTrafficPolicy", "ipFamilyPolicy", "ipMode", "labelSelectorPath",
        "loadBalancerClass", "localhostProfile", "managedBy", "matchAttribute", "matchPolicy", "mountPropagation",
        "nodeAffinityPolicy", "nodeTaintsPolicy", "parameterNotFoundAction", "pathType", "persistentVolumeName",
        "podGroupName", "podReplacementPolicy", "poolName", "preemptionPolicy", "preferredHolder", "procMount",
        "propagationPolicy", "reclaimPolicy", "recursiveReadOnly", "reinvocationPolicy", "resourceClaimName",
        "resourceClaimTemplateName", "runAsUserName", "runtimeClassName", "seLinuxChangePolicy", "secretNamespace",
        "selectPolicy", "shareID", "sideEffects", "stopSignal", "string", "succeededIndexes",
        "supplementalGroupsPolicy", "targetVolumeAttributesClassName", "timeZone", "trafficDistribution",
        "unhealthyPodEvictionPolicy", "validationError", "volumeAttributesClassName", "volumeBindingMode",
        "volumeMode", "x-kubernetes-list-type", "x-kubernetes-map-type", "zone",
    ]

    /// Fields that are pointers in these types only; `discovery.EndpointPort` names the API group too.
    private static let inSomeTypes: [String: Set<String>] = [
        "apiGroup": ["IngressClassParametersReference", "TypedLocalObjectReference", "TypedObjectReference"],
        "containerName": ["PodFailurePolicyOnExitCodesRequirement"],
        "controller": ["OwnerReference"],
        "count": ["VolumeNodeResources"],
        "driver": ["DeviceTaintSelector"],
        "fsType": ["CSIVolumeSource", "LocalVolumeSource"],
        "hostname": ["Endpoint"],
        "name": ["discovery.EndpointPort", "ClusterTrustBundleProjection"],
        "namespace": ["IngressClassParametersReference", "TypedObjectReference"],
        "nodeName": ["BasicDevice", "Device", "Endpoint", "EndpointAddress", "PoolStatus", "ResourceSliceSpec"],
        "observedGeneration": ["HorizontalPodAutoscalerStatus"],
        "partition": ["RollingUpdateStatefulSetStrategy"],
        "path": ["ServiceReference"],
        "pool": ["DeviceTaintSelector"],
        "port": ["discovery.EndpointPort", "ServiceReference"],
        "priority": ["PodSpec", "PodGroupSpec", "PodGroupTemplate"],
        "protocol": ["discovery.EndpointPort", "NetworkPolicyPort"],
        "readOnly": ["CSIVolumeSource"],
        "ready": ["EndpointConditions", "JobStatus"],
        "reason": ["Validation", "ValidationRule"],
        "replicas": ["DeploymentSpec", "ReplicaSetSpec", "StatefulSetSpec", "ReplicationControllerSpec"],
        "resourceVersion": ["Preconditions"],
        "restartPolicy": ["Container", "EphemeralContainer"],
        "scope": ["IngressClassParametersReference", "NamedRuleWithOperations", "RuleWithOperations"],
        "signerName": ["ClusterTrustBundleProjection"],
        "storageClassName": ["PersistentVolumeClaimSpec"],
        "strategy": ["LeaseSpec"],
        "timeoutSeconds": ["ClientIPConfig", "MutatingWebhook", "ValidatingWebhook"],
        "type": ["HostPathVolumeSource"],
        "uid": ["Preconditions"],
        "url": ["WebhookClientConfig"],
        "version": ["DeviceAttribute"],
    ]
}

/// Which optional fields upstream prints as `null` when they are not set: Go slices and pointers without `omitempty`,
/// and times held by value. Observed in its answers; the published schema does not say.
enum AbsentAsNull {
    static func holds(typeName: String, field: FieldSchema) -> Bool {
        switch field.type {
        case .array where field.isRequired: return !omitted.contains(field.name)
        case .time, .microTime: if times.contains(field.name) { return true }
        default: break
        }
        guard let owners = inSomeTypes[field.name] else { return false }
        return owners.contains(typeName.split(separator: ".").suffix(3).joined(separator: "."))
    }

    /// Required lists that Go leaves out when they are empty.
    private static let omitted: Set<String> = ["validationActions"]

    private static let times: Set<String> = [
        "deprecatedFirstTimestamp", "deprecatedLastTimestamp", "eventTime", "expirationTimestamp", "finishedAt",
        "firstTimestamp", "lastHeartbeatTime", "lastObservedTime", "lastProbeTime", "lastTimestamp",
        "lastTransitionTime", "lastUpdateTime", "startedAt",
    ]

    private static let inSomeTypes: [String: Set<String>] = [
        "apiGroup": ["core.v1.TypedLocalObjectReference", "core.v1.TypedObjectReference"],
        "currentMetrics": ["autoscaling.v2.HorizontalPodAutoscalerStatus"],
        "endpoints": ["discovery.v1.EndpointSlice"],
        "ports": ["discovery.v1.EndpointSlice"],
        "requests": ["resource.v1.DeviceClaim", "resource.v1beta1.DeviceClaim", "resource.v1beta2.DeviceClaim"],
        "rules": ["rbac.v1.ClusterRole", "rbac.v1.Role"],
        "sources": ["core.v1.ProjectedVolumeSource"],
        "time": ["storage.v1.VolumeError"],
    ]
}
