internal import ArgumentParser
internal import Cluster

struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start a cluster in the background and wait until its node is Ready."
    )

    @OptionGroup var options: ServerOptions

    func run() async throws {
        let started = try Background.start(try options.resolved()) { event in
            switch event {
            case .stage(let text, let duration): Terminal.stage(text, after: duration)
            }
        }
        Terminal.stage("done", after: started.duration)
        if let error = started.kubeconfigError { Terminal.say(error: "skiff: \(error)") }
        Terminal.say("")
        Terminal.say("The API is at \(started.serverURL), context \(started.context) in \(started.kubeconfig).")
        Terminal.say("Next: kubectl get nodes; kubectl apply -f FILE; skiff status; skiff down; skiff delete")
    }
}

struct Down: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stop Skiff and its pods and keep the state; `skiff up` brings everything back."
    )

    @OptionGroup var instance: InstanceOptions

    func run() async throws {
        let begin = ContinuousClock.now
        let wasRunning = try await Stopping.down(try instance.lastUsed()) { text in
            Terminal.stage(text, after: ContinuousClock.now - begin)
        }
        if !wasRunning { Terminal.say("Skiff was not running.") }
    }
}

struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Remove everything Skiff ever made on this machine: pods, networks, data, kubeconfig entry."
    )

    @OptionGroup var instance: InstanceOptions

    func run() async throws {
        let begin = ContinuousClock.now
        try await Stopping.delete(try instance.lastUsed()) { text in
            Terminal.stage(text, after: ContinuousClock.now - begin)
        }
    }
}
