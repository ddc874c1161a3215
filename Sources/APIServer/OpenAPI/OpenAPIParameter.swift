internal import APIMachinery

/// One query or path parameter of an operation.
struct OpenAPIParameter {
    let name: String
    let description: String
    var type = "string"
    var location = "query"
    var isRequired = false

    func value(in dialect: OpenAPIDialect) -> Value {
        var entries: [(String, Value)] = [
            ("name", .string(name)), ("in", .string(location)), ("description", .string(description)),
        ]
        if isRequired { entries.append(("required", .bool(true))) }
        switch dialect {
        case .v2: entries += [("type", .string(type)), ("uniqueItems", .bool(true))]
        case .v3:
            let schema: [(String, Value)] = [("type", .string(type)), ("uniqueItems", .bool(true))]
            entries.append(("schema", .ordered(schema)))
        }
        return .ordered(entries)
    }
}

extension OpenAPIParameter {
    static func path(_ name: String, _ description: String) -> OpenAPIParameter {
        OpenAPIParameter(name: name, description: description, location: "path", isRequired: true)
    }

    static let pretty = OpenAPIParameter(name: "pretty", description: "'true' indents the answer for people.")
    static let namespace = path("namespace", "Namespace of the object, which is the scope of its name.")
    static let proxyPath = path("path", "Path to ask for behind the proxy.")

    static let dryRun = OpenAPIParameter(
        name: "dryRun", description: "'All' runs every stage of the request but stores nothing."
    )
    static let fieldManager = OpenAPIParameter(
        name: "fieldManager", description: "Who makes the change: owner of the fields it sets."
    )
    static let fieldValidation = OpenAPIParameter(
        name: "fieldValidation",
        description: "What to do about unknown and repeated fields: Ignore, Warn (the default) or Strict."
    )
    static let force = OpenAPIParameter(
        name: "force", description: "Takes over fields that others own. Only for apply patches.", type: "boolean"
    )

    static let write = [dryRun, fieldManager, fieldValidation]
    static let patch = write + [force]

    static let list = [
        OpenAPIParameter(
            name: "allowWatchBookmarks", description: "Lets a watch send BOOKMARK events.", type: "boolean"
        ),
        OpenAPIParameter(name: "continue", description: "Token of the previous page of this list."),
        OpenAPIParameter(name: "fieldSelector", description: "Restricts the list to objects with these fields."),
        OpenAPIParameter(name: "labelSelector", description: "Restricts the list to objects with these labels."),
        OpenAPIParameter(name: "limit", description: "Most objects in one page.", type: "integer"),
        OpenAPIParameter(name: "resourceVersion", description: "Bounds how old the answer may be."),
        OpenAPIParameter(
            name: "resourceVersionMatch", description: "How resourceVersion is meant: Exact or NotOlderThan."
        ),
        OpenAPIParameter(
            name: "sendInitialEvents", description: "Begins a watch with the objects that exist.", type: "boolean"
        ),
        OpenAPIParameter(
            name: "timeoutSeconds", description: "Ends the call after so many seconds.", type: "integer"
        ),
        OpenAPIParameter(
            name: "watch", description: "Answers with changes as they happen instead of a list.", type: "boolean"
        ),
    ]

    static let delete = [
        dryRun,
        OpenAPIParameter(
            name: "gracePeriodSeconds", description: "Seconds until the object is removed; 0 is at once.",
            type: "integer"
        ),
        OpenAPIParameter(
            name: "ignoreStoreReadErrorWithClusterBreakingPotential",
            description: "Deletes an object that cannot be read from the store.", type: "boolean"
        ),
        OpenAPIParameter(
            name: "orphanDependents", description: "Deprecated: use propagationPolicy.", type: "boolean"
        ),
        OpenAPIParameter(
            name: "propagationPolicy",
            description: "What becomes of dependents: Orphan, Background or Foreground."
        ),
    ]

    /// Options of the subresources that stream or proxy, by name of the subresource.
    static func options(ofSubresource name: String) -> [OpenAPIParameter] {
        let container = OpenAPIParameter(name: "container", description: "Container of the pod.")
        let streams = ["stderr", "stdin", "stdout", "tty"].map {
            OpenAPIParameter(name: $0, description: "True to connect \($0).", type: "boolean")
        }
        switch name {
        case "attach": return [container] + streams
        case "exec":
            return [OpenAPIParameter(name: "command", description: "Program and arguments to run."), container]
                + streams
        case "portforward": return [OpenAPIParameter(name: "ports", description: "Ports to forward.", type: "integer")]
        case "proxy": return [OpenAPIParameter(name: "path", description: "Path to ask for behind the proxy.")]
        case "log": return [container] + logOptions
        default: return []
        }
    }

    private static let logOptions = [
        OpenAPIParameter(name: "follow", description: "Keeps on sending as lines are written.", type: "boolean"),
        OpenAPIParameter(
            name: "insecureSkipTLSVerifyBackend", description: "Trusts any certificate of the node.", type: "boolean"
        ),
        OpenAPIParameter(name: "limitBytes", description: "Ends after so many bytes.", type: "integer"),
        OpenAPIParameter(name: "previous", description: "Logs of the previous run of the container.", type: "boolean"),
        OpenAPIParameter(name: "sinceSeconds", description: "Only lines of the last seconds.", type: "integer"),
        OpenAPIParameter(name: "stream", description: "All, Stdout or Stderr."),
        OpenAPIParameter(name: "tailLines", description: "Only so many last lines.", type: "integer"),
        OpenAPIParameter(name: "timestamps", description: "Begins each line with its time.", type: "boolean"),
    ]
}
