internal import APIMachinery

/// The storage class that every cluster with a node has from the start. Made where it is missing, never changed: it is the
/// administrator's from then on.
enum StorageClassObjects {
    /// As k3s has it: directories of the node that the first pod goes to.
    static let localPath = BootstrapObject(
        path: "/apis/storage.k8s.io/v1/storageclasses",
        object: [
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": [
                "name": "local-path",
                "annotations": [
                    "defaultVolumeType": "local", "storageclass.kubernetes.io/is-default-class": "true",
                ],
            ],
            "provisioner": "rancher.io/local-path", "volumeBindingMode": "WaitForFirstConsumer",
            "reclaimPolicy": "Delete",
        ])
}
