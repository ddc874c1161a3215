internal import APIMachinery

/// Which function prints which resource.
enum RowPrinters {
    typealias Printer = @Sendable (PrintedObject) -> PrintedRow

    /// Name and age for everything that has no printer of its own.
    static func printer(group: String, plural: String) -> Printer {
        byResource[group.isEmpty ? plural : plural + "." + group] ?? CoreRows.nameAndAge
    }

    /// By plural name and group: `deployments.apps`.
    private static let byResource: [String: Printer] = core.merging(groups) { first, _ in first }

    private static let core: [String: Printer] = [
        "componentstatuses": CoreRows.componentStatus,
        "configmaps": CoreRows.configMap,
        "endpoints": NetworkRows.endpoints,
        "events": CoreRows.event,
        "limitranges": CoreRows.nameAndCreation,
        "namespaces": CoreRows.namespace,
        "nodes": CoreRows.node,
        "persistentvolumeclaims": StorageRows.persistentVolumeClaim,
        "persistentvolumes": StorageRows.persistentVolume,
        "pods": PodRow.print,
        "podtemplates": CoreRows.podTemplate,
        "replicationcontrollers": WorkloadRows.replicationController,
        "resourcequotas": CoreRows.resourceQuota,
        "secrets": CoreRows.secret,
        "services": NetworkRows.service,
    ]

    private static let groups: [String: Printer] = [
        "apiservices.apiregistration.k8s.io": PolicyRows.apiService,
        "controllerrevisions.apps": WorkloadRows.controllerRevision,
        "daemonsets.apps": WorkloadRows.daemonSet,
        "deployments.apps": WorkloadRows.deployment,
        "replicasets.apps": WorkloadRows.replicaSet,
        "statefulsets.apps": WorkloadRows.statefulSet,
        "events.events.k8s.io": CoreRows.event,
        "horizontalpodautoscalers.autoscaling": WorkloadRows.autoscaler,
        "cronjobs.batch": WorkloadRows.cronJob,
        "jobs.batch": WorkloadRows.job,
        "certificatesigningrequests.certificates.k8s.io": PolicyRows.certificateSigningRequest,
        "ingressclasses.networking.k8s.io": NetworkRows.ingressClass,
        "ingresses.networking.k8s.io": NetworkRows.ingress,
        "ipaddresses.networking.k8s.io": NetworkRows.ipAddress,
        "networkpolicies.networking.k8s.io": NetworkRows.networkPolicy,
        "servicecidrs.networking.k8s.io": NetworkRows.serviceCIDR,
        "poddisruptionbudgets.policy": PolicyRows.disruptionBudget,
        "clusterrolebindings.rbac.authorization.k8s.io": PolicyRows.binding,
        "clusterroles.rbac.authorization.k8s.io": CoreRows.nameAndCreation,
        "rolebindings.rbac.authorization.k8s.io": PolicyRows.binding,
        "roles.rbac.authorization.k8s.io": CoreRows.nameAndCreation,
        "csidrivers.storage.k8s.io": StorageRows.csiDriver,
        "csinodes.storage.k8s.io": StorageRows.csiNode,
        "csistoragecapacities.storage.k8s.io": CoreRows.nameAndCreation,
        "storageclasses.storage.k8s.io": StorageRows.storageClassRow,
        "volumeattachments.storage.k8s.io": StorageRows.volumeAttachment,
        "volumeattributesclasses.storage.k8s.io": StorageRows.volumeAttributesClass,
        "mutatingadmissionpolicies.admissionregistration.k8s.io": PolicyRows.mutatingPolicy,
        "mutatingadmissionpolicybindings.admissionregistration.k8s.io": PolicyRows.policyBinding,
        "mutatingwebhookconfigurations.admissionregistration.k8s.io": PolicyRows.webhooks,
        "validatingadmissionpolicies.admissionregistration.k8s.io": PolicyRows.validatingPolicy,
        "validatingadmissionpolicybindings.admissionregistration.k8s.io": PolicyRows.policyBinding,
        "validatingwebhookconfigurations.admissionregistration.k8s.io": PolicyRows.webhooks,
        "customresourcedefinitions.apiextensions.k8s.io": CoreRows.nameAndCreation,
        "priorityclasses.scheduling.k8s.io": PolicyRows.priorityClass,
        "leases.coordination.k8s.io": PolicyRows.lease,
        "runtimeclasses.node.k8s.io": PolicyRows.runtimeClass,
        "endpointslices.discovery.k8s.io": NetworkRows.endpointSlice,
        "resourceclaims.resource.k8s.io": PolicyRows.resourceClaim,
        "resourceslices.resource.k8s.io": PolicyRows.resourceSlice,
        "flowschemas.flowcontrol.apiserver.k8s.io": PolicyRows.flowSchema,
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": PolicyRows.priorityLevel,
    ]
}
