internal import APIMachinery

/// Which strategy each kind has. A kind that is not here is generic data.
enum Strategies {
    static func strategy(for kind: GroupVersionKind) -> any ResourceStrategy {
        table[kind.group + "/" + kind.kind] ?? PlainStrategy()
    }

    private static let table: [String: any ResourceStrategy] = [
        "/ConfigMap": ConfigMapStrategy(),
        "/Secret": SecretStrategy(),
        "/Pod": PodStrategy(),
        "/Node": NodeStrategy(),
        "/Namespace": NamespaceStrategy(),
        "/Service": ServiceStrategy(),
        "/ServiceAccount": ServiceAccountStrategy(),
        "/Event": EventStrategy(),
        "events.k8s.io/Event": EventStrategy(),
        "/Endpoints": EndpointsStrategy(),
        "/LimitRange": LimitRangeStrategy(),
        "/PodTemplate": PodTemplateStrategy(),
        "/ReplicationController": ReplicationControllerStrategy(),
        "/PersistentVolume": PersistentVolumeStrategy(),
        "/PersistentVolumeClaim": PersistentVolumeClaimStrategy(),
        "/ResourceQuota": ResourceQuotaStrategy(),
        "apps/Deployment": DeploymentStrategy(),
        "apps/ReplicaSet": ReplicaSetStrategy(),
        "apps/DaemonSet": DaemonSetStrategy(),
        "apps/StatefulSet": StatefulSetStrategy(),
        "apps/ControllerRevision": ControllerRevisionStrategy(),
        "batch/Job": JobStrategy(),
        "batch/CronJob": CronJobStrategy(),
        "coordination.k8s.io/Lease": LeaseStrategy(),
        "discovery.k8s.io/EndpointSlice": EndpointSliceStrategy(),
        "autoscaling/HorizontalPodAutoscaler": HorizontalPodAutoscalerStrategy(),
        "policy/PodDisruptionBudget": PodDisruptionBudgetStrategy(),
        "networking.k8s.io/Ingress": IngressStrategy(),
        "networking.k8s.io/NetworkPolicy": NetworkPolicyStrategy(),
        "networking.k8s.io/IngressClass": IngressClassStrategy(),
        "networking.k8s.io/ServiceCIDR": ServiceCIDRStrategy(),
        "networking.k8s.io/IPAddress": IPAddressStrategy(),
        "scheduling.k8s.io/PriorityClass": PriorityClassStrategy(),
        "storage.k8s.io/StorageClass": StorageClassStrategy(),
        "storage.k8s.io/VolumeAttachment": VolumeAttachmentStrategy(),
        "storage.k8s.io/CSINode": CSINodeStrategy(),
        "storage.k8s.io/CSIDriver": CSIDriverStrategy(),
        "storage.k8s.io/CSIStorageCapacity": CSIStorageCapacityStrategy(),
        "storage.k8s.io/VolumeAttributesClass": VolumeAttributesClassStrategy(),
        "rbac.authorization.k8s.io/Role": RoleStrategy(isNamespaced: true),
        "rbac.authorization.k8s.io/ClusterRole": RoleStrategy(isNamespaced: false),
        "rbac.authorization.k8s.io/RoleBinding": RoleBindingStrategy(isNamespaced: true),
        "rbac.authorization.k8s.io/ClusterRoleBinding": RoleBindingStrategy(isNamespaced: false),
        "certificates.k8s.io/CertificateSigningRequest": CertificateSigningRequestStrategy(),
        "node.k8s.io/RuntimeClass": RuntimeClassStrategy(),
        "flowcontrol.apiserver.k8s.io/FlowSchema": FlowSchemaStrategy(),
        "flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration": PriorityLevelStrategy(),
        "admissionregistration.k8s.io/MutatingWebhookConfiguration": AdmissionConfigurationStrategy(),
        "admissionregistration.k8s.io/ValidatingWebhookConfiguration": AdmissionConfigurationStrategy(),
        "admissionregistration.k8s.io/MutatingAdmissionPolicy": AdmissionConfigurationStrategy(),
        "admissionregistration.k8s.io/MutatingAdmissionPolicyBinding": AdmissionConfigurationStrategy(),
        "admissionregistration.k8s.io/ValidatingAdmissionPolicy": AdmissionConfigurationStrategy(),
        "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding": AdmissionConfigurationStrategy(),
        "apiextensions.k8s.io/CustomResourceDefinition": PlainStrategy(
            tracksGeneration: true, allowsUnconditionalUpdate: false),
        "apiregistration.k8s.io/APIService": APIServiceStrategy(),
        "resource.k8s.io/ResourceClaim": ResourceClaimStrategy(),
        "resource.k8s.io/ResourceClaimTemplate": ResourceClaimStrategy(),
        "resource.k8s.io/ResourceSlice": ResourceSliceStrategy(),
        "resource.k8s.io/DeviceClass": DeviceClassStrategy(),
    ]
}

/// A kind that differs from the rest in a few properties only.
struct PlainStrategy: ResourceStrategy {
    var nameRule = NameRule.subdomain
    var tracksGeneration = false
    var allowsCreateOnUpdate = false
    var allowsUnconditionalUpdate = true
    var returnsDeletedObject = false
}
