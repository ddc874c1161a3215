import Foundation

/// Writes a Swift struct with its readers and writers for every type that the roots reach.
struct StructGenerator {
    private let model: Model
    private let roots: StructRoots
    private var types: [TypeReference] = []
    private var names: [TypeReference: String] = [:]
    private var sizes: [TypeReference: Int] = [:]

    init(model: Model, roots: StructRoots) throws {
        self.model = model
        self.roots = roots
        for root in roots.roots { try visit(root) }
        nameTypes()
        for type in types { sizes[type] = size(of: type, within: []) }
    }

    func run(root: URL) throws {
        for (target, isMeta) in [("APIMachinery", true), ("KubeAPI", false)] {
            let directory = root.appending(path: "Sources/\(target)/Generated")
            var files: [String: String] = [:]
            for reference in types where (reference.package == "meta.v1") == isMeta {
                guard let type = model.type(reference), let name = names[reference] else { continue }
                let emitter = StructEmitter(generator: self, reference: reference, type: type, name: name)
                let folder = isMeta ? "" : groupFolder(reference.package) + "/"
                files[folder + name + ".swift"] = emitter.text()
            }
            try write(files, to: directory)
        }
    }

    /// Replaces the folder's Swift files, leaving those alone that would not change.
    private func write(_ files: [String: String], to directory: URL) throws {
        let manager = FileManager.default
        for case let path as String in manager.enumerator(atPath: directory.path()) ?? .init()
        where path.hasSuffix(".swift") && files[path] == nil && !path.hasPrefix("Tables/") {
            try manager.removeItem(at: directory.appending(path: path))
        }
        for (path, text) in files {
            let file = directory.appending(path: path)
            try manager.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            if (try? String(contentsOf: file, encoding: .utf8)) != text {
                try text.write(to: file, atomically: true, encoding: .utf8)
            }
        }
    }

    private func groupFolder(_ package: String) -> String {
        let group = package.split(separator: ".").first.map(String.init) ?? package
        return group.prefix(1).uppercased() + group.dropFirst()
    }

    // MARK: Which types

    private mutating func visit(_ reference: TypeReference) throws {
        guard !types.contains(reference) else { return }
        guard let type = model.type(reference) else { throw Failure("no type \(reference.package):\(reference.type)") }
        types.append(reference)
        for field in type.fields { try visitParts(of: field.type) }
    }

    private mutating func visitParts(of kind: FieldKind) throws {
        switch kind {
        case .scalar: break
        case .object(let reference): try visit(reference)
        case .array(let element), .map(let element): try visitParts(of: element)
        }
    }

    /// Go's names; where two groups use one name, the one outside core is prefixed with its group.
    private mutating func nameTypes() {
        let order = types.sorted { rank($0) < rank($1) }
        var taken: Set<String> = []
        for reference in order {
            let name =
                taken.contains(reference.type) ? groupFolder(reference.package) + reference.type : reference.type
            taken.insert(name)
            names[reference] = name
        }
    }

    private func rank(_ reference: TypeReference) -> String {
        let group = ["core.v1": "0", "meta.v1": "1"][reference.package] ?? "2"
        return group + reference.package
    }

    // MARK: Layout

    /// Parts above this many bytes live in a box of their own.
    static let inlineBytesMax = 48
    static let inlineOptionalBytesMax = 24

    private func size(of reference: TypeReference, within outer: Set<TypeReference>) -> Int {
        guard !outer.contains(reference), let type = model.type(reference) else { return 8 }
        return type.fields.reduce(0) { sum, field in
            let bytes: Int
            switch field.type {
            case .array, .map: bytes = 8
            case .object(let part):
                let inner = size(of: part, within: outer.union([reference]))
                let inlineMax = field.isAlwaysPresent ? Self.inlineBytesMax : Self.inlineOptionalBytesMax
                bytes = inner > inlineMax ? 8 : inner + 1
            case .scalar(let name):
                bytes = ["bool": 1, "int32": 5, "int64": 9, "double": 9, "quantity": 48, "json": 48][name] ?? 16
            }
            return sum + bytes
        }
    }

    func isBoxed(_ reference: TypeReference, isOptional: Bool = false) -> Bool {
        (sizes[reference] ?? 0) > (isOptional ? Self.inlineOptionalBytesMax : Self.inlineBytesMax)
    }

    func swiftName(_ reference: TypeReference) -> String { names[reference] ?? reference.type }

    /// The address of a kind that has object metadata.
    func resource(of type: TypeDescription) -> String? {
        let metadata = TypeReference(package: "meta.v1", type: "ObjectMeta")
        guard let kind = type.kinds.first,
            type.fields.contains(where: { $0.name == "metadata" && $0.type == .object(metadata) })
        else { return nil }
        let address = roots.address(of: kind)
        return """
            ResourceName(
                    group: "\(kind.group)", version: "\(kind.version)", kind: "\(kind.kind)", plural: "\(address.plural)",
                    isNamespaced: \(address.isNamespaced)
                )
            """
    }
}
