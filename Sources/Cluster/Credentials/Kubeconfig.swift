internal import APIMachinery

/// A kubeconfig file's content, of which only our own entries are touched.
struct Kubeconfig {
    private(set) var value: Value

    /// An empty text makes a new configuration.
    init(yaml: [UInt8]) throws {
        var value = try Value(yaml: yaml)
        if value.isNull {
            value = ["apiVersion": "v1", "kind": "Config"]
        }
        guard value.fields != nil else { throw KubeconfigError(description: "it holds no keys and values") }
        for list in ["clusters", "contexts", "users"] {
            if let found = value[list], !found.isNull, found.array == nil {
                throw KubeconfigError(description: "\(list) is not a list")
            }
        }
        self.value = value
    }

    /// Adds or replaces cluster, user and context of that name, and makes the context current.
    mutating func set(
        _ name: String, server: String, caPEM: [UInt8], certificatePEM: [UInt8], keyPEM: [UInt8]
    ) {
        put("clusters", name, "cluster", ["certificate-authority-data": .base64(caPEM), "server": .string(server)])
        put("contexts", name, "context", ["cluster": .string(name), "user": .string(name)])
        put(
            "users", name, "user",
            ["client-certificate-data": .base64(certificatePEM), "client-key-data": .base64(keyPEM)]
        )
        value["current-context"] = .string(name)
    }

    /// Takes our entries away. Another current context stays.
    mutating func remove(_ name: String) {
        for list in ["clusters", "contexts", "users"] {
            guard let entries = value[list]?.array else { continue }
            value[list] = .array(entries.filter { $0["name"]?.string != name })
        }
        if value["current-context"]?.string == name { value["current-context"] = "" }
    }

    func contains(_ name: String) -> Bool {
        ["clusters", "contexts", "users"].contains { list in
            value[list]?.array?.contains { $0["name"]?.string == name } ?? false
        }
    }

    /// Whether nobody else's entries are in it.
    var isEmpty: Bool {
        ["clusters", "contexts", "users"].allSatisfy { value[$0]?.array?.isEmpty ?? true }
    }

    private mutating func put(_ list: String, _ name: String, _ field: String, _ content: Value) {
        var entries = value[list]?.array ?? []
        let entry: Value = .fields(["name": .string(name), field: content])
        if let index = entries.firstIndex(where: { $0["name"]?.string == name }) {
            // The namespace that the user chose for the context stays.
            var kept = entry
            if field == "context", let namespace = entries[index][path: "context", "namespace"] {
                kept.set(namespace, at: ["context", "namespace"])
            }
            entries[index] = kept
        } else {
            entries.append(entry)
        }
        value[list] = .array(entries)
    }

    /// Makes a context current; empty for none.
    mutating func setCurrent(_ context: String) {
        value["current-context"] = .string(context)
    }

    var yaml: [UInt8] { Array(value.yaml().utf8) }
}

struct KubeconfigError: Error, CustomStringConvertible {
    let description: String
}

extension Value {
    fileprivate static func base64(_ bytes: [UInt8]) -> Value {
        .string(String(decoding: Base64.encode(bytes), as: UTF8.self))
    }
}
