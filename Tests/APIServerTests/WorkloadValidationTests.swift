import APIMachinery
import APIServer
import Testing
import Transport

/// A spec that is refused, and one of the reasons.
struct RefusedSpec: Sendable, CustomTestStringConvertible {
    let kind: String
    let path: String
    let spec: String
    let reason: String

    var testDescription: String { "\(kind) \(spec.prefix(60))" }

    var body: String {
        let version =
            path.split(separator: "/").first == "api"
            ? "v1" : path.split(separator: "/").dropFirst().prefix(2).joined(separator: "/")
        return #"{"kind":"\#(kind)","apiVersion":"\#(version)","metadata":{"name":"a"},"spec":\#(spec)}"#
    }

    /// Every spec is refused with status 422, and the reason is among the causes.
    static func check(_ cases: [RefusedSpec]) async throws {
        try await TestServer.with { test in
            for refused in cases {
                let reply = await test.send("POST", refused.path, Array(refused.body.utf8))
                #expect(reply.status == 422, "\(refused.testDescription): \(reply.message)")
                #expect(reply.message.contains(refused.reason), "\(refused.testDescription): \(reply.message)")
            }
        }
    }
}

private let pod = #"{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"c","image":"x"}]}}"#
private let once = #"{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"x"}]}}"#
private let selected = #""selector":{"matchLabels":{"app":"a"}},"template":"# + pod

private func apps(_ kind: String, _ spec: String, _ reason: String) -> RefusedSpec {
    RefusedSpec(
        kind: kind, path: "/apis/apps/v1/namespaces/default/\(kind.lowercased())s", spec: "{\(spec)}", reason: reason)
}

private func job(_ spec: String, _ reason: String) -> RefusedSpec {
    RefusedSpec(
        kind: "Job", path: "/apis/batch/v1/namespaces/default/jobs", spec: #"{\#(spec),"template":\#(once)}"#,
        reason: reason)
}

private func cron(_ schedule: String, _ reason: String) -> RefusedSpec {
    RefusedSpec(
        kind: "CronJob", path: "/apis/batch/v1/namespaces/default/cronjobs",
        spec: #"{"schedule":"\#(schedule)","jobTemplate":{"spec":{"template":\#(once)}}}"#,
        reason: #"spec.schedule: Invalid value: "\#(schedule)": \#(reason)"#)
}

@Suite struct `Workloads are refused in upstream's words` {
    @Test func `selectors, templates and strategies`() async throws {
        try await RefusedSpec.check([
            apps("Deployment", #""template":"# + pod, "spec.selector: Required value"),
            apps(
                "Deployment", #""selector":{},"template":"# + pod, "empty selector is invalid for deployment"),
            apps(
                "Deployment", selected + #","strategy":{"type":"Foo"}"#,
                #"spec.strategy: Unsupported value: {"Type":"Foo","RollingUpdate":null}: supported values: "Recreate""#),
            apps(
                "Deployment", selected + #","strategy":{"rollingUpdate":{"maxSurge":0,"maxUnavailable":"0%"}}"#,
                #"spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0"#),
            apps("Deployment", selected + #","progressDeadlineSeconds":5,"minReadySeconds":5"#, "minReadySeconds"),
            apps(
                "ReplicaSet", #""selector":{"matchLabels":{"app":"b"}},"template":"# + pod,
                #"spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match"#),
            apps(
                "DaemonSet", selected + #","updateStrategy":{"rollingUpdate":{"maxSurge":1}}"#,
                "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is"),
            apps(
                "StatefulSet", selected + #","updateStrategy":{"type":"Foo"}"#,
                #"spec.updateStrategy: Invalid value: {"Type":"Foo","RollingUpdate":null}: must be 'RollingUpdate' or"#),
            apps(
                "StatefulSet", selected + #","volumeClaimTemplates":[{"metadata":{"name":"v"},"spec":{}}]"#,
                "spec.volumeClaimTemplates[0].spec.accessModes: Required value"),
            apps(
                "StatefulSet", selected + #","persistentVolumeClaimRetentionPolicy":{"whenDeleted":"X"}"#,
                "spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value"),
        ])
    }

    @Test func `completion modes and policies of Jobs`() async throws {
        try await RefusedSpec.check([
            job(#""maxFailedIndexes":1"#, "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes"),
            job(
                #""completionMode":"Indexed","completions":3,"successPolicy":{"rules":[{"succeededIndexes":"2-1"}]}"#,
                "error parsing succeededIndexes: non-increasing order, previous: 2, current: 1"),
            job(
                #""podFailurePolicy":{"rules":[{"action":"FailJob","onExitCodes":{"operator":"In","values":[3,0]}}]}"#,
                "spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [3,0]: must be ordered"),
            job(#""managedBy":"me""#, "must be a domain-prefixed path"),
            job(#""selector":{"matchLabels":{"a":"b"}}"#, "`selector` not auto-generated"),
            job(#""manualSelector":true"#, "spec.selector: Required value"),
        ])
    }

    @Test func `schedules`() async throws {
        try await RefusedSpec.check([
            cron("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            cron("60 * * * *", "end of range (60) above maximum (59): 60"),
            cron("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"),
            cron("*/0 * * * *", "step of range should be a positive number: */0"),
            cron(
                "* * * foo *",
                #"failed to parse int from foo: strconv.Atoi: parsing \"foo\""#
                    .replacing("\\", with: "")),
            cron("@soon", "unrecognized descriptor: @soon"),
            cron("TZ=UTC 0 0 * * *", "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
        ])
    }
}

@Suite struct `Updates of workloads` {
    @Test func `a selector stays, and only some fields of a StatefulSet change`() async throws {
        try await TestServer.with { test in
            let path = "/apis/apps/v1/namespaces/default/statefulsets"
            let spec = #"{"kind":"StatefulSet","apiVersion":"apps/v1","metadata":{"name":"s"},"spec":{\#(selected)}}"#
            var object = await test.send("POST", path, Array(spec.utf8)).body
            object.set(3, at: ["spec", "replicas"])
            object = await test.put(path + "/s", object).body
            #expect(object[path: "metadata", "generation"] == 2)
            object.set("other", at: ["spec", "serviceName"])
            let refused = await test.put(path + "/s", object)
            #expect(refused.status == 422)
            #expect(refused.message.contains("updates to statefulset spec for fields other than 'replicas'"))
        }
    }

    @Test func `a DaemonSet's template generation counts changes of the template`() async throws {
        try await TestServer.with { test in
            let path = "/apis/apps/v1/namespaces/default/daemonsets"
            let spec = #"{"kind":"DaemonSet","apiVersion":"apps/v1","metadata":{"name":"s"},"spec":{\#(selected)}}"#
            let keys = ["metadata", "annotations", "deprecated.daemonset.template.generation"]
            _ = await test.send("POST", path, Array(spec.utf8))
            let same = await test.send("PUT", path + "/s", Array(spec.utf8)).body
            #expect(same[path: keys] == "1")
            let new = spec.replacing(#""image":"x""#, with: #""image":"y""#)
            #expect(await test.send("PUT", path + "/s", Array(new.utf8)).body[path: keys] == "2")
        }
    }

    @Test func `a Job's template stays, except for where pods go while it is suspended`() async throws {
        try await TestServer.with { test in
            let path = "/apis/batch/v1/namespaces/default/jobs"
            for isSuspended in [true, false] {
                let name = isSuspended ? "s" : "r"
                let text = """
                    {"kind":"Job","apiVersion":"batch/v1","metadata":{"name":"\(name)"},
                    "spec":{"suspend":\(isSuspended),"template":\(once)}}
                    """
                var job = await test.send("POST", path, Array(text.utf8)).body
                job.set(["disk": "ssd"], at: ["spec", "template", "spec", "nodeSelector"])
                #expect(await test.put(path + "/" + name, job).status == (isSuspended ? 200 : 422))
            }
        }
    }

    @Test func `a Job's status does not contradict itself`() async throws {
        try await TestServer.with { test in
            let path = "/apis/batch/v1/namespaces/default/jobs"
            let text = #"{"kind":"Job","apiVersion":"batch/v1","metadata":{"name":"j"},"spec":{"template":\#(once)}}"#
            var job = await test.send("POST", path, Array(text.utf8)).body
            job["status"] = ["active": 1, "conditions": [["type": "Complete", "status": "True"]]]
            let reply = await test.put(path + "/j/status", job)
            #expect(reply.status == 422)
            #expect(reply.message.contains("status.completionTime: Required value: completionTime is required"))
            #expect(reply.message.contains("status.active: Invalid value: 1: active>0 is invalid for finished job"))
        }
    }
}
