internal import APIMachinery
internal import ArgumentParser
internal import Glibc

@main
enum Main {
    static func main() async throws {
        if try Throughput.run(CommandLine.arguments) { return }
        await Benchmark.main()
    }
}

/// Measures one Skiff from its first start to its removal, and writes what came out as JSON.
struct Benchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skiff-benchmark",
        abstract: "Measure Skiff: start, idle, API, pods. Starts a cluster of its own and deletes it."
    )

    @Option(help: "The skiff program to measure.")
    var skiff: String

    @Option(help: "Directory of the cluster's data; must not exist. On the disk that is to be measured.")
    var directory = "/var/tmp/skiff-benchmark"

    @Option(help: "Port of the cluster's API.")
    var port = 26443

    @Option(help: "Where the results go.")
    var output: String

    @Option(help: "Name of this machine in the results.")
    var label = "unnamed"

    @Option(help: "Runs of each figure; medians are given.")
    var runs = 3

    @Option(help: "Seconds over which idle CPU is measured.")
    var idleSeconds = 60

    @Option(help: "Pods in the list.")
    var listedPods = 10_000

    @Option(help: "Parts to run: start, idle, pods, node, probes, services, dns, api; separated by commas.")
    var parts = "start,idle,pods,node,probes,services,dns,api"

    func run() async throws {
        let cluster = ClusterUnderTest(
            skiff: skiff, dataDirectory: directory + "/data", port: port, kubeconfig: directory + "/kubeconfig")
        guard access(directory, F_OK) != 0 else { throw ValidationError("\(directory) is there already") }
        guard mkdir(directory, 0o755) == 0 else { throw ValidationError("cannot make \(directory)") }
        do {
            try await measure(cluster)
        } catch {
            _ = try? await cluster.delete()
            _ = try? await Program.run(["rm", "-rf", "--one-file-system", directory])
            throw error
        }
        try await cluster.delete()
        try await Program.run(["rm", "-rf", "--one-file-system", directory])
    }

    private func measure(_ cluster: ClusterUnderTest) async throws {
        var report = Report(label: label, version: try await cluster.version(), path: output)
        let wanted = parts.split(separator: ",")
        if wanted.contains("start") {
            try await StartFigures(cluster: cluster, runs: runs).measure(into: &report)
        } else {
            try await cluster.up()
        }
        if wanted.contains("idle") {
            try await IdleFigures(cluster: cluster, seconds: idleSeconds).measure(into: &report)
        }
        let api = try API(kubeconfig: cluster.kubeconfig)
        if wanted.contains("pods") {
            // Before the API's figures, whose ten thousand pods grow every process.
            try await PodFigures(cluster: cluster, api: api, runs: runs).measure(into: &report)
            try await DeploymentFigures(cluster: cluster, api: api, runs: runs).measure(into: &report)
        }
        if wanted.contains("node") {
            try await NodeFigures(cluster: cluster, api: api, runs: runs, idleSeconds: idleSeconds).measure(
                into: &report)
        }
        if wanted.contains("services") {
            try await ServiceFigures(cluster: cluster, api: api, runs: runs).measure(into: &report)
            try await ThroughputFigures(cluster: cluster, api: api).measure(into: &report)
        }
        if wanted.contains("dns") {
            try await DNSFigures(cluster: cluster, api: api, runs: runs).measure(into: &report)
        }
        if wanted.contains("probes") {
            try await ProbeFigures(cluster: cluster, api: api, seconds: idleSeconds).measure(into: &report)
        }
        if wanted.contains("api") {
            try await ObjectFigures(cluster: cluster, api: api, runs: runs).measure(into: &report)
            try await WatchFigures(cluster: cluster, api: api, runs: runs).measure(into: &report)
            try await ListFigures(cluster: cluster, api: api, runs: runs, pods: listedPods).measure(into: &report)
        }
        api.shutdown()
    }
}
