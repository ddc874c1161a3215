internal import APIMachinery
internal import KubeAPI

/// The paths of one resource with their operations.
struct OpenAPIPaths {
    let schema: Schema
    let resource: ResourceDefinition

    struct Path {
        let path: String
        let parameters: [OpenAPIParameter]
        let operations: [OpenAPIOperation]

        func value(with schemas: inout OpenAPISchemas) -> Value {
            var entries: [(String, Value)] = []
            for operation in operations { entries.append((operation.method, operation.value(with: &schemas))) }
            if !parameters.isEmpty {
                entries.append(("parameters", .array(parameters.map { $0.value(in: schemas.dialect) })))
            }
            return .ordered(entries)
        }
    }

    var paths: [Path] {
        var paths = [collection]
        if resource.isNamespaced, resource.verbs.contains("list") { paths.append(allNamespaces) }
        paths.append(item)
        for subresource in resource.subresources { paths += self.paths(of: subresource) }
        if resource.verbs.contains("watch") { paths += watchPaths }
        return paths.filter { !$0.operations.isEmpty }
    }

    // MARK: Resource

    var root: String {
        resource.group.isEmpty ? "/api/" + resource.version : "/apis/" + resource.group + "/" + resource.version
    }

    var collectionPath: String {
        root + (resource.isNamespaced ? "/namespaces/{namespace}/" : "/") + resource.plural
    }

    var scopeParameters: [OpenAPIParameter] {
        (resource.isNamespaced ? [.namespace] : []) + [.pretty]
    }

    var itemParameters: [OpenAPIParameter] {
        [.path("name", "Name of the \(resource.kind).")] + scopeParameters
    }

    private var collection: Path {
        let scope = (resource.isNamespaced ? "Namespaced" : "") + resource.kind
        var operations: [OpenAPIOperation] = []
        if resource.verbs.contains("list") {
            var operation = operation("get", "list", "list" + groupTitle + scope)
            operation.parameters = OpenAPIParameter.list
            operation.answer = listTypeName
            operations.append(operation)
        }
        if resource.verbs.contains("create") {
            var operation = operation("post", "post", "create" + groupTitle + scope)
            operation.parameters = OpenAPIParameter.write
            operation.body = typeName
            operation.successCodes = [200, 201, 202]
            operations.append(operation)
        }
        if resource.verbs.contains("deletecollection") {
            let identifier = "delete" + groupTitle + "Collection" + scope
            var operation = operation("delete", "deletecollection", identifier)
            operation.parameters =
                OpenAPIParameter.list.filter { !["allowWatchBookmarks", "watch"].contains($0.name) }
                + OpenAPIParameter.delete
            operation.body = TypeName.deleteOptions
            operation.isBodyRequired = false
            operation.answer = TypeName.status
            operations.append(operation)
        }
        return Path(path: collectionPath, parameters: scopeParameters, operations: operations)
    }

    private var allNamespaces: Path {
        var operation = operation("get", "list", "list" + groupTitle + resource.kind + "ForAllNamespaces")
        operation.parameters = OpenAPIParameter.list
        operation.answer = listTypeName
        return Path(path: root + "/" + resource.plural, parameters: [.pretty], operations: [operation])
    }

    private var item: Path {
        let scope = (resource.isNamespaced ? "Namespaced" : "") + resource.kind
        var operations = objectOperations(verbs: resource.verbs, suffix: scope, kind: ownKind)
        if resource.verbs.contains("delete") {
            var operation = operation("delete", "delete", "delete" + groupTitle + scope)
            operation.parameters = OpenAPIParameter.delete
            operation.body = TypeName.deleteOptions
            operation.isBodyRequired = false
            operation.answer = Self.answersDeletedObject.contains(resource.plural) ? typeName : TypeName.status
            operation.successCodes = [200, 202]
            operations.append(operation)
        }
        return Path(path: collectionPath + "/{name}", parameters: itemParameters, operations: operations)
    }

    /// Kinds whose deletion upstream answers with the object instead of a Status.
    private static let answersDeletedObject: Set<String> = [
        "pods", "persistentvolumeclaims", "persistentvolumes", "podtemplates", "resourcequotas", "serviceaccounts",
        "services", "csidrivers", "csinodes", "storageclasses", "volumeattachments", "volumeattributesclasses",
        "deviceclasses", "resourceclaims", "resourceclaimtemplates", "resourceslices",
    ]

    // MARK: Subresources

    private static let proxyMethods = ["get", "put", "post", "delete", "options", "head", "patch"]

    private func paths(of subresource: SubresourceDefinition) -> [Path] {
        let path = collectionPath + "/{name}/" + subresource.name
        let title = subresource.name.prefix(1).uppercased() + subresource.name.dropFirst()
        let scope = (resource.isNamespaced ? "Namespaced" : "") + resource.kind + title
        switch subresource.name {
        case "proxy", "attach", "exec", "portforward":
            return connectPaths(subresource, path: path, scope: scope)
        case "log":
            var operation = operation("get", "get", "read" + groupTitle + scope)
            operation.parameters = OpenAPIParameter.options(ofSubresource: "log")
            return [Path(path: path, parameters: itemParameters, operations: [operation])]
        default:
            var operations = objectOperations(verbs: subresource.verbs, suffix: scope, kind: subresource.kind)
            if subresource.verbs.contains("create") {
                var operation = operation("post", "post", "create" + groupTitle + scope, subresource.kind)
                operation.parameters = OpenAPIParameter.write
                operation.body = name(of: subresource.kind)
                operation.successCodes = [200, 201, 202]
                operations.append(operation)
            }
            return [Path(path: path, parameters: itemParameters, operations: operations)]
        }
    }

    private func connectPaths(_ subresource: SubresourceDefinition, path: String, scope: String) -> [Path] {
        let isProxy = subresource.name == "proxy"
        let methods = isProxy ? Self.proxyMethods : ["get", "post"]
        func operations(_ suffix: String) -> [OpenAPIOperation] {
            methods.map { method in
                let title = method.prefix(1).uppercased() + method.dropFirst()
                return operation(
                    method, "connect", "connect" + groupTitle + title + scope + suffix, subresource.kind
                )
            }
        }
        let options = OpenAPIParameter.options(ofSubresource: subresource.name)
        let parameters = itemParameters.filter { $0.name != "pretty" } + options
        var paths = [Path(path: path, parameters: parameters, operations: operations(""))]
        if isProxy {
            paths.append(
                Path(
                    path: path + "/{path}", parameters: parameters.filter { $0.name != "path" } + [.proxyPath],
                    operations: operations("WithPath")
                )
            )
        }
        return paths
    }

    // MARK: Parts

    private func objectOperations(verbs: [String], suffix: String, kind: GroupVersionKind) -> [OpenAPIOperation] {
        let type = name(of: kind)
        var operations: [OpenAPIOperation] = []
        if verbs.contains("get") {
            var operation = operation("get", "get", "read" + groupTitle + suffix, kind)
            operation.answer = type
            operations.append(operation)
        }
        if verbs.contains("update") {
            var operation = operation("put", "put", "replace" + groupTitle + suffix, kind)
            operation.parameters = OpenAPIParameter.write
            operation.body = type
            operation.answer = type
            operation.successCodes = [200, 201]
            operations.append(operation)
        }
        if verbs.contains("patch") {
            var operation = operation("patch", "patch", "patch" + groupTitle + suffix, kind)
            operation.parameters = OpenAPIParameter.patch
            operation.body = SharedSchema.patch.rawValue
            operation.answer = type
            operation.successCodes = [200, 201]
            operations.append(operation)
        }
        return operations
    }

    func operation(
        _ method: String, _ action: String, _ identifier: String, _ kind: GroupVersionKind? = nil
    ) -> OpenAPIOperation {
        let kind = kind ?? ownKind
        return OpenAPIOperation(
            method: method, action: action, identifier: identifier, tag: tag, kind: kind,
            answer: ["get", "post"].contains(action) && !identifier.hasSuffix("PodLog") ? name(of: kind) : nil
        )
    }

    private var ownKind: GroupVersionKind {
        GroupVersionKind(group: resource.group, version: resource.version, kind: resource.kind)
    }

    private var typeName: String { name(of: ownKind) }

    private var listTypeName: String {
        name(of: GroupVersionKind(group: resource.group, version: resource.version, kind: resource.kind + "List"))
    }

    private func name(of kind: GroupVersionKind) -> String {
        schema.type(of: kind).map { schema[$0].name } ?? SharedSchema.rawExtension.rawValue
    }

    /// `Apps`, `Core`, `RbacAuthorization`: the group without its domain, in camel case.
    private var groupWords: [Substring] {
        let group = resource.group.isEmpty ? "core" : resource.group
        let suffix = ".k8s.io"
        return (group.hasSuffix(suffix) ? group.dropLast(suffix.count) : group[...]).split(separator: ".")
    }

    var groupTitle: String {
        (groupWords + [resource.version[...]]).map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    private var tag: String {
        let words = groupWords.enumerated().map { index, word in
            index == 0 ? String(word) : word.prefix(1).uppercased() + word.dropFirst()
        }
        return words.joined() + "_" + resource.version
    }
}

extension OpenAPIPaths {
    /// The deprecated `/watch/` forms, which are still served.
    var watchPaths: [Path] {
        let scope = (resource.isNamespaced ? "Namespaced" : "") + resource.kind
        let watchRoot = root + "/watch"
        var paths: [Path] = []
        func add(_ path: String, _ action: String, _ identifier: String, _ parameters: [OpenAPIParameter]) {
            var operation = operation("get", action, "watch" + groupTitle + identifier)
            operation.answer = TypeName.watchEvent
            let all = OpenAPIParameter.list + parameters
            paths.append(Path(path: path, parameters: all, operations: [operation]))
        }
        let collection = watchRoot + collectionPath.dropFirst(root.count)
        add(collection, "watchlist", scope + "List", scopeParameters)
        add(collection + "/{name}", "watch", scope, itemParameters)
        if resource.isNamespaced {
            add(watchRoot + "/" + resource.plural, "watchlist", resource.kind + "ListForAllNamespaces", [.pretty])
        }
        return paths
    }
}

/// Types that the paths name themselves.
enum TypeName {
    static let status = "io.k8s.apimachinery.pkg.apis.meta.v1.Status"
    static let deleteOptions = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
    static let watchEvent = "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent"
    static let resourceList = "io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList"
    static let group = "io.k8s.apimachinery.pkg.apis.meta.v1.APIGroup"
    static let groupList = "io.k8s.apimachinery.pkg.apis.meta.v1.APIGroupList"
    static let versions = "io.k8s.apimachinery.pkg.apis.meta.v1.APIVersions"
}
