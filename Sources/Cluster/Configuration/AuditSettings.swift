internal import APIServer
internal import PKI

/// What the flags say of the audit log.
struct AuditSettings {
    private let settings: Configuration

    init(_ settings: Configuration) { self.settings = settings }

    /// The log; `nil` unless there are both a policy and a place, as upstream has it.
    func log() throws(ClusterError) -> AuditLog? {
        let policyPath = settings.auditPolicyFile
        guard !policyPath.isEmpty else { return nil }
        let content: [UInt8]
        do {
            guard let found = try PrivateFile.read(policyPath) else {
                throw ClusterError.invalidConfiguration(
                    "read \(policyPath): No such file or directory; see --audit-policy-file")
            }
            content = found
        } catch let error as ClusterError {
            throw error
        } catch {
            throw .invalidConfiguration("\(error)")
        }
        do throws(AuditPolicyError) {
            let policy = try AuditPolicy(yaml: content)
            guard !settings.auditLogPath.isEmpty else { return nil }
            let file = try AuditFile(
                AuditFile.Configuration(
                    path: settings.auditLogPath, maxAge: settings.auditLogMaxAge,
                    maxBackup: settings.auditLogMaxBackup, maxSize: settings.auditLogMaxSize))
            return AuditLog(policy: policy, file: file)
        } catch {
            throw .invalidConfiguration("audit with the policy \(policyPath): \(error)")
        }
    }
}
