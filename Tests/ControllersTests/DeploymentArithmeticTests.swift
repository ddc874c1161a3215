import APIMachinery
import KubeAPI
import Testing

@testable import Controllers

@Suite struct `Rollout bounds` {
    @Test(arguments: [
        // wanted, maxSurge, maxUnavailable, surge, unavailable
        (10, "25%", "25%", 3, 2), (3, "25%", "25%", 1, 0), (1, "25%", "25%", 1, 0), (4, "0", "0", 0, 1),
        (10, "0", "50%", 0, 5), (2, "1", "5", 1, 2), (0, "25%", "25%", 0, 0), (10, "100%", "0", 10, 0),
    ])
    func `round surge up and unavailability down`(
        wanted: Int, maxSurge: String, maxUnavailable: String, surge: Int, unavailable: Int
    ) {
        func parse(_ text: String) -> IntOrString {
            Int32(text).map { IntOrString(integerLiteral: $0) } ?? IntOrString(stringLiteral: text)
        }
        let bounds = RolloutBounds(
            wanted: wanted, isRolling: true, maxSurge: parse(maxSurge), maxUnavailable: parse(maxUnavailable))
        #expect(bounds.surge == surge)
        #expect(bounds.unavailable == unavailable)
    }
}

@Suite struct `Rolling update plan` {
    private func bounds(_ wanted: Int, surge: Int32, unavailable: Int32) -> RolloutBounds {
        RolloutBounds(
            wanted: wanted, isRolling: true, maxSurge: IntOrString(integerLiteral: surge),
            maxUnavailable: IntOrString(integerLiteral: unavailable))
    }

    @Test(arguments: [
        // wanted, surge, current, all, expected
        (10, 0, 0, 10, 0), (10, 2, 0, 10, 2), (10, 2, 4, 10, 6), (10, 2, 10, 10, 10), (3, 1, 0, 0, 3),
        (5, 1, 3, 9, 3), (5, 0, 3, 4, 4),
    ])
    func `grows the new set as far as the total allows`(
        wanted: Int, surge: Int32, current: Int, all: Int, expected: Int
    ) {
        let size = RollingUpdatePlan.newSize(
            of: current, all: all, bounds(wanted, surge: surge, unavailable: 1), isRolling: true)
        #expect(size == expected)
    }

    @Test func `recreating goes straight to what is wanted`() {
        let bounds = RolloutBounds(wanted: 4, isRolling: false, maxSurge: nil, maxUnavailable: nil)
        #expect(RollingUpdatePlan.newSize(of: 0, all: 0, bounds, isRolling: false) == 4)
    }

    @Test func `takes from the old set what available pods leave above the minimum`() {
        let old = [ReplicaSetSize(name: "old", replicas: 10, available: 10)]
        let new = ReplicaSetSize(name: "new", replicas: 2, available: 2)
        #expect(RollingUpdatePlan.oldSizes(old, new: new, bounds(10, surge: 2, unavailable: 2)) == ["old": 6])
    }

    @Test func `waits while the new pods are not available`() {
        let old = [ReplicaSetSize(name: "old", replicas: 8, available: 8)]
        let new = ReplicaSetSize(name: "new", replicas: 4, available: 0)
        #expect(RollingUpdatePlan.oldSizes(old, new: new, bounds(10, surge: 2, unavailable: 2)).isEmpty)
    }

    @Test func `pods that are not available go first, whatever the minimum`() {
        let old = [
            ReplicaSetSize(name: "broken", replicas: 4, available: 0, created: 2),
            ReplicaSetSize(name: "good", replicas: 8, available: 8, created: 1),
        ]
        let sizes = RollingUpdatePlan.oldSizes(
            old, new: ReplicaSetSize(name: "new", replicas: 0), bounds(10, surge: 2, unavailable: 2))
        #expect(sizes == ["broken": 0])
    }

    @Test func `the oldest set loses first`() {
        let old = [
            ReplicaSetSize(name: "younger", replicas: 5, available: 5, created: 20),
            ReplicaSetSize(name: "older", replicas: 5, available: 5, created: 10),
        ]
        let sizes = RollingUpdatePlan.oldSizes(
            old, new: ReplicaSetSize(name: "new", replicas: 3, available: 3), bounds(10, surge: 3, unavailable: 2))
        #expect(sizes == ["older": 0])
    }
}

@Suite struct `Proportional scaling` {
    private func sizes(_ replicas: [Int], from before: Int, to wanted: Int, surge: Int32, wasTotal: Int) -> [Int] {
        let sets = replicas.enumerated().map { index, count in
            ReplicaSetSize(name: "\(index)", replicas: count, totalBefore: wasTotal, created: Int64(index))
        }
        let bounds = RolloutBounds(
            wanted: wanted, isRolling: true, maxSurge: IntOrString(integerLiteral: surge), maxUnavailable: 0)
        let result = ReplicaSetScaling.proportions(sets, bounds, reportedReplicas: before)
        return replicas.indices.map { result["\($0)"] ?? -1 }
    }

    @Test func `keeps shares when growing`() {
        // The example of the documentation: 10 wanted, 3 surge, 8 old and 5 new; 15 wanted.
        #expect(sizes([8, 5], from: 13, to: 15, surge: 3, wasTotal: 13) == [11, 7])
    }

    @Test func `keeps shares when shrinking`() {
        #expect(sizes([5, 5, 5], from: 15, to: 6, surge: 0, wasTotal: 15) == [2, 2, 2])
    }

    @Test func `what rounding leaves goes to the largest`() {
        let result = sizes([7, 3], from: 10, to: 11, surge: 0, wasTotal: 10)
        #expect(result.reduce(0, +) == 11)
        #expect(result == [8, 3])
    }

    @Test func `to nothing`() {
        #expect(sizes([4, 6], from: 10, to: 0, surge: 2, wasTotal: 12) == [0, 0])
    }
}

@Suite struct `Deployment status` {
    private let now = Time(seconds: 5_000)

    private func replicaSet(_ name: String, replicas: Int32, available: Int32) -> ReplicaSet {
        var set = ReplicaSet()
        set.metadata.name = name
        set.metadata.uid = name
        set.spec.replicas = replicas
        set.status.replicas = replicas
        set.status.readyReplicas = available
        set.status.availableReplicas = available
        return set
    }

    private func deployment(_ wanted: Int32) -> Deployment {
        var deployment = Deployment()
        deployment.metadata.name = "web"
        deployment.metadata.generation = 1
        deployment.spec.replicas = wanted
        deployment.spec.progressDeadlineSeconds = 600
        deployment.spec.strategy.type = "RollingUpdate"
        return deployment
    }

    private func judged(_ deployment: Deployment, _ set: ReplicaSet) -> DeploymentStatus {
        var status = DeploymentStatus.counting([set], new: set, of: deployment, now: now)
        status.judgeProgress([set], new: set, of: deployment, now: now)
        return status
    }

    @Test func `goes from progressing to complete`() {
        var deployment = deployment(2)
        deployment.status = judged(deployment, replicaSet("web-1", replicas: 2, available: 0))
        #expect(deployment.status.unavailableReplicas == 2)
        #expect(deployment.status.condition("Available")?.status == "False")
        #expect(deployment.status.condition("Progressing")?.reason == "ReplicaSetUpdated")
        #expect(deployment.status.condition("Progressing")?.message == "ReplicaSet \"web-1\" is progressing.")
        let done = judged(deployment, replicaSet("web-1", replicas: 2, available: 2))
        #expect(done.isComplete(deployment))
        #expect(done.condition("Available")?.reason == "MinimumReplicasAvailable")
        #expect(done.condition("Progressing")?.reason == "NewReplicaSetAvailable")
        #expect(done.condition("Progressing")?.message == "ReplicaSet \"web-1\" has successfully progressed.")
    }

    @Test func `times out once nothing moved for the deadline`() {
        var deployment = deployment(2)
        let set = replicaSet("web-1", replicas: 2, available: 0)
        deployment.status = judged(deployment, set)
        var later = DeploymentStatus.counting([set], new: set, of: deployment, now: now + .seconds(601))
        later.judgeProgress([set], new: set, of: deployment, now: now + .seconds(601))
        #expect(later.condition("Progressing")?.status == "False")
        #expect(later.condition("Progressing")?.reason == "ProgressDeadlineExceeded")
        #expect(later.timeToDeadline(deployment, now: now) == nil)
    }

    @Test func `judging twice changes nothing`() {
        var deployment = deployment(2)
        let set = replicaSet("web-1", replicas: 2, available: 1)
        deployment.status = judged(deployment, set)
        #expect(judged(deployment, set) == deployment.status)
    }
}

@Suite struct `Deployment annotations` {
    @Test func `carry the revision and its history`() {
        var deployment = Deployment()
        deployment.metadata.annotations = [
            "team": "a", "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "kubernetes.io/change-cause": "why",
        ]
        let bounds = RolloutBounds(wanted: 3, isRolling: true, maxSurge: 1, maxUnavailable: 0)
        let new = DeploymentAnnotations.ofCurrentSet(
            [:], deployment: deployment, revision: 1, isNew: true, bounds)
        #expect(
            new == [
                "team": "a", "kubernetes.io/change-cause": "why", DeploymentAnnotations.revision: "1",
                DeploymentAnnotations.desiredReplicas: "3", DeploymentAnnotations.maxReplicas: "4",
            ])
        let again = DeploymentAnnotations.ofCurrentSet(
            new, deployment: deployment, revision: 3, isNew: false, bounds)
        #expect(again[DeploymentAnnotations.revision] == "3")
        #expect(again[DeploymentAnnotations.revisionHistory] == "1")
    }

    @Test func `templates are compared without the hash label`() {
        var set = ReplicaSet()
        set.spec.template.metadata.labels = ["app": "x", "pod-template-hash": "abc"]
        var template = PodTemplateSpec()
        template.metadata.labels = ["app": "x"]
        #expect(set.makesPods(of: template))
        template.metadata.labels = ["app": "y"]
        #expect(!set.makesPods(of: template))
    }
}
