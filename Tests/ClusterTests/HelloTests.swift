import Glibc
import TestSupport
import Testing

/// The README's example with every kubectl that we promise to work with, one after the other on one cluster.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(0),
    .timeLimit(.minutes(10)))
struct `Hello with kubectl` {
    let hello = repositoryRoot + "/examples/hello/hello.yaml"

    @Test(arguments: Kubectl.programs)
    func `applies, rolls out and shows the Deployment`(kubectl: String) async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", hello, program: kubectl)
        try await cluster.check("rollout", "status", "deployment/hello", "--timeout=60s", program: kubectl)
        let all = try await cluster.check("get", "all", "-o", "wide", program: kubectl)
        #expect(all.contains("deployment.apps/hello   3/3     3            3"), "\(all)")
        #expect(
            try await cluster.check("describe", "deployment", "hello", program: kubectl).contains(
                "NewReplicaSetAvailable"))
        #expect(
            try await cluster.check("describe", "pods", program: kubectl).contains(
                "Successfully assigned default/hello-"))
        let unchanged = try await cluster.check("apply", "-f", hello, program: kubectl)
        #expect(unchanged.contains("deployment.apps/hello unchanged"), "\(unchanged)")
        let diff = try await cluster.kubectl(["diff", "-f", hello], program: kubectl)
        #expect(diff.status == 0, "\(diff)")
        try await cluster.check("delete", "-f", hello, "--wait", program: kubectl)
        try await eventually("pods are gone") {
            try await cluster.check("get", "pods", "-o", "name", program: kubectl).isEmpty
        }
    }

    @Test(arguments: Kubectl.programs)
    func `logs, exec, cp and port-forward reach the container`(kubectl: String) async throws {
        let cluster = try cluster()
        try await deployed(cluster, kubectl)
        let pod = try await cluster.check(
            "get", "pods", "-l", "app=hello", "-o", "jsonpath={.items[0].metadata.name}", program: kubectl)
        try await eventually("the log has its line") {
            try await cluster.check("logs", pod, program: kubectl) == "hello version 1: listening on port 8080\n"
        }
        let tailed = try await cluster.check("logs", "deployment/hello", "--tail=1", program: kubectl)
        #expect(tailed == "hello version 1: listening on port 8080\n")
        let environment = try await cluster.check(
            "exec", pod, "--", "sh", "-c", "echo $GREETING $POD_NAME", program: kubectl)
        #expect(environment == "Hello \(pod)\n")
        let echoed = try await cluster.check(
            "exec", "-i", pod, "--", "cat", program: kubectl, input: "to and fro\n", timeout: .seconds(15))
        #expect(echoed == "to and fro\n")
        let failed = try await cluster.kubectl(["exec", pod, "--", "sh", "-c", "exit 7"], program: kubectl)
        #expect(failed.status == 7, "\(failed)")
        #expect(failed.errors.contains("command terminated with exit code 7"), "\(failed)")

        let copied = cluster.directory + "/copied"
        try await cluster.check("cp", "\(pod):/app/version", copied, program: kubectl, timeout: .seconds(15))
        #expect(try await Command.check(["cat", copied]) == "1\n")
        try await cluster.check("cp", copied, "\(pod):/tmp/back", program: kubectl, timeout: .seconds(15))
        #expect(try await cluster.check("exec", pod, "--", "cat", "/tmp/back", program: kubectl) == "1\n")

        let forwarded = try await Command.run(
            [
                "sh", "-c",
                "\"$0\" port-forward \"$1\" 18080:8080 >/dev/null & pid=$!; "
                    + "curl -s --retry 30 --retry-connrefused --retry-delay 1 --max-time 5 http://127.0.0.1:18080/; kill $pid",
                kubectl, pod,
            ], environment: ["KUBECONFIG": cluster.kubeconfig])
        #expect(forwarded.output == "Hello from \(pod), version 1\n", "\(forwarded)")
    }

    @Test(arguments: Kubectl.programs)
    func `rolls to a new version, back and restarts`(kubectl: String) async throws {
        let cluster = try cluster()
        try await deployed(cluster, kubectl)
        let before = try await revision(cluster, kubectl)
        try await cluster.check("set", "image", "deployment/hello", "hello=skiff.example/hello:2", program: kubectl)
        try await cluster.check("rollout", "status", "deployment/hello", "--timeout=60s", program: kubectl)
        #expect(try await versions(cluster, kubectl) == ["skiff.example/hello:2"])
        #expect(try await revision(cluster, kubectl) == before + 1)
        let history = try await cluster.check("rollout", "history", "deployment/hello", program: kubectl)
        #expect(history.contains("\(before + 1) "), "\(history)")
        try await cluster.check("rollout", "undo", "deployment/hello", program: kubectl)
        try await cluster.check("rollout", "status", "deployment/hello", "--timeout=60s", program: kubectl)
        #expect(try await versions(cluster, kubectl) == ["skiff.example/hello:1"])
        try await cluster.check("rollout", "pause", "deployment/hello", program: kubectl)
        try await cluster.check("rollout", "resume", "deployment/hello", program: kubectl)
        try await cluster.check("rollout", "restart", "deployment/hello", program: kubectl)
        try await cluster.check("rollout", "status", "deployment/hello", "--timeout=60s", program: kubectl)
        try await cluster.check("scale", "deployment/hello", "--replicas=1", program: kubectl)
        try await cluster.check(
            "wait", "--for=jsonpath={.status.replicas}=1", "deployment/hello", "--timeout=30s", program: kubectl)
        try await cluster.check("scale", "deployment/hello", "--replicas=3", program: kubectl)
        try await cluster.check(
            "wait", "--for=condition=Available", "deployment/hello", "--timeout=30s", program: kubectl)
    }

    @Test(arguments: Kubectl.programs)
    func `labels, annotates, edits, explains and lists`(kubectl: String) async throws {
        let cluster = try cluster()
        try await deployed(cluster, kubectl)
        try await cluster.check("label", "deployment", "hello", "tier=front", "--overwrite", program: kubectl)
        try await cluster.check("annotate", "deployment", "hello", "note=seen", "--overwrite", program: kubectl)
        let labelled = try await cluster.check("get", "deploy", "-l", "tier=front", "-o", "name", program: kubectl)
        #expect(labelled == "deployment.apps/hello\n")
        let edited = try await Command.run(
            [kubectl, "edit", "deployment", "hello"],
            environment: ["KUBECONFIG": cluster.kubeconfig, "EDITOR": "sed -i s/seen/edited/"])
        #expect(edited.isSuccess, "\(edited)")
        let note = try await cluster.check(
            "get", "deploy", "hello", "-o", "jsonpath={.metadata.annotations.note}", program: kubectl)
        #expect(note == "edited")
        let explained = try await cluster.check("explain", "deployment.spec.strategy", program: kubectl)
        #expect(explained.contains("rollingUpdate"), "\(explained)")
        #expect(try await cluster.check("api-resources", program: kubectl).contains("deployments "))
        #expect(try await cluster.check("events", program: kubectl).contains("ScalingReplicaSet"))
        let wrong = try await cluster.kubectl(["get", "deployment", "nothing"], program: kubectl)
        #expect(wrong.errors == "Error from server (NotFound): deployments.apps \"nothing\" not found\n")
    }

    @Test func `a deleted pod is replaced`() async throws {
        let cluster = try cluster()
        try await deployed(cluster, "kubectl")
        let pod = try await cluster.check("get", "pods", "-l", "app=hello", "-o", "jsonpath={.items[0].metadata.name}")
        try await cluster.check("delete", "pod", pod)
        try await eventually("three others are ready") {
            let names = try await cluster.check("get", "pods", "-l", "app=hello", "-o", "name")
            let ready = try await cluster.check("get", "deploy", "hello", "-o", "jsonpath={.status.readyReplicas}")
            return !names.contains(pod) && ready == "3"
        }
    }

    @Test func `an image that does not exist says why`() async throws {
        let cluster = try cluster()
        try await cluster.check("run", "missing", "--image=127.0.0.1:9/nothing:1")
        try await eventually("the pod waits with ImagePullBackOff or ErrImagePull") {
            let reason = try await cluster.check(
                "get", "pod", "missing", "-o", "jsonpath={.status.containerStatuses[0].state.waiting.reason}")
            return reason == "ImagePullBackOff" || reason == "ErrImagePull"
        }
        try await cluster.check("delete", "pod", "missing")
    }

    @Test func `a killed Skiff adopts its pods`() async throws {
        let cluster = try cluster()
        try await deployed(cluster, "kubectl")
        let query =
            "jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} "
            + "{.status.containerStatuses[0].restartCount}{\"\\n\"}{end}"
        let before = try await cluster.check("get", "pods", "-l", "app=hello", "-o", query)
        let pid = try #require(cluster.serverPID)
        #expect(kill(pid, SIGKILL) == 0)
        let up = try await cluster.up()
        #expect(up.isSuccess, "\(up)")
        #expect(try await cluster.check("get", "pods", "-l", "app=hello", "-o", query) == before)
        let second = try await cluster.up()
        #expect(second.description.contains("already running"), "\(second)")
        #expect(try await cluster.check("get", "pods", "-l", "app=hello", "-o", query) == before)
    }

    private func deployed(_ cluster: SkiffInstance, _ kubectl: String) async throws {
        try await cluster.check("apply", "-f", hello, program: kubectl)
        try await cluster.check("rollout", "status", "deployment/hello", "--timeout=60s", program: kubectl)
    }

    private func versions(_ cluster: SkiffInstance, _ kubectl: String) async throws -> Set<String> {
        let images = try await cluster.check(
            "get", "pods", "-l", "app=hello", "--field-selector=status.phase=Running", "-o",
            "go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{(index .spec.containers 0).image}}"
                + "{{\"\\n\"}}{{end}}{{end}}", program: kubectl)
        return Set(images.split(separator: "\n").map(String.init))
    }

    private func revision(_ cluster: SkiffInstance, _ kubectl: String) async throws -> Int {
        let text = try await cluster.check(
            "get", "deploy", "hello", "-o", "jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}",
            program: kubectl)
        return try #require(Int(text))
    }
}
