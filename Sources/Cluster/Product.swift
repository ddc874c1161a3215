/// What this program calls itself.
package enum Product {
    /// The Kubernetes version whose behaviour is served, and who serves it.
    package static let version = "v1.36.2+skiff"
}
