import Foundation
import TestSupport
import Testing

/// Short ways to write pods and read what became of them.
extension SkiffInstance {
    /// Applies one or more manifests.
    func apply(_ manifests: String...) async throws {
        try await check("apply", "-f", "-", input: manifests.joined(separator: "\n---\n"))
    }

    /// One field of a pod.
    func field(_ pod: String, _ path: String) async throws -> String {
        try await check("get", "pod", pod, "-o", "jsonpath={\(path)}")
    }

    /// Waits until a field has a value.
    func field(_ pod: String, _ path: String, becomes value: String, within limit: Duration = .seconds(40)) async throws
    {
        try await eventually("\(path) of \(pod) becomes \(value)", timeout: limit) {
            try await self.field(pod, path) == value
        }
    }

    /// `TYPE REASON MESSAGE` lines of a pod's events.
    func events(of pod: String) async throws -> String {
        try await check(
            "get", "events", "--field-selector", "involvedObject.name=\(pod)", "-o",
            #"jsonpath={range .items[*]}{.type} {.reason} {.message}{"\n"}{end}"#)
    }

    func deleteNow(_ pods: String...) async throws {
        let result = try await kubectl(["delete", "pod", "--grace-period=0", "--force", "--ignore-not-found"] + pods)
        #expect(result.isSuccess, "\(result)")
    }
}

/// A pod whose containers, and what else there is, stand in `spec`, indented by two.
func podManifest(_ name: String, restartPolicy: String = "Always", _ spec: String) -> String {
    """
    apiVersion: v1
    kind: Pod
    metadata: {name: \(name), labels: {app: \(name)}}
    spec:
      terminationGracePeriodSeconds: 1
      restartPolicy: \(restartPolicy)
    \(spec)
    """
}

/// One container running a shell script, as YAML in one line.
func shell(_ name: String, _ script: String, _ more: String = "") -> String {
    let quoted = script.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
    return "  - {name: \(name), image: \"skiff.example/hello:1\", command: [sh, -c, \"\(quoted)\"]"
        + (more.isEmpty ? "}" : ", \(more)}")
}
