internal import APIMachinery
internal import Storage

/// What is special about one kind. The defaults here are what most kinds do.
///
/// All methods are pure: they see the object and, for updates, what is stored. Work that needs the store (addresses,
/// quotas) is admission's.
protocol ResourceStrategy: Sendable {
    /// The rule for `metadata.name`.
    var nameRule: NameRule { get }
    /// `metadata.generation` counts changes of anything but metadata and status.
    var tracksGeneration: Bool { get }
    /// Changes of labels count too.
    var generationCountsLabels: Bool { get }
    /// The generation of a new object stays, whatever changes.
    var generationIsFixed: Bool { get }
    /// PUT of a missing object creates it.
    var allowsCreateOnUpdate: Bool { get }
    /// PUT without a `resourceVersion` overwrites whatever is there.
    var allowsUnconditionalUpdate: Bool { get }
    /// DELETE answers with the object instead of a `Status`.
    var returnsDeletedObject: Bool { get }
    /// POST may bring a status along (nodes register with theirs).
    var keepsStatusOnCreate: Bool { get }
    /// Which metadata `/status` may not change either.
    var statusResetsLabels: Bool { get }
    /// How writes of this kind reach the disk, and how long objects live.
    var durability: StoreWrite.Durability { get }
    var timeToLive: Duration? { get }
    var selectableFields: SelectableFields { get }

    /// Fills in what the client left out. Runs after decoding and again after mutating admission.
    func applyDefaults(_ object: inout Value)
    func prepareForCreate(_ object: inout Value)
    func prepareForUpdate(_ object: inout Value, from old: Value)
    /// What depends on whether something differs: both objects are in normal form, and `object` must stay so.
    func settle(_ object: inout Value, from old: Value)
    func prepareForStatusUpdate(_ object: inout Value, from old: Value)
    /// Takes from `object` only what a subresource other than `status` may write.
    func limit(_ object: inout Value, from old: Value, to subresource: String)
    func validate(_ object: Value) -> [FieldError]
    /// Checks a new object. By itself the same as `validate`.
    func validateCreate(_ object: Value) -> [FieldError]
    /// Checks what a subresource other than `status` and `scale` wrote, instead of `validate`. `nil`: `validate` will do.
    func validateSubresource(_ object: Value, from old: Value, _ subresource: String) -> [FieldError]?
    /// Which checks of metadata this kind repeats on update: upstream tells of every fault as often as it looks.
    var metadataOnUpdate: MetadataRepetition { get }
    /// Whether what may not change is told of before what is wrong by itself.
    var checksUpdateFirst: Bool { get }
    /// Checks what may change. `validate` runs as well.
    func validateUpdate(_ object: Value, from old: Value) -> [FieldError]
    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError]
    /// Advice for the client, sent as `Warning` headers.
    func warnings(_ object: Value) -> [String]
    /// The same, knowing what was there before; `nil` for a new object.
    func warnings(_ object: Value, from old: Value?) -> [String]
    /// Last touches before a new object is stored, unseen by validation.
    func prepareForStorage(_ object: inout Value)
    /// Seconds until the object may go, or `nil` if this kind is deleted at once.
    func gracePeriodSeconds(_ object: Value, requested: Int64?) -> Int64?
    /// What else keeps a marked object alive, besides `metadata.finalizers`.
    func isHeld(_ object: Value) -> Bool
    /// Called when an object is marked for deletion but stays for now.
    func prepareForDeletion(_ object: inout Value)
}

extension ResourceStrategy {
    var nameRule: NameRule { .subdomain }
    var tracksGeneration: Bool { false }
    var generationCountsLabels: Bool { false }
    var generationIsFixed: Bool { false }
    var allowsCreateOnUpdate: Bool { false }
    var allowsUnconditionalUpdate: Bool { true }
    var returnsDeletedObject: Bool { false }
    var keepsStatusOnCreate: Bool { false }
    var statusResetsLabels: Bool { false }
    var durability: StoreWrite.Durability { .durable }
    var timeToLive: Duration? { nil }
    var selectableFields: SelectableFields { .metadataOnly }

    func applyDefaults(_ object: inout Value) {}
    func prepareForCreate(_ object: inout Value) {}
    func prepareForUpdate(_ object: inout Value, from old: Value) {}
    func settle(_ object: inout Value, from old: Value) {}
    func prepareForStatusUpdate(_ object: inout Value, from old: Value) {}
    func limit(_ object: inout Value, from old: Value, to subresource: String) {}
    func validate(_ object: Value) -> [FieldError] { [] }
    func validateCreate(_ object: Value) -> [FieldError] { validate(object) }
    func validateSubresource(_ object: Value, from old: Value, _ subresource: String) -> [FieldError]? { nil }
    var metadataOnUpdate: MetadataRepetition { .both }
    var checksUpdateFirst: Bool { false }
    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] { [] }
    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] { [] }
    func warnings(_ object: Value) -> [String] { [] }
    func warnings(_ object: Value, from old: Value?) -> [String] { warnings(object) }
    func prepareForStorage(_ object: inout Value) {}
    func gracePeriodSeconds(_ object: Value, requested: Int64?) -> Int64? { nil }
    func isHeld(_ object: Value) -> Bool { false }
    func prepareForDeletion(_ object: inout Value) {}
}

/// Fields that `fieldSelector` may name, and the words for those it may not.
struct SelectableFields: Sendable {
    enum Refusal: Sendable {
        /// Kinds without fields of their own.
        case metadataOnly
        case plain
        case named(String)
    }

    /// Label in the selector to its path in the object.
    var paths: [String: [String]]
    /// Value of a field that is absent (`spec.unschedulable`: `false`).
    var absent: [String: String] = [:]
    var refusal: Refusal = .plain

    static let metadata = ["metadata.name": ["metadata", "name"], "metadata.namespace": ["metadata", "namespace"]]
    static let metadataOnly = SelectableFields(paths: metadata, refusal: .metadataOnly)

    static func with(_ labels: [String], absent: [String: String] = [:], refusal: Refusal = .plain) -> SelectableFields
    {
        var paths = metadata
        for label in labels { paths[label] = label.split(separator: ".").map(String.init) }
        return SelectableFields(paths: paths, absent: absent, refusal: refusal)
    }

    func refusalText(_ label: String) -> String {
        switch refusal {
        case .metadataOnly:
            "\(quoted(label)) is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        case .plain: "field label not supported: \(label)"
        case .named(let kind): "field label \(quoted(label)) not supported for \(kind)"
        }
    }
}

/// Two served versions of one stored kind.
protocol VersionConversion: Sendable {
    var storedKind: GroupVersionKind { get }
    /// From the served version to the stored one, `apiVersion` and `kind` included.
    func toStored(_ object: Value) -> Value
    func fromStored(_ object: Value) -> Value
}
