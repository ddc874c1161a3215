/// What Kubernetes 1.36.2 with etcd 3.6.13 did on a 2-core machine of the same kind with nothing else running: medians
/// of three runs of the same figures, with a load generator in Go. `cpu_ms_per_op` is that of all its processes.
enum Upstream {
    static func figure(_ part: String, _ name: String) -> Figure? { figures[part + " " + name] }

    private static let figures: [String: Figure] = [
        "start process_to_readyz_empty_data": Figure(["ms": 3200]),
        "start process_to_readyz_existing_data": Figure(["ms": 3000]),
        "idle one_node_no_pods": Figure(["rss_mib": 644, "cpu_percent_of_a_core": 6.41]),
        "pods pod_start_sequential_20": Figure(["p50_ms": 555.47, "p99_ms": 860.824]),
        "pods pod_start_burst_20": Figure(["p50_ms": 4292.627, "max_ms": 4584.415]),
        "pods deployment_available_10": Figure(["ms": 2192.457]),
        "pods deployment_rolling_update_10": Figure(["ms": 3847.667]),
        "pods replace_deleted_pod": Figure(["p50_ms": 624.11]),
        "api create_configmap_c1": Figure(["ops_per_s": 383.158, "p99_ms": 5.491, "cpu_ms_per_op": 3.155]),
        "api create_configmap_c16": Figure(["ops_per_s": 1096.841, "p99_ms": 33.456, "cpu_ms_per_op": 1.56]),
        "api create_configmap_c64": Figure(["ops_per_s": 980.722, "p99_ms": 136.834, "cpu_ms_per_op": 1.755]),
        "api get_configmap_c1": Figure(["ops_per_s": 683.621, "p99_ms": 2.804, "cpu_ms_per_op": 1.737]),
        "api get_configmap_c16": Figure(["ops_per_s": 2063.358, "p99_ms": 23.252, "cpu_ms_per_op": 0.783]),
        "api ssa_create_deployment_c16": Figure(["ops_per_s": 523.063, "p99_ms": 56.801, "cpu_ms_per_op": 3.38]),
        "api ssa_change_deployment_c16": Figure(["ops_per_s": 322.861, "p99_ms": 132.725, "cpu_ms_per_op": 5.78]),
        "api ssa_nochange_deployment_c16": Figure(["ops_per_s": 413.458, "p99_ms": 108.108, "cpu_ms_per_op": 4.49]),
        "api strategic_merge_patch_deployment_c16": Figure([
            "ops_per_s": 593.856, "p99_ms": 57.502, "cpu_ms_per_op": 2.87,
        ]),
        "api watch_fanout_100x500": Figure(["p50_ms": 89.251, "p99_ms": 220.385]),
        "api list_pods_10000_c1": Figure(["ops_per_s": 0.713, "p50_ms": 1406.976, "cpu_ms_per_op": 1422]),
        "api list_pods_10000_c4": Figure(["ops_per_s": 1.029, "p50_ms": 3535.586, "cpu_ms_per_op": 1140.909]),
    ]
}
