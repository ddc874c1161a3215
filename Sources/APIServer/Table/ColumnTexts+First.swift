/// The texts that `ColumnDescriptions` reads, in two parts.
enum ColumnTexts {}

extension ColumnTexts {
    static let first = #"""
        persistentvolumeclaims Access Modes
          accessModes contains the actual access modes the volume backing the PVC has. More info:
          https://kubernetes.io/docs/concepts/storage/persistent-volumes#access-modes-1
        persistentvolumes Access Modes
          accessModes contains all ways the volume can be mounted. More info:
          https://kubernetes.io/docs/concepts/storage/persistent-volumes#access-modes
        * Active
          A list of pointers to currently running jobs.
        * Address
          Address is a list containing ingress points for the load-balancer
        * AddressType
          addressType specifies the type of address carried by this EndpointSlice. All addresses in this slice
          must be the same type. This field is immutable after creation. The following address types are currently
          supported: * IPv4: Represents an IPv4 Address. * IPv6: Represents an IPv6 Address. * FQDN: Represents a
          Fully Qualified Domain Name. (Deprecated) The EndpointSlice controller only generates, and kube-proxy
          only processes, slices of addressType "IPv4" and "IPv6". No semantics are defined for the "FQDN" type.
        * Age
          CreationTimestamp is a timestamp representing the server time when this object was created. It is not
          guaranteed to be set in happens-before order across separate operations. Clients may not set this value.
          It is represented in RFC3339 form and is in UTC.¶¶Populated by the system. Read-only. Null for lists.
          More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata
        * AllowVolumeExpansion
          allowVolumeExpansion shows whether the storage class allow volume expand.
        * Allowed Disruptions
          Calculated number of pods that may be disrupted at this time.
        * AttachRequired
          attachRequired indicates this CSI volume driver requires an attach operation (because it implements the
          CSI ControllerPublishVolume() method), and that the Kubernetes attach detach controller should call the
          attach volume interface which checks the volumeattachment status and waits until the volume is attached
          before proceeding to mounting. The CSI external-attacher coordinates with CSI volume driver and updates
          the volumeattachment status when the attach operation is complete. If the CSIDriverRegistry feature gate
          is enabled and the value is specified to false, the attach operation will be skipped. Otherwise the
          attach operation will be called.¶¶This field is immutable.
        * Attached
          attached indicates the volume is successfully attached. This field must only be set by the entity
          completing the attach operation, i.e. the external-attacher.
        * Attacher
          attacher indicates the name of the volume driver that MUST handle this request. This is the name
          returned by GetPluginName().
        apiservices Available
          Whether this service is available.
        daemonsets Available
          The number of nodes that should be running the daemon pod and have one or more of the daemon pod running
          and available (ready for at least spec.minReadySeconds)
        deployments Available
          Total number of available non-terminating pods (ready for at least minReadySeconds) targeted by this
          deployment.
        * CIDRs
          CIDRs defines the IP blocks in CIDR notation (e.g. "192.168.0.0/24" or "2001:db8::/64") from which to
          assign service cluster IPs. Max of two CIDRs is allowed, one of each IP family. This field is immutable.
        persistentvolumeclaims Capacity
          capacity represents the actual resources of the underlying volume.
        persistentvolumes Capacity
          capacity is the description of the persistent volume's resources and capacity. More info:
          https://kubernetes.io/docs/concepts/storage/persistent-volumes#capacity
        * Claim
          claimRef is part of a bi-directional binding between PersistentVolume and PersistentVolumeClaim.
          Expected to be non-nil when bound. claim.VolumeName is the authoritative bind between PV and PVC. More
          info: https://kubernetes.io/docs/concepts/storage/persistent-volumes#binding
        * Class
          The name of the IngressClass resource that should be used for additional configuration
        * Cluster-IP
          clusterIP is the IP address of the service and is usually assigned randomly. If an address is specified
          manually, is in-range (as per system configuration), and is not in use, it will be allocated to the
          service; otherwise creation of the service will fail. This field may not be changed through updates
          unless the type field is also being changed to ExternalName (which requires this field to be blank) or
          the type field is being changed from ExternalName (in which case this field may optionally be specified,
          as describe above).  Valid values are "None", empty string (""), or a valid IP address. Setting this to
          "None" makes a "headless service" (no virtual IP), which is useful when direct endpoint connections are
          preferred and proxying is not required.  Only applies to types ClusterIP, NodePort, and LoadBalancer. If
          this field is specified when creating a Service of type ExternalName, creation will fail. This field
          will be wiped when updating a Service to type ExternalName. More info:
          https://kubernetes.io/docs/concepts/services-networking/service/#virtual-ips-and-service-proxies
        * Completions
          The number of pods which reached phase Succeeded. The value increases monotonically for a given spec.
          However, it may decrease in reaction to scale down of elastic indexed jobs.
        * Condition
          conditions applied to the request. Known conditions are "Approved", "Denied", and "Failed".
        * Container-Runtime
          ContainerRuntime Version reported by the node through runtime remote API (e.g. containerd://1.4.2).
        * Containers
          Names of each container in the template.
        controllerrevisions Controller
          Controller of the object
        ingressclasses Controller
          Controller that is responsible for handling this class
        * Count
          The number of times this event has occurred.
        * Created At
          CreationTimestamp is a timestamp representing the server time when this object was created. It is not
          guaranteed to be set in happens-before order across separate operations. Clients may not set this value.
          It is represented in RFC3339 form and is in UTC.¶¶Populated by the system. Read-only. Null for lists.
          More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata
        daemonsets Current
          The number of nodes that are running at least 1 daemon pod and are supposed to run the daemon pod. More
          info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/
        replicasets Current
          Replicas is the most recently observed number of non-terminating pods. More info:
          https://kubernetes.io/docs/concepts/workloads/controllers/replicaset
        replicationcontrollers Current
          Replicas is the most recently observed number of replicas. More info:
          https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller#what-is-a-replicationcontroller
        configmaps Data
          Data contains the configuration data. Each key must consist of alphanumeric characters, '-', '_' or '.'.
          Values with non-UTF-8 byte sequences must use the BinaryData field. The keys stored in Data must not
          overlap with the keys in the BinaryData field, this is enforced during validation process.
        secrets Data
          Data contains the secret data. Each key must consist of alphanumeric characters, '-', '_' or '.'. The
          serialized form of the secret data is a base64 encoded string, representing the arbitrary (possibly
          non-string) data value here. Described in https://tools.ietf.org/html/rfc4648#section-4
        daemonsets Desired
          The total number of nodes that should be running the daemon pod (including nodes correctly running the
          daemon pod). More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/
        replicasets Desired
          Replicas is the number of desired pods. This is a pointer to distinguish between explicit zero and
          unspecified. Defaults to 1. More info:
          https://kubernetes.io/docs/concepts/workloads/controllers/replicaset
        replicationcontrollers Desired
          Replicas is the number of desired replicas. This is a pointer to distinguish between explicit zero and
          unspecified. Defaults to 1. More info:
          https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller#what-is-a-replicationcontroller
        * DistinguisherMethod
          `distinguisherMethod` defines how to compute the flow distinguisher for requests that match this schema.
          `nil` specifies that the distinguisher is disabled and thus will always be the empty string.
        * Driver
          Driver identifies the DRA driver providing the capacity information. A field selector can be used to
          list only ResourceSlice objects with a certain driver name.¶¶Must be a DNS subdomain and should end with
          a DNS domain owned by the vendor of the driver. It should use only lower case characters. This field is
          immutable.
        * DriverName
          Name of the CSI driver This field is immutable.
        * Drivers
          Drivers indicates the number of CSI drivers registered on the node
        * Duration
          Time required to complete the job.
        endpoints Endpoints
          The set of all endpoints is the union of all subsets. Addresses are placed into subsets according to the
          IPs they share. A single address with multiple ports, some of which are ready and some of which are not
          (because they come from different containers) will result in the address being displayed in different
          subsets for the different ports. No address will appear in both Addresses and NotReadyAddresses in the
          same subset. Sets of addresses and ports that comprise a service.
        endpointslices Endpoints
          endpoints is a list of unique endpoints in this slice. Each slice may include a maximum of 1000
          endpoints.
        * Error
          Error of the component conditions
        nodes External-IP
          List of addresses reachable to the node. Queried from cloud provider, if available. More info:
          https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is declared as
          mergeable, but the merge key is not sufficiently unique, which can cause data corruption when it is
          merged. Callers should instead use a full-replacement patch. See https://pr.k8s.io/79391 for an example.
          Consumers should assume that addresses can change during the lifetime of a Node. However, there are some
          exceptions where this may not be possible, such as Pods that inherit a Node's address in its own status
          or consumers of the downward API (status.hostIP).
        services External-IP
          externalIPs is a list of IP addresses for which nodes in the cluster will also accept traffic for this
          service.  These IPs are not managed by Kubernetes.  The user is responsible for ensuring that traffic
          arrives at a node with this IP.  A common example is external load-balancers that are not part of the
          Kubernetes system.
        * First Seen
          The time at which the event was first recorded. (Time of server receipt is in TypeMeta.)
        * Global-Default
          globalDefault specifies whether this PriorityClass should be considered as the default priority for pods
          that do not have any priority class. Only one PriorityClass can be marked as `globalDefault`. However,
          if more than one PriorityClasses exists with their `globalDefault` field set to true, the smallest value
          of such global default PriorityClasses will be used as the default priority.
        clusterrolebindings Groups
          Groups in the clusterRoleBinding
        rolebindings Groups
          Groups in the roleBinding
        * HandSize
          `handSize` is a small positive number that configures the shuffle sharding of requests into
          queues.  When enqueuing a request at this priority level the request's flow identifier (a string pair)
          is hashed and the hash value is used to shuffle the list of queues and deal a hand of the size specified
          here.  The request is put into one of the shortest queues in that hand. `handSize` must be no larger
          than `queues`, and should be significantly smaller (so that a few heavy flows do not saturate most of
          the queues).  See the user-facing documentation for more extensive guidance on setting this field.  This
          field has a default value of 8.
        * Holder
          holderIdentity contains the identity of the holder of a current lease. If Coordinated Leader Election is
          used, the holder identity must be equal to the elected LeaseCandidate.metadata.name field.
        * Hosts
          Hosts that incoming requests are matched against before the ingress rule
        * IP
          podIP address allocated to the pod. Routable at least within the cluster. Empty if not yet allocated.
        * Images
          Images referenced by each container in the template.
        * Internal-IP
          List of addresses reachable to the node. Queried from cloud provider, if available. More info:
          https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is declared as
          mergeable, but the merge key is not sufficiently unique, which can cause data corruption when it is
          merged. Callers should instead use a full-replacement patch. See https://pr.k8s.io/79391 for an example.
          Consumers should assume that addresses can change during the lifetime of a Node. However, there are some
          exceptions where this may not be possible, such as Pods that inherit a Node's address in its own status
          or consumers of the downward API (status.hostIP).
        * Kernel-Version
          Kernel Version reported by the node from 'uname -r' (e.g. 3.16.0-0.bpo.4-amd64).
        * Last Schedule
          Information when was the last time the job was successfully scheduled.
        * Last Seen
          The time at which the most recent occurrence of this event was recorded.
        * Limit
          Limits control the maximum amount of cpu/memory that a container may use independent of contention on
          the node.
        * MatchingPrecedence
          `matchingPrecedence` is used to choose among the FlowSchemas that match a given request. The chosen
          FlowSchema is among those with the numerically lowest (which we take to be logically highest)
          MatchingPrecedence.  Each MatchingPrecedence value must be ranged in [1,10000]. Note that if the
          precedence is not specified, it will be set to 1000 as default.
        * Max Unavailable
          The maximum number of pods that may be unavailable.
        * MaxPods
          maxReplicas is the upper limit for the number of replicas to which the autoscaler can scale up. It
          cannot be less that minReplicas.
        componentstatuses Message
          Message of the component conditions
        events Message
          A human-readable description of the status of this operation.
        * Min Available
          The minimum number of pods that must be available.
        * MinPods
          minReplicas is the lower limit for the number of replicas to which the autoscaler can scale down.  It
          defaults to 1 pod.  minReplicas is allowed to be 0 if the alpha feature gate HPAScaleToZero is enabled
          and at least one Object or External metric is configured.  Scaling is active as long as at least one
          metric value is available.
        * MissingPL
          References a broken or non-existent PriorityLevelConfiguration
        * Modes
          volumeLifecycleModes defines what kind of volumes this CSI volume driver supports. The default if the
          list is empty is "Persistent", which is the usage defined by the CSI specification and implemented in
          Kubernetes via the usual PV/PVC mechanism.¶¶The other mode is "Ephemeral". In this mode, volumes are
          defined inline inside the pod spec with CSIVolumeSource and their lifecycle is tied to the lifecycle of
          that pod. A driver has to be aware of this because it is only going to get a NodePublishVolume call for
          such a volume.¶¶For more information about implementing this mode, see
          https://kubernetes-csi.github.io/docs/ephemeral-local-volumes.html A driver can support one or more of
          these modes and more modes may be added in the future.¶¶This field is immutable.
        * Mutations
          Mutation indicates the number of mutations rules defined in this configuration
        * Name
          Name must be unique within a namespace. Is required when creating resources, although some resources may
          allow a client to request the generation of an appropriate name automatically. Name is primarily
          intended for creation idempotence and configuration definition. Cannot be updated. More info:
          https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names
        pods Node
          NodeName indicates in which node this pod is scheduled. If empty, this pod is a candidate for scheduling
          by the scheduler defined in schedulerName. Once this field is set, the kubelet for this node becomes
          responsible for the lifecycle of this pod. This field should not be used to express a desire for the pod
          to be scheduled on a specific node.
          https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename
        resourceslices Node
          NodeName identifies the node which provides the resources in this pool. A field selector can be used to
          list only ResourceSlice objects belonging to a certain node.¶¶This field can be used to limit access
          from nodes to ResourceSlices with the same node name. It also indicates to autoscalers that adding new
          nodes of the same type as some old node might also make new resources available.¶¶Exactly one of
          NodeName, NodeSelector, AllNodes, and PerDeviceNodeSelection must be set. This field is immutable.
        volumeattachments Node
          nodeName represents the node that the volume should be attached to.
        * Node Selector
          NodeSelector is a selector which must be true for the pod to fit on a node. Selector which must match a
          node's labels for the pod to be scheduled on that node. More info:
          https://kubernetes.io/docs/concepts/configuration/assign-pod-node/
        * NominalConcurrencyShares
          `nominalConcurrencyShares` (NCS) contributes to the computation of the NominalConcurrencyLimit
          (NominalCL) of this level. This is the number of execution seats nominally reserved for this priority
          level. This DOES NOT limit the dispatching from this priority level but affects the other priority
          levels through the borrowing mechanism. The server's concurrency limit (ServerCL) is divided among all
          the priority levels in proportion to their NCS values:¶¶NominalCL(i)  = ceil( ServerCL * NCS(i) /
          sum_ncs ) sum_ncs = sum[priority level k] NCS(k)¶¶Bigger numbers mean a larger nominal concurrency
          limit, at the expense of every other priority level. This field has a default value of 30.
        * Nominated Node
          nominatedNodeName is set only when this pod preempts other pods on the node, but it cannot be scheduled
          right away as preemption victims receive their graceful termination periods. This field does not
          guarantee that the pod will be scheduled on this node. Scheduler may decide to place the pod elsewhere
          if other nodes become available sooner. Scheduler may also decide to give the resources on this node to
          a higher priority pod that is created after preemption. As a result, this field may be different than
          PodSpec.nodeName when the pod is scheduled.
        """#
}
