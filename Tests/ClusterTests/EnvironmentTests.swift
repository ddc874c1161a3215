import Foundation
import TestSupport
import Testing

/// What containers are told, and what they may do.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(15),
    .timeLimit(.minutes(5)))
struct `Environment and rights of containers` {
    @Test func `variables come from everywhere, expand, and the last wins`() async throws {
        let cluster = try cluster()
        try await cluster.check("create", "configmap", "env", "--from-literal=a=1", "--from-literal=B_C=2")
        try await cluster.check("create", "secret", "generic", "hidden", "--from-literal=key=secret value")
        try await cluster.check("create", "service", "clusterip", "red-is", "--tcp=6379:6379")
        try await cluster.apply(Self.environment)
        try await cluster.field("env", ".status.phase", becomes: "Succeeded")
        let log = try await cluster.check("logs", "env", "-c", "c")
        let values = Dictionary(
            log.split(separator: "\n").compactMap { line -> (String, String)? in
                guard let equals = line.firstIndex(of: "=") else { return nil }
                return (String(line[..<equals]), String(line[line.index(after: equals)...]))
            }, uniquingKeysWith: { $1 })
        let node = try await cluster.field("env", ".spec.nodeName")
        let address = try await cluster.check("get", "service", "red-is", "-o", "jsonpath={.spec.clusterIP}")
        let expected = [
            "PLAIN": "plain", "EXPANDED": "plain and $(PLAIN) and $(NOT_THERE) and $", "P_a": "1", "P_B_C": "2",
            "FROM_MAP": "1", "FROM_SECRET": "secret value", "OVER": "second", "NAME": "env", "NAMESPACE": "default",
            "LABEL": "env", "NOTE": "said", "NODE": node, "ACCOUNT": "default", "CPU": "1", "CPU_MILLI": "250",
            "MEMORY": "64", "FILED": "it's not", "RED_IS_SERVICE_HOST": address, "RED_IS_SERVICE_PORT": "6379",
            "RED_IS_SERVICE_PORT_6379_6379": "6379", "RED_IS_PORT": "tcp://\(address):6379",
            "RED_IS_PORT_6379_TCP_PROTO": "tcp", "RED_IS_PORT_6379_TCP_ADDR": address,
        ]
        for (name, value) in expected where name != "FILED" { #expect(values[name] == value, "\(name)") }
        #expect(values["FILED"] == "two words")
        #expect(values["POD_IP"]?.hasPrefix("10.215.") == true, "\(values["POD_IP"] ?? "")")
        #expect(values["HOST_IP"]?.isEmpty == false)
        #expect(values["OPTIONAL"] == nil && values["OPTIONAL_FILE"] == nil)
        #expect(Int(values["CPU_REST"] ?? "") ?? 0 > 0, "without a limit, what the node has")
        #expect(values["ARG"] == "plain $(PLAIN)")
        try await cluster.deleteNow("env")
    }

    @Test func `users, groups, capabilities and read-only roots are as asked`() async throws {
        let cluster = try cluster()
        let script =
            "id -u; id -g; id -G; grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status; "
            + "grep Seccomp: /proc/self/status; touch /x 2>&1 || echo readonly; uname -n; cat /etc/hosts; ps | wc -l"
        let context =
            "securityContext: {runAsUser: 1234, runAsGroup: 2345, readOnlyRootFilesystem: true, "
            + "allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}"
        try await cluster.apply(
            podManifest(
                "rights", restartPolicy: "Never",
                """
                  hostname: named
                  subdomain: sub
                  setHostnameAsFQDN: true
                  hostAliases: [{ip: 192.0.2.7, hostnames: [one.test, two.test]}]
                  securityContext:
                    {supplementalGroups: [77], fsGroup: 88, sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "1"}]}
                  containers:

                """ + shell("c", script + "; cat /proc/sys/net/ipv4/ip_unprivileged_port_start", context)),
            podManifest(
                "shared",
                "  shareProcessNamespace: true\n  dnsPolicy: None\n"
                    + "  dnsConfig: {nameservers: [192.0.2.1], searches: [a.test], options: [{name: ndots, value: \"2\"}]}\n"
                    + "  containers:\n" + shell("a", "sleep 4321") + "\n"
                    + shell("b", "sleep 3600", "securityContext: {privileged: true}")),
            podManifest("hosts", "  hostNetwork: true\n  hostPID: true\n  containers:\n" + shell("c", "sleep 3600")))
        try await cluster.field("rights", ".status.phase", becomes: "Succeeded")
        let log = try await cluster.check("logs", "rights").split(separator: "\n").map(String.init)
        #expect(log[0] == "1234" && log[1] == "2345", "\(log)")
        #expect(Set(log[2].split(separator: " ")) == ["2345", "77", "88"], "\(log)")
        #expect(log[3].hasSuffix("0000000000000000") && log[4].hasSuffix("1") && log[5].hasSuffix("2"), "\(log)")
        #expect(log.contains("readonly") && log.contains("named.sub.default.svc.cluster.local"), "\(log)")
        let ip = try await cluster.field("rights", ".status.podIP")
        #expect(log.contains("192.0.2.7\tone.test\ttwo.test"), "\(log)")
        #expect(log.contains("\(ip)\tnamed.sub.default.svc.cluster.local\tnamed"), "\(log)")
        #expect(log.last == "1", "the sysctl")

        try await cluster.check("wait", "--for=condition=Ready", "pod/shared", "pod/hosts", "--timeout=40s")
        let seen = try await cluster.check(
            "exec", "shared", "-c", "b", "--", "sh", "-c", "ps; cat /etc/resolv.conf; ls /dev")
        #expect(seen.contains("sleep 4321") && seen.contains("nameserver 192.0.2.1\n"), "\(seen)")
        #expect(seen.contains("search a.test\n") && seen.contains("options ndots:2"), "\(seen)")
        #expect(seen.contains("\nkmsg\n") || seen.contains("\nfuse\n") || seen.split(separator: "\n").count > 60)
        let host = try await cluster.check(
            "exec", "hosts", "--", "sh", "-c", "readlink /proc/1/ns/net; readlink /proc/self/ns/net")
        #expect(Set(host.split(separator: "\n")).count == 1, "\(host)")
        let nodeAddress = try await cluster.field("hosts", ".status.hostIP")
        #expect(try await cluster.field("hosts", ".status.podIP") == nodeAddress)
        try await cluster.deleteNow("rights", "shared", "hosts")
    }

    @Test func `what the node must not or cannot do is refused in upstream's words`() async throws {
        let cluster = try cluster()
        let main = "  containers:\n" + shell("c", "sleep 3600")
        let hasAppArmor = FileManager.default.fileExists(atPath: "/sys/module/apparmor/parameters/enabled")
        try await cluster.apply(
            podManifest("rooted", "  securityContext: {runAsNonRoot: true}\n" + main),
            podManifest("zero", "  securityContext: {runAsNonRoot: true, runAsUser: 0}\n" + main),
            podManifest("strict", "  securityContext: {supplementalGroupsPolicy: Strict}\n" + main),
            podManifest("sysctl", "  securityContext: {sysctls: [{name: kernel.msgmax, value: \"1\"}]}\n" + main),
            podManifest("userns", "  hostUsers: false\n" + main),
            podManifest("armored", "  securityContext: {appArmorProfile: {type: RuntimeDefault}}\n" + main),
            podManifest(
                "seccomp",
                "  containers:\n"
                    + shell(
                        "c", "sleep 3600",
                        "securityContext: {seccompProfile: {type: Localhost, localhostProfile: no.json}}")),
            "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: other}\nhandler: other",
            podManifest("classy", "  runtimeClassName: other\n" + main))
        func waiting(_ pod: String, _ field: String) async throws -> String {
            try await cluster.field(pod, ".status.containerStatuses[0].state.waiting." + field)
        }
        try await cluster.field(
            "rooted", ".status.containerStatuses[0].state.waiting.reason", becomes: "CreateContainerConfigError")
        #expect(
            try await waiting("rooted", "message").hasPrefix(
                "container has runAsNonRoot and image will run as root (pod: \"rooted_default("))
        try await cluster.field(
            "zero", ".status.containerStatuses[0].state.waiting.reason", becomes: "CreateContainerConfigError")
        #expect(
            try await waiting("zero", "message").hasPrefix(
                "container's runAsUser breaks non-root policy (pod: \"zero_default("))
        try await cluster.field("strict", ".status.reason", becomes: "SupplementalGroupsPolicyNotSupported")
        #expect(
            try await cluster.field("strict", ".status.message")
                == "Pod was rejected: SupplementalGroupsPolicy=Strict is not supported in this node")
        try await cluster.field("sysctl", ".status.reason", becomes: "SysctlForbidden")
        #expect(
            try await cluster.field("sysctl", ".status.message")
                == "Pod was rejected: forbidden sysctl: \"kernel.msgmax\" not allowlisted")
        if !hasAppArmor {
            try await cluster.field("armored", ".status.reason", becomes: "AppArmor")
            #expect(
                try await cluster.field("armored", ".status.message")
                    == "Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host")
        }
        try await cluster.field(
            "seccomp", ".status.containerStatuses[0].state.waiting.reason", becomes: "CreateContainerError")
        #expect(try await waiting("seccomp", "message").contains("no.json"))
        try await eventually("the sandboxes are refused") {
            let users = try await cluster.events(of: "userns")
            let other = try await cluster.events(of: "classy")
            return users.contains(
                "Warning FailedCreatePodSandBox Failed to create pod sandbox: can't set `spec.hostUsers: false`, "
                    + "runtime does not support user namespaces")
                && other.contains("no runtime for \"other\" is configured")
        }
        #expect(try await cluster.field("userns", ".status.phase") == "Pending")
        try await cluster.deleteNow("rooted", "zero", "strict", "sysctl", "userns", "armored", "seccomp", "classy")
        try await cluster.check("delete", "runtimeclass", "other")
    }

    private static let environment = """
        apiVersion: v1
        kind: Pod
        metadata: {name: env, labels: {app: env}, annotations: {note: said}}
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 1
          volumes: [{name: v, emptyDir: {}}]
          initContainers:
          - name: i
            image: skiff.example/hello:1
            command: [sh, -c, "printf \\"# a comment\\\\nFILED='two words' # more\\\\n\\" > /v/file.env"]
            volumeMounts: [{name: v, mountPath: /v}]
          containers:
          - name: c
            image: skiff.example/hello:1
            command: [sh, -c, "env; echo ARG=$0", "$(PLAIN) $$(PLAIN)"]
            resources: {limits: {cpu: 250m, memory: 64Mi}}
            envFrom: [{prefix: P_, configMapRef: {name: env}}, {configMapRef: {name: nothing, optional: true}}]
            env:
            - {name: PLAIN, value: plain}
            - {name: EXPANDED, value: "$(PLAIN) and $$(PLAIN) and $(NOT_THERE) and $$"}
            - {name: FROM_MAP, valueFrom: {configMapKeyRef: {name: env, key: a}}}
            - {name: FROM_SECRET, valueFrom: {secretKeyRef: {name: hidden, key: key}}}
            - {name: OPTIONAL, valueFrom: {secretKeyRef: {name: hidden, key: none, optional: true}}}
            - {name: OVER, value: first}
            - {name: OVER, value: second}
            - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
            - {name: LABEL, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}}
            - {name: NOTE, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['note']"}}}
            - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
            - {name: ACCOUNT, valueFrom: {fieldRef: {fieldPath: spec.serviceAccountName}}}
            - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIPs}}}
            - {name: HOST_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
            - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
            - {name: CPU_MILLI, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}
            - {name: MEMORY, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}
            - {name: CPU_REST, valueFrom: {resourceFieldRef: {resource: limits.ephemeral-storage}}}
            - {name: FILED, valueFrom: {fileKeyRef: {volumeName: v, path: file.env, key: FILED}}}
            - {name: OPTIONAL_FILE, valueFrom: {fileKeyRef: {volumeName: v, path: none.env, key: A, optional: true}}}
        """
}
