internal import APIMachinery
internal import KubeAPI
internal import Testing

@Suite struct `Embedded tables` {
    @Test func `the schema knows lists, merge keys, defaults and inline parts`() throws {
        let schema = Schema.kubernetes
        let pod = try #require(schema.type(of: GroupVersionKind(group: "", version: "v1", kind: "Pod")))
        #expect(schema[pod].protobufName == "k8s.io.api.core.v1.Pod")
        let container = schema[try #require(schema.type(named: "io.k8s.api.core.v1.Container"))]
        let ports = try #require(container.field("ports"))
        #expect(ports.listType == .map(keys: ["containerPort", "protocol"]))
        #expect(ports.patchStrategy == .merge)
        #expect(ports.patchMergeKey == "containerPort")
        let name = try #require(container.field("name"))
        #expect(name.isRequired && name.isAlwaysPresent && name.tags == [1])
        let port = schema[try #require(schema.type(named: "io.k8s.api.core.v1.ContainerPort"))]
        #expect(port.field("protocol")?.defaultValue == .string("TCP"))
        let volume = schema[try #require(schema.type(named: "io.k8s.api.core.v1.Volume"))]
        #expect(volume.field("emptyDir")?.tags == [2, 2])
    }

    @Test func `every resource has a type, and its kind is found by it`() throws {
        for resource in ResourceTable.all {
            let type = try #require(Schema.kubernetes.type(of: resource.groupVersionKind), "\(resource.kind)")
            #expect(Schema.kubernetes[type].kinds.contains(resource.groupVersionKind))
        }
    }

    @Test func `resources know their names and subresources`() throws {
        let deployments = try #require(ResourceTable.all.first { $0.plural == "deployments" })
        #expect(deployments.apiVersion == "apps/v1" && deployments.shortNames == ["deploy"])
        #expect(deployments.categories == ["all"] && deployments.isNamespaced)
        let scale = try #require(deployments.subresources.first { $0.name == "scale" })
        #expect(scale.kind == GroupVersionKind(group: "autoscaling", version: "v1", kind: "Scale"))
    }

    @Test func `printer columns keep names with spaces`() throws {
        let columns = try #require(PrinterColumns.columns(group: "", version: "v1", plural: "events"))
        #expect(columns.first?.name == "Last Seen")
        #expect(columns.last == PrinterColumn(name: "Name", type: "string", format: "name", priority: 1))
    }
}
