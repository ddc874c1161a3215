internal import APIMachinery
internal import KubeAPI
internal import Testing

@testable import APIServer

@Suite struct `Tables` {
    private let tables = PrinterTables { Time("2024-05-01T12:00:00Z") ?? .now() }

    private func resource(_ group: String, _ plural: String) throws -> ResourceName {
        try #require(ResourceTable.all.first { $0.group == group && $0.plural == plural }).name
    }

    private func render(
        _ group: String, _ plural: String, _ object: Value, _ options: TableOptions = TableOptions()
    ) throws -> Value {
        let meta: Value = ["resourceVersion": "12"]
        let bytes = tables.table(
            for: try resource(group, plural), objects: [object.jsonBytes()], options: options,
            listMeta: meta.jsonBytes()
        )
        return try Value(json: bytes)
    }

    private func cells(_ group: String, _ plural: String, _ object: Value) throws -> Value? {
        try render(group, plural, object)["rows"]?.array?.first?["cells"]
    }

    private let metadata: Value = ["name": "x", "namespace": "ns", "creationTimestamp": "2024-05-01T11:57:58Z"]

    private func pod(_ status: Value, spec: Value = [:]) -> Value {
        var spec = spec
        if spec["containers"] == nil { spec["containers"] = [["name": "c", "image": "i"]] }
        return ["metadata": metadata, "spec": spec, "status": status]
    }

    @Test func `a running pod with a restart`() throws {
        let status: Value = [
            "phase": "Running", "podIP": "10.1.1.1", "podIPs": [["ip": "10.1.1.1"]],
            "containerStatuses": [
                [
                    "name": "c", "ready": true, "restartCount": 3, "state": ["running": [:]],
                    "lastState": ["terminated": ["exitCode": 1, "finishedAt": "2024-05-01T11:58:00Z"]],
                ]
            ],
        ]
        #expect(
            try cells("", "pods", pod(status, spec: ["nodeName": "n1"]))
                == ["x", "1/1", "Running", "3 (2m ago)", "2m2s", "10.1.1.1", "n1", "<none>", "<none>"]
        )
    }

    private static let containerStates: [(state: Value, phase: String, shown: String)] = [
        (["waiting": ["reason": "CrashLoopBackOff"]], "Running", "CrashLoopBackOff"),
        (["waiting": ["reason": "ImagePullBackOff"]], "Pending", "ImagePullBackOff"),
        (["terminated": ["exitCode": 0, "reason": "Completed"]], "Succeeded", "Completed"),
        (["terminated": ["exitCode": 3]], "", "ExitCode:3"),
        (["terminated": ["exitCode": 137, "reason": "OOMKilled"]], "Running", "OOMKilled"),
    ]

    @Test(arguments: containerStates)
    func `the state of a container is the pod's`(state: Value, phase: String, shown: String) throws {
        let container: Value = ["name": "c", "restartCount": 0, "ready": false, "state": state]
        let status: Value = ["phase": .string(phase), "containerStatuses": [container]]
        #expect(try cells("", "pods", pod(status))?.array?[2] == .string(shown))
    }

    @Test func `an init container that is awaited is counted`() throws {
        let spec: Value = ["initContainers": [["name": "a"], ["name": "b"]]]
        let status: Value = [
            "phase": "Pending",
            "initContainerStatuses": [
                ["name": "a", "restartCount": 0, "state": ["terminated": ["exitCode": 0]]],
                ["name": "b", "restartCount": 0, "state": ["running": [:]]],
            ],
        ]
        #expect(try cells("", "pods", pod(status, spec: spec))?.array?[2] == "Init:1/2")
    }

    @Test func `a pod that goes away says so, a finished one has a condition`() throws {
        var leaving = pod(["phase": "Running"])
        leaving.set("2024-05-01T11:59:00Z", at: ["metadata", "deletionTimestamp"])
        #expect(try cells("", "pods", leaving)?.array?[2] == "Terminating")
        let row = try #require(
            try render("", "pods", pod(["phase": "Failed", "reason": "Evicted"]))["rows"]?.array?.first)
        #expect(row["cells"]?.array?[2] == "Evicted")
        #expect(row["conditions"]?.array?.first?["reason"] == "Failed")
    }

    @Test func `workloads`() throws {
        let template: Value = [
            "spec": ["containers": [["name": "c", "image": "nginx"], ["name": "d", "image": "e"]]]
        ]
        let selector: Value = [
            "matchLabels": ["app": "a"],
            "matchExpressions": [["key": "tier", "operator": "In", "values": ["y", "x"]]],
        ]
        let spec: Value = ["replicas": 3, "selector": selector, "template": template]
        let status: Value = ["readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1, "replicas": 3]
        let object: Value = ["metadata": metadata, "spec": spec, "status": status]
        #expect(
            try cells("apps", "deployments", object)
                == ["x", "2/3", 3, 1, "2m2s", "c,d", "nginx,e", "app=a,tier in (x,y)"]
        )
        #expect(
            try cells("apps", "replicasets", object)
                == ["x", 3, 3, 2, "2m2s", "c,d", "nginx,e", "app=a,tier in (x,y)"]
        )
    }

    @Test func `services`() throws {
        let object: Value = [
            "metadata": metadata,
            "spec": [
                "type": "NodePort", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"],
                "ports": [["port": 80, "nodePort": 30080, "protocol": "TCP"], ["port": 53, "protocol": "UDP"]],
                "selector": ["app": "a"],
            ],
        ]
        #expect(
            try cells("", "services", object)
                == ["x", "NodePort", "10.96.0.9", "<none>", "80:30080/TCP,53/UDP", "2m2s", "app=a"]
        )
    }

    @Test func `nodes`() throws {
        let object: Value = [
            "metadata": [
                "name": "n", "creationTimestamp": "2024-04-01T12:00:00Z",
                "labels": ["node-role.kubernetes.io/control-plane": ""],
            ],
            "spec": ["unschedulable": true],
            "status": [
                "conditions": [["type": "Ready", "status": "True"]],
                "addresses": [["type": "InternalIP", "address": "10.0.0.7"]],
                "nodeInfo": [
                    "kubeletVersion": "v1.36.2+skiff", "osImage": "Debian", "kernelVersion": "6.1",
                    "architecture": "amd64",
                    "containerRuntimeVersion": "containerd://1.6.20",
                ],
            ],
        ]
        #expect(
            try cells("", "nodes", object)
                == [
                    "n", "Ready,SchedulingDisabled", "control-plane", "30d", "v1.36.2+skiff", "10.0.0.7", "<none>",
                    "Debian", "6.1 (amd64)", "containerd://1.6.20",
                ]
        )
    }

    @Test func `events of both groups`() throws {
        let core: Value = [
            "metadata": metadata, "type": "Normal", "reason": "Started", "message": "hello ", "count": 3,
            "firstTimestamp": "2024-05-01T11:50:00Z", "lastTimestamp": "2024-05-01T11:59:55Z",
            "involvedObject": ["kind": "Pod", "name": "p", "fieldPath": "spec.containers{c}"],
            "source": ["component": "kubelet", "host": "n1"],
        ]
        #expect(
            try cells("", "events", core)
                == ["5s", "Normal", "Started", "pod/p", "spec.containers{c}", "kubelet, n1", "hello", "10m", 3, "x"]
        )
        let new: Value = [
            "metadata": metadata, "type": "Warning", "reason": "Why", "note": "a note",
            "eventTime": "2024-05-01T11:59:00.000000Z", "regarding": ["kind": "Pod", "name": "p"],
            "reportingController": "example.com/c", "reportingInstance": "i",
        ]
        #expect(
            try cells("events.k8s.io", "events", new)
                == ["60s", "Warning", "Why", "pod/p", "", "example.com/c, i", "a note", "60s", 1, "x"]
        )
    }

    @Test func `every built-in resource prints as many cells as it has columns`() throws {
        let now = Time("2024-05-01T12:00:00Z") ?? .now()
        for resource in ResourceTable.all where resource.verbs.contains("list") {
            let columns = TableColumns.columns(of: resource.name)
            let printer = RowPrinters.printer(group: resource.group, plural: resource.plural)
            let row = printer(PrintedObject(value: ["metadata": metadata], now: now))
            #expect(row.cells.count == columns.count, "\(resource.group)/\(resource.plural)")
        }
    }

    @Test func `rows carry what the client asks for`() throws {
        let object: Value = ["kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": ["a": "b"]]
        let table = try render("", "configmaps", object)
        #expect(table["kind"] == "Table" && table["apiVersion"] == "meta.k8s.io/v1")
        #expect(table["metadata"]?["resourceVersion"] == "12")
        #expect(table["columnDefinitions"]?.array?.map { $0["name"] } == ["Name", "Data", "Age"])
        let partial = table["rows"]?.array?.first?["object"]
        #expect(partial?["kind"] == "PartialObjectMetadata" && partial?["metadata"] == metadata)
        let whole = try render("", "configmaps", object, TableOptions(includeObject: .object, includeColumns: false))
        #expect(whole["rows"]?.array?.first?["object"] == object)
        #expect(whole["columnDefinitions"] == .null)
        let none = try render("", "configmaps", object, TableOptions(includeObject: .none))
        #expect(none["rows"]?.array?.first?["object"] == .null)
    }

    @Test(arguments: [
        (-5, "<invalid>"), (0, "0s"), (119, "119s"), (120, "2m"), (182, "3m2s"), (600, "10m"), (10_799, "179m"),
        (10_800, "3h"), (18_720, "5h12m"), (28_800, "8h"), (172_799, "47h"), (172_800, "2d"), (183_600, "2d3h"),
        (34_560_000, "400d"), (86_400 * 800, "2y70d"), (86_400 * 3000, "8y"),
    ])
    func `ages read as upstream's`(seconds: Int, text: String) {
        #expect(HumanDuration.text(.seconds(seconds)) == text)
    }
}
