internal import TestSupport
internal import Testing

/// `kubectl debug`: a look into a running pod.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(6),
    .timeLimit(.minutes(5)))
struct `Ephemeral containers` {
    @Test(arguments: Kubectl.programs)
    func `run once beside the others and see the target's processes`(kubectl: String) async throws {
        let cluster = try cluster()
        try await cluster.check(
            "run", "watched", "--image=skiff.example/hello:1",
            #"--overrides={"spec":{"terminationGracePeriodSeconds":1,"containers":[{"name":"watched","#
                + #""image":"skiff.example/hello:1","command":["sleep","4321"]}]}}"#, program: kubectl)
        try await cluster.check("wait", "--for=condition=Ready", "pod/watched", "--timeout=60s", program: kubectl)
        try await cluster.check(
            "debug", "watched", "--image=skiff.example/hello:1", "-c", "visitor", "--target=watched", "--", "ps",
            program: kubectl)
        try await eventually("the visitor has run") {
            try await cluster.check(
                "get", "pod", "watched", "-o",
                "jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.reason}") == "Completed"
        }
        let processes = try await cluster.check("logs", "watched", "-c", "visitor", program: kubectl)
        #expect(processes.contains("sleep 4321"), "\(processes)")
        try await cluster.check(
            "debug", "watched", "--image=skiff.example/hello:1", "-c", "second", "--", "true", program: kubectl)
        try await eventually("the second visitor has run") {
            try await cluster.check(
                "get", "pod", "watched", "-o",
                "jsonpath={.status.ephemeralContainerStatuses[*].state.terminated.exitCode}") == "0 0"
        }
        let counts = try await cluster.check(
            "get", "pod", "watched", "-o",
            "jsonpath={.status.containerStatuses[0].restartCount} {.status.ephemeralContainerStatuses[*].restartCount}")
        #expect(counts == "0 0 0", "neither the pod nor a visitor starts again")
        let events = try await cluster.check("events", "--for", "pod/watched")
        #expect(events.contains("Container created"), "\(events)")
        try await cluster.check("delete", "pod", "watched", program: kubectl)
    }
}
