import APIMachinery
import KubeAPI
import Testing

@testable import KubeClient

@Suite struct `Event correlator` {
    private let now = Time(seconds: 1_000_000)

    private func event(_ message: String, object: String = "p") -> Event {
        var event = Event()
        event.involvedObject.kind = "Pod"
        event.involvedObject.name = object
        event.reason = "Failed"
        event.message = message
        event.count = 1
        event.firstTimestamp = now
        event.lastTimestamp = now
        return event
    }

    @Test func `counts repeats`() throws {
        var correlator = EventCorrelator()
        let firstStep = correlator.correlate(event("m"), now: now)
        let first = try #require(firstStep)
        #expect(!first.isRepeat)
        var sent = first.event
        sent.metadata.name = "p.1"
        correlator.remember(sent, as: first.key)
        let secondStep = correlator.correlate(event("m"), now: now)
        let second = try #require(secondStep)
        #expect(second.isRepeat)
        #expect(second.event.count == 2)
        #expect(second.event.metadata.name == "p.1")
    }

    @Test func `combines many that differ only in their message`() throws {
        var correlator = EventCorrelator()
        var last: EventCorrelator.Step?
        for index in 0..<12 { last = correlator.correlate(event("m\(index)"), now: now) }
        #expect(last?.event.message == "(combined from similar events): m11")
    }

    @Test func `drops a flood about one object but not about another`() {
        var correlator = EventCorrelator()
        let passed = (0..<40).filter { _ in correlator.correlate(event("m"), now: now) != nil }
        #expect(passed.count == 25)
        #expect(correlator.correlate(event("m", object: "q"), now: now) != nil)
    }
}

@Suite struct `Pod template hash` {
    @Test func `is stable, and differs by template and collision count`() {
        var template = PodTemplateSpec()
        template.metadata.labels = ["app": "x"]
        let hash = PodTemplateHash.hash(template, collisionCount: nil)
        #expect(hash == PodTemplateHash.hash(template, collisionCount: nil))
        #expect(hash != PodTemplateHash.hash(template, collisionCount: 1))
        template.metadata.labels = ["app": "y"]
        #expect(hash != PodTemplateHash.hash(template, collisionCount: nil))
        #expect(hash.utf8.allSatisfy { "bcdfghjklmnpqrstvwxz2456789".utf8.contains($0) })
    }

    @Test func `hashes as FNV-1a does`() {
        #expect(PodTemplateHash.fnv1a(Array("foobar".utf8)) == 0xbf9c_f968)
    }
}

@Suite struct `Request targets` {
    @Test func `are escaped`() {
        var query = RequestQuery()
        query.add("labelSelector", "app in (a,b)")
        query.add("limit", nil)
        query.add("fieldSelector", "metadata.name=x")
        #expect(query.text == "?labelSelector=app%20in%20%28a%2Cb%29&fieldSelector=metadata.name%3Dx")
        #expect(
            Pod.resource.path(of: ObjectKey(namespace: "ns", name: "a:b"), subresource: "status")
                == "/api/v1/namespaces/ns/pods/a%3Ab/status")
    }
}
