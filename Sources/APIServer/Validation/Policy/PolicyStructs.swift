/// As `goStructs`: what messages about workloads, policies and devices print.
let policyStructs = """
    DeploymentStrategy: Type RollingUpdate:*RollingUpdate
    RollingUpdate: MaxUnavailable:i MaxSurge:i
    StatefulSetUpdateStrategy: Type RollingUpdate:*RollingUpdateStatefulSet
    RollingUpdateStatefulSet: Partition:i MaxUnavailable:?
    SuccessPolicy: Rules:[]SuccessPolicyRule
    SuccessPolicyRule: SucceededIndexes:? SucceededCount:?
    PodFailurePolicy: Rules:[]PodFailurePolicyRule
    PodFailurePolicyRule: Action OnExitCodes:*OnExitCodes OnPodConditions:[]OnPodCondition
    OnExitCodes: ContainerName:? Operator Values:?
    OnPodCondition: Type Status
    PodDisruptionBudgetSpec: MinAvailable:? Selector:? MaxUnavailable:? UnhealthyPodEvictionPolicy:?
    HorizontalPodAutoscalerBehavior: ScaleUp:*ScalingRules ScaleDown:*ScalingRules
    ScalingRules: StabilizationWindowSeconds:? SelectPolicy:? Policies:[]ScalingPolicy Tolerance:?
    ScalingPolicy: Type Value:i PeriodSeconds:i
    RoleRef: APIGroup Kind Name
    FlowSchemaSpec: PriorityLevelConfiguration:NameReference MatchingPrecedence:i \
    DistinguisherMethod:*DistinguisherMethod Rules:[]PolicyRulesWithSubjects
    NameReference: Name
    DistinguisherMethod: Type
    PolicyRulesWithSubjects: Subjects:[]FlowSubject ResourceRules:[]ResourcePolicyRule \
    NonResourceRules:[]NonResourcePolicyRule
    FlowSubject: Kind User:*NameReference Group:*NameReference ServiceAccount:*FlowServiceAccount
    FlowServiceAccount: Namespace Name
    ResourcePolicyRule: Verbs:? APIGroups:? Resources:? ClusterScope:b Namespaces:?
    NonResourcePolicyRule: Verbs:? NonResourceURLs:?
    PriorityLevelConfigurationSpec: Type Limited:*LimitedPriorityLevel Exempt:*ExemptPriorityLevel
    LimitedPriorityLevel: NominalConcurrencyShares:i LimitResponse:LimitResponse LendablePercent:? \
    BorrowingLimitPercent:?
    LimitResponse: Type Queuing:*QueuingConfiguration
    QueuingConfiguration: Queues:i HandSize:i QueueLengthLimit:i
    ExemptPriorityLevel: NominalConcurrencyShares:? LendablePercent:?
    ResourceClaimSpec: Devices:DeviceClaim
    ResourceClaimTemplateSpec: @ObjectMeta Spec:ResourceClaimSpec
    DeviceClaim: Requests:[]DeviceRequest Constraints:[]DeviceConstraint Config:[]DeviceClaimConfiguration
    DeviceRequest: Name Exactly:*ExactDeviceRequest FirstAvailable:[]DeviceSubRequest
    ExactDeviceRequest: DeviceClassName Selectors:[]DeviceSelector AllocationMode Count:i AdminAccess:? \
    Tolerations:[]DeviceToleration Capacity:*CapacityRequirements
    DeviceSubRequest: Name DeviceClassName Selectors:[]DeviceSelector AllocationMode Count:i \
    Tolerations:[]DeviceToleration Capacity:*CapacityRequirements
    DeviceSelector: CEL:*CELDeviceSelector
    CELDeviceSelector: Expression
    DeviceToleration: Key Operator Value Effect TolerationSeconds:?
    CapacityRequirements: Requests:?
    DeviceConstraint: Requests:? MatchAttribute:? DistinctAttribute:?
    DeviceClaimConfiguration: Requests:? @DeviceConfiguration
    DeviceConfiguration: Opaque:*OpaqueDeviceConfiguration
    OpaqueDeviceConfiguration: Driver Parameters:?
    """
