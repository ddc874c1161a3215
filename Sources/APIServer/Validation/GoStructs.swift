/// The structs that messages print, a line each: `Type: Field Field/jsonName:kind …`.
///
/// Kinds: `i` number, `b` Boolean, `q` quantity, `?` pointer, slice or map that is null when absent, `*Type` pointer to a
/// struct, `[]Type` slice of structs, `Type` struct; nothing is a string. `@Type` is embedded.
let goStructs = """
    PodTemplateSpec: @ObjectMeta Spec:PodSpec
    PodSpec: Volumes:[]Volume InitContainers:[]Container Containers:[]Container \
    EphemeralContainers:[]EphemeralContainer RestartPolicy TerminationGracePeriodSeconds:? \
    ActiveDeadlineSeconds:? DNSPolicy NodeSelector:? ServiceAccountName AutomountServiceAccountToken:? NodeName \
    SecurityContext:*PodSecurityContext ImagePullSecrets:[]LocalObjectReference Hostname Subdomain \
    SetHostnameAsFQDN:? Affinity:*Affinity SchedulerName Tolerations:[]Toleration HostAliases:[]HostAlias \
    PriorityClassName Priority:? PreemptionPolicy:? DNSConfig:*PodDNSConfig ReadinessGates:[]PodReadinessGate \
    RuntimeClassName:? Overhead:? EnableServiceLinks:? TopologySpreadConstraints:[]TopologySpreadConstraint \
    OS:*PodOS SchedulingGates:[]PodSchedulingGate ResourceClaims:[]PodResourceClaim \
    Resources:*ResourceRequirements HostnameOverride:? SchedulingGroup:?
    Container: @ContainerFields
    EphemeralContainer: @ContainerFields TargetContainerName
    ContainerFields: Name Image Command:? Args:? WorkingDir Ports:[]ContainerPort EnvFrom:[]EnvFromSource \
    Env:[]EnvVar Resources:ResourceRequirements ResizePolicy:[]ContainerResizePolicy RestartPolicy:? \
    RestartPolicyRules:[]ContainerRestartRule VolumeMounts:[]VolumeMount VolumeDevices:[]VolumeDevice \
    LivenessProbe:*Probe ReadinessProbe:*Probe StartupProbe:*Probe Lifecycle:*Lifecycle TerminationMessagePath \
    TerminationMessagePolicy ImagePullPolicy SecurityContext:*SecurityContext Stdin:b StdinOnce:b TTY:b
    ContainerPort: Name HostPort:i ContainerPort:i Protocol HostIP
    EnvFromSource: Prefix ConfigMapRef:*OptionalReference SecretRef:*OptionalReference
    OptionalReference: Name Optional:?
    EnvVar: Name Value ValueFrom:*EnvVarSource
    EnvVarSource: FieldRef:*ObjectFieldSelector ResourceFieldRef:*ResourceFieldSelector \
    ConfigMapKeyRef:*KeySelector SecretKeyRef:*KeySelector FileKeyRef:*FileKeySelector
    KeySelector: Name Key Optional:?
    FileKeySelector: VolumeName Path Key Optional:?
    ObjectFieldSelector: APIVersion FieldPath
    ResourceFieldSelector: ContainerName Resource Divisor:q
    ResourceRequirements: Limits:? Requests:? Claims:[]ResourceClaim
    ResourceClaim: Name Request
    ContainerResizePolicy: ResourceName RestartPolicy
    ContainerRestartRule: Action ExitCodes:*ContainerRestartRuleOnExitCodes
    ContainerRestartRuleOnExitCodes: Operator Values:?
    VolumeMount: Name ReadOnly:b RecursiveReadOnly:? MountPath SubPath MountPropagation:? SubPathExpr
    VolumeDevice: Name DevicePath
    Probe: @Handler GRPC:*GRPCAction InitialDelaySeconds:i TimeoutSeconds:i PeriodSeconds:i SuccessThreshold:i \
    FailureThreshold:i TerminationGracePeriodSeconds:?
    Handler: Exec:*ExecAction HTTPGet:*HTTPGetAction TCPSocket:*TCPSocketAction
    ExecAction: Command:?
    HTTPGetAction: Path Port:i Host Scheme HTTPHeaders:[]HTTPHeader
    HTTPHeader: Name Value
    TCPSocketAction: Port:i Host
    GRPCAction: Port:i Service:?
    SleepAction: Seconds:i
    Lifecycle: PostStart:*LifecycleHandler PreStop:*LifecycleHandler StopSignal:?
    LifecycleHandler: @Handler Sleep:*SleepAction
    SecurityContext: Capabilities:*Capabilities Privileged:? SELinuxOptions:*SELinuxOptions \
    WindowsOptions:*WindowsOptions RunAsUser:? RunAsGroup:? RunAsNonRoot:? ReadOnlyRootFilesystem:? \
    AllowPrivilegeEscalation:? ProcMount:? SeccompProfile:*SeccompProfile AppArmorProfile:*SeccompProfile
    Capabilities: Add:? Drop:?
    SELinuxOptions: User Role Type Level
    WindowsOptions: GMSACredentialSpecName:? GMSACredentialSpec:? RunAsUserName:? HostProcess:?
    SeccompProfile: Type LocalhostProfile:?
    PodSecurityContext: HostNetwork:b HostPID:b HostIPC:b ShareProcessNamespace:? HostUsers:? \
    SELinuxOptions:*SELinuxOptions WindowsOptions:*WindowsOptions RunAsUser:? RunAsGroup:? RunAsNonRoot:? \
    SupplementalGroups:? SupplementalGroupsPolicy:? FSGroup:? FSGroupChangePolicy:? Sysctls:[]Sysctl \
    SeccompProfile:*SeccompProfile AppArmorProfile:*SeccompProfile SELinuxChangePolicy:?
    Sysctl: Name Value
    LocalObjectReference: Name
    Affinity: NodeAffinity:*NodeAffinity PodAffinity:*PodAffinity PodAntiAffinity:*PodAffinity
    NodeAffinity: RequiredDuringSchedulingIgnoredDuringExecution:*NodeSelector \
    PreferredDuringSchedulingIgnoredDuringExecution:[]PreferredSchedulingTerm
    NodeSelector: NodeSelectorTerms:[]NodeSelectorTerm
    NodeSelectorTerm: MatchExpressions:[]NodeSelectorRequirement MatchFields:[]NodeSelectorRequirement
    NodeSelectorRequirement: Key Operator Values:?
    PreferredSchedulingTerm: Weight:i Preference:NodeSelectorTerm
    PodAffinity: RequiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm \
    PreferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm
    PodAffinityTerm: LabelSelector:? Namespaces:? TopologyKey NamespaceSelector:? MatchLabelKeys:? \
    MismatchLabelKeys:?
    WeightedPodAffinityTerm: Weight:i PodAffinityTerm:PodAffinityTerm
    Toleration: Key Operator Value Effect TolerationSeconds:?
    HostAlias: IP Hostnames:?
    PodDNSConfig: Nameservers:? Searches:? Options:[]PodDNSConfigOption
    PodDNSConfigOption: Name Value:?
    PodReadinessGate: ConditionType
    TopologySpreadConstraint: MaxSkew:i TopologyKey WhenUnsatisfiable LabelSelector:? MinDomains:? \
    NodeAffinityPolicy:? NodeTaintsPolicy:? MatchLabelKeys:?
    PodOS: Name
    PodSchedulingGate: Name
    PodResourceClaim: Name ResourceClaimName:? ResourceClaimTemplateName:?
    Volume: Name HostPath:*HostPath EmptyDir:*EmptyDir GCEPersistentDisk:*GCEPersistentDisk \
    AWSElasticBlockStore:*AWSElasticBlockStore GitRepo:*GitRepo Secret:*Secret NFS:*NFS ISCSI:*ISCSI \
    Glusterfs:*Glusterfs PersistentVolumeClaim:*ClaimReference RBD:*RBD Quobyte:*Quobyte FlexVolume:*FlexVolume \
    Cinder:*Cinder CephFS/cephfs:*CephFS Flocker:*Flocker DownwardAPI:*DownwardAPI FC:*FC AzureFile:*AzureFile \
    ConfigMap:*ConfigMap VsphereVolume:*VsphereVolume AzureDisk:*AzureDisk \
    PhotonPersistentDisk:*PhotonPersistentDisk Projected:*Projected PortworxVolume:*PortworxVolume \
    ScaleIO:*ScaleIO StorageOS/storageos:*StorageOS CSI:*CSI Ephemeral:*Ephemeral Image:*ImageVolume
    HostPath: Path Type:?
    EmptyDir: Medium SizeLimit:?
    GCEPersistentDisk: PDName FSType Partition:i ReadOnly:b
    AWSElasticBlockStore: VolumeID FSType Partition:i ReadOnly:b
    GitRepo: Repository Revision Directory
    Secret: SecretName Items:[]KeyToPath DefaultMode:? Optional:?
    KeyToPath: Key Path Mode:?
    NFS: Server Path ReadOnly:b
    ISCSI: TargetPortal IQN Lun:i ISCSIInterface FSType ReadOnly:b Portals:? \
    DiscoveryCHAPAuth/chapAuthDiscovery:b SessionCHAPAuth/chapAuthSession:b SecretRef:*LocalObjectReference \
    InitiatorName:?
    Glusterfs: EndpointsName/endpoints Path ReadOnly:b
    ClaimReference: ClaimName ReadOnly:b
    RBD: CephMonitors/monitors:? RBDImage/image FSType RBDPool/pool RadosUser/user Keyring \
    SecretRef:*LocalObjectReference ReadOnly:b
    Quobyte: Registry Volume ReadOnly:b User Group Tenant
    FlexVolume: Driver FSType SecretRef:*LocalObjectReference ReadOnly:b Options:?
    Cinder: VolumeID FSType ReadOnly:b SecretRef:*LocalObjectReference
    CephFS: Monitors:? Path User SecretFile SecretRef:*LocalObjectReference ReadOnly:b
    Flocker: DatasetName DatasetUUID
    DownwardAPI: Items:[]DownwardAPIVolumeFile DefaultMode:?
    DownwardAPIVolumeFile: Path FieldRef:*ObjectFieldSelector ResourceFieldRef:*ResourceFieldSelector Mode:?
    FC: TargetWWNs:? Lun:? FSType ReadOnly:b WWIDs/wwids:?
    AzureFile: SecretName ShareName ReadOnly:b
    ConfigMap: Name Items:[]KeyToPath DefaultMode:? Optional:?
    VsphereVolume: VolumePath FSType StoragePolicyName StoragePolicyID
    AzureDisk: DiskName DataDiskURI/diskURI CachingMode:? FSType:? ReadOnly:? Kind:?
    PhotonPersistentDisk: PdID FSType
    Projected: Sources:[]VolumeProjection DefaultMode:?
    VolumeProjection: Secret:*KeysProjection DownwardAPI:*DownwardAPIProjection ConfigMap:*KeysProjection \
    ServiceAccountToken:*ServiceAccountTokenProjection ClusterTrustBundle:*ClusterTrustBundleProjection \
    PodCertificate:*PodCertificateProjection
    KeysProjection: Name Items:[]KeyToPath Optional:?
    DownwardAPIProjection: Items:[]DownwardAPIVolumeFile
    ServiceAccountTokenProjection: Audience ExpirationSeconds:i Path
    ClusterTrustBundleProjection: Name:? SignerName:? LabelSelector:? Optional:? Path
    PodCertificateProjection: SignerName KeyType MaxExpirationSeconds:? CredentialBundlePath KeyPath \
    CertificateChainPath UserAnnotations:?
    PortworxVolume: VolumeID FSType ReadOnly:b
    ScaleIO: Gateway System SecretRef:*LocalObjectReference SSLEnabled:b ProtectionDomain StoragePool \
    StorageMode VolumeName FSType ReadOnly:b
    StorageOS: VolumeName VolumeNamespace FSType ReadOnly:b SecretRef:*LocalObjectReference
    CSI: Driver ReadOnly:? FSType:? VolumeAttributes:? NodePublishSecretRef:*LocalObjectReference
    Ephemeral: VolumeClaimTemplate:*PersistentVolumeClaimTemplate
    ImageVolume: Reference PullPolicy
    PersistentVolumeClaimTemplate: @ObjectMeta Spec:PersistentVolumeClaimSpec
    PersistentVolumeClaimSpec: AccessModes:? Selector:? Resources:VolumeResourceRequirements VolumeName \
    StorageClassName:? VolumeMode:? DataSource:*TypedLocalObjectReference DataSourceRef:*TypedObjectReference \
    VolumeAttributesClassName:?
    VolumeResourceRequirements: Limits:? Requests:?
    TypedLocalObjectReference: APIGroup:? Kind Name
    TypedObjectReference: APIGroup:? Kind Name Namespace:?
    PersistentVolumeSource: GCEPersistentDisk:*GCEPersistentDisk AWSElasticBlockStore:*AWSElasticBlockStore \
    HostPath:*HostPath Glusterfs:*GlusterfsPV NFS:*NFS RBD:*RBDPV Quobyte:*Quobyte ISCSI:*ISCSIPV \
    FlexVolume:*FlexPV Cinder:*CinderPV CephFS/cephfs:*CephFSPV FC:*FC Flocker:*Flocker AzureFile:*AzureFilePV \
    VsphereVolume:*VsphereVolume AzureDisk:*AzureDisk PhotonPersistentDisk:*PhotonPersistentDisk \
    PortworxVolume:*PortworxVolume ScaleIO:*ScaleIOPV Local:*Local StorageOS/storageos:*StorageOSPV CSI:*CSIPV
    SecretReference: Name Namespace
    GlusterfsPV: EndpointsName/endpoints Path ReadOnly:b EndpointsNamespace:?
    RBDPV: CephMonitors/monitors:? RBDImage/image FSType RBDPool/pool RadosUser/user Keyring \
    SecretRef:*SecretReference ReadOnly:b
    ISCSIPV: TargetPortal IQN Lun:i ISCSIInterface FSType ReadOnly:b Portals:? \
    DiscoveryCHAPAuth/chapAuthDiscovery:b SessionCHAPAuth/chapAuthSession:b SecretRef:*SecretReference \
    InitiatorName:?
    FlexPV: Driver FSType SecretRef:*SecretReference ReadOnly:b Options:?
    CinderPV: VolumeID FSType ReadOnly:b SecretRef:*SecretReference
    CephFSPV: Monitors:? Path User SecretFile SecretRef:*SecretReference ReadOnly:b
    AzureFilePV: SecretName ShareName ReadOnly:b SecretNamespace:?
    ScaleIOPV: Gateway System SecretRef:*SecretReference SSLEnabled:b ProtectionDomain StoragePool StorageMode \
    VolumeName FSType ReadOnly:b
    Local: Path FSType:?
    StorageOSPV: VolumeName VolumeNamespace FSType ReadOnly:b SecretRef:*ObjectReference
    ObjectReference: Kind Namespace Name UID APIVersion ResourceVersion FieldPath
    CSIPV: Driver VolumeHandle ReadOnly:b FSType VolumeAttributes:? ControllerPublishSecretRef:*SecretReference \
    NodeStageSecretRef:*SecretReference NodePublishSecretRef:*SecretReference \
    ControllerExpandSecretRef:*SecretReference NodeExpandSecretRef:*SecretReference
    VolumeNodeAffinity: Required:*NodeSelector
    PersistentVolumeSpec: Capacity:? @PersistentVolumeSource AccessModes:? ClaimRef:*ObjectReference \
    PersistentVolumeReclaimPolicy StorageClassName MountOptions:? VolumeMode:? NodeAffinity:*VolumeNodeAffinity \
    VolumeAttributesClassName:?
    VolumeAttachmentSpec: Attacher Source:VolumeAttachmentSource NodeName
    VolumeAttachmentSource: PersistentVolumeName:? InlineVolumeSpec:*PersistentVolumeSpec
    CSINodeDriver: Name NodeID TopologyKeys:? Allocatable:?
    ScopeSelector: MatchExpressions:[]ScopedResourceSelectorRequirement
    ScopedResourceSelectorRequirement: ScopeName Operator Values:?
    ServicePort: Name Protocol AppProtocol:? Port:i TargetPort:i NodePort:i
    Taint: Key Value Effect TimeAdded:?
    NodeAddress: Type Address
    """
