internal import KubeAPI

extension Container {
    /// What `status.containerStatuses[].volumeMounts` tells of its mounts once it was made.
    var mountStatuses: [VolumeMountStatus] {
        volumeMounts.map { mount in
            var status = VolumeMountStatus()
            status.name = mount.name
            status.mountPath = mount.mountPath
            guard mount.readOnly == true else { return status }
            status.readOnly = true
            // Mounts below are not made read-only: the runtime cannot.
            status.recursiveReadOnly = "Disabled"
            return status
        }
    }
}
