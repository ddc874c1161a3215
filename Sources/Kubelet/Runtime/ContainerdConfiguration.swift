/// Writes containerd's configuration (schema version 2) for Skiff's own instance.
enum ContainerdConfiguration {
    /// Parts of containerd that Skiff never uses; each one costs start-up time and memory.
    private static let unusedPlugins = [
        "io.containerd.internal.v1.opt", "io.containerd.internal.v1.restart", "io.containerd.snapshotter.v1.aufs",
        "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
        "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp",
        "io.containerd.internal.v1.tracing",
    ]

    static func text(
        _ runtime: RuntimeConfiguration, host: HostAbilities, pauseImage: String, registries: PrivateRegistries
    ) -> String {
        let unused = unusedPlugins + (host.hasOverlay ? ["io.containerd.snapshotter.v1.native"] : [])
        let cri = #"[plugins."io.containerd.grpc.v1.cri""#
        return """
            version = 2
            root = "\(runtime.rootDirectory)"
            state = "\(runtime.stateDirectory)"
            \(host.canLowerOOMScore ? "oom_score = -999" : "")
            disabled_plugins = [\(unused.map { "\"\($0)\"" }.joined(separator: ", "))]

            [grpc]
            address = "\(runtime.socketPath)"

            [debug]
            level = "warn"

            \(cri)]
            sandbox_image = "\(pauseImage)"
            restrict_oom_score_adj = \(!host.canLowerOOMScore)
            stream_server_address = "127.0.0.1"
            stream_server_port = "0"
            disable_tcp_service = true
            netns_mounts_under_state_dir = true
            max_concurrent_downloads = 4

            \(cri).cni]
            bin_dir = "\(RuntimeConfiguration.pluginDirectory)"
            conf_dir = "\(runtime.networkDirectory)/net.d"

            \(cri).registry]
            config_path = "\(runtime.registryDirectory)"

            \(registries.loginTables)

            \(cri).containerd]
            snapshotter = "\(host.hasOverlay ? "overlayfs" : "native")"
            default_runtime_name = "runc"
            disable_snapshot_annotations = true

            \(cri).containerd.runtimes.runc]
            runtime_type = "io.containerd.runc.v2"

            \(cri).containerd.runtimes.runc.options]
            SystemdCgroup = false
            Root = "\(runtime.runcDirectory)"

            """
    }
}
