internal import APIMachinery
internal import KubeAPI

/// The columns of each resource, with a line that says what stands in them.
enum TableColumns {
    struct Column {
        let name: String
        let type: String
        let format: String
        /// 0 always shown; 1 only in wide output.
        let priority: Int32
    }

    /// Name and age for a resource without columns of its own.
    static func columns(of resource: ResourceName) -> [Column] {
        let known = PrinterColumns.columns(group: resource.group, version: resource.version, plural: resource.plural)
        guard let known else {
            return [
                Column(name: "Name", type: "string", format: "name", priority: 0),
                Column(name: "Age", type: "string", format: "", priority: 0),
            ]
        }
        return known.map { Column(name: $0.name, type: $0.type, format: $0.format, priority: $0.priority) }
    }

    static func write(_ columns: [Column], to writer: inout JSONWriter) {
        writer.beginArray()
        for column in columns {
            writer.beginObject()
            writer.field("name", column.name)
            writer.field("type", column.type)
            writer.field("format", column.format)
            writer.field("description", descriptions[column.name] ?? "")
            writer.key("priority")
            writer.int(column.priority)
            writer.endObject()
        }
        writer.endArray()
    }

    /// By column name: columns of the same name mean the same in every kind.
    private static let descriptions: [String: String] = [
        "Access Modes": "Ways in which the volume may be mounted.",
        "Active": "Number of jobs that run now.",
        "Address": "Addresses at which the load balancer answers.",
        "AddressType": "Type of all addresses of the slice.",
        "Age": "Time since the object was created.",
        "Allowed Disruptions": "Number of pods that may be evicted now.",
        "AllowVolumeExpansion": "Whether volumes of the class can grow.",
        "AttachRequired": "Whether volumes of the driver must be attached.",
        "Attached": "Whether the volume is attached.",
        "Attacher": "Driver that attaches the volume.",
        "Available": "Number of replicas that have been ready for long enough; for APIs, whether they answer.",
        "Capacity": "Size of the volume.",
        "CIDRs": "Ranges that service addresses are taken from.",
        "Claim": "Claim that the volume is bound to.",
        "Class": "Ingress class that handles the object.",
        "Cluster-IP": "Address of the service inside the cluster.",
        "Completions": "Succeeded pods of those wanted.",
        "Condition": "State of the request.",
        "Container-Runtime": "Runtime of the node and its version.",
        "Containers": "Names of the containers in the template.",
        "Controller": "Who handles or owns the object.",
        "Count": "How often the event has happened.",
        "Created At": "When the object was created.",
        "Current": "Number of pods that exist.",
        "Data": "Number of entries.",
        "Desired": "Number of pods that are wanted.",
        "DistinguisherMethod": "How requests are told apart into flows.",
        "Driver": "Driver that manages the devices.",
        "DriverName": "Driver that the class is for.",
        "Drivers": "Number of drivers on the node.",
        "Duration": "How long the job ran or has been running.",
        "Endpoints": "Addresses that traffic goes to.",
        "Error": "What went wrong in the check.",
        "External-IP": "Addresses at which the object answers from outside.",
        "First Seen": "Time since the event first happened.",
        "Global-Default": "Whether pods without a class get this one.",
        "Groups": "Groups that are granted the role.",
        "HandSize": "Queues that one flow is spread over.",
        "Handler": "Configuration of the runtime.",
        "Holder": "Who holds the lease.",
        "Hosts": "Host names that the rules match.",
        "IP": "Address of the pod.",
        "Images": "Images of the containers in the template.",
        "Internal-IP": "Address of the node inside the cluster.",
        "Kernel-Version": "Kernel of the node, with its architecture.",
        "Last Schedule": "Time since a job was last started.",
        "Last Seen": "Time since the event last happened.",
        "Limit": "Used and allowed limits.",
        "MatchingPrecedence": "Order of evaluation: lower first.",
        "Max Unavailable": "Most pods that may be down.",
        "MaxPods": "Upper bound of replicas.",
        "Message": "What happened, for people.",
        "Min Available": "Fewest pods that must be up.",
        "MinPods": "Lower bound of replicas.",
        "MissingPL": "Whether the priority level does not exist.",
        "Modes": "Kinds of volumes that the driver supports.",
        "Mutations": "Number of mutations.",
        "Name": "Name of the object, unique in its namespace.",
        "Node": "Node that the object belongs to.",
        "Node Selector": "Labels that nodes must have.",
        "Nominated Node": "Node that is being cleared for the pod.",
        "NominalConcurrencyShares": "Share of the server's concurrency.",
        "OS-Image": "Operating system of the node.",
        "Object": "What the event is about.",
        "PV": "Volume that is attached.",
        "ParamKind": "Kind of the parameters.",
        "ParamRef": "Parameters of the policy.",
        "Parameters": "Further configuration of the class.",
        "ParentRef": "Object that the address belongs to.",
        "Pod Labels": "Labels of pods made from the template.",
        "Pod-Selector": "Pods that the policy applies to.",
        "PodInfoOnMount": "Whether the driver is told about the pod.",
        "PolicyName": "Policy that is bound.",
        "Pool": "Pool that the devices belong to.",
        "Port(s)": "Ports, with the node's port and the protocol.",
        "Ports": "Ports that the object serves.",
        "PreemptionPolicy": "Whether pods of the class displace others.",
        "PriorityLevel": "Priority level that requests get.",
        "Provisioner": "Who makes volumes of the class.",
        "QueueLengthLimit": "Most requests in one queue.",
        "Queues": "Number of queues.",
        "Readiness Gates": "Conditions passed of those that the pod waits for besides its containers.",
        "Ready": "Ready ones of those wanted.",
        "Reason": "Short word for why.",
        "Reclaim Policy": "What becomes of the volume when it is released.",
        "ReclaimPolicy": "What becomes of volumes when they are released.",
        "Reference": "What is scaled.",
        "Replicas": "Number of pods that exist.",
        "Request": "Used and allowed requests and counts.",
        "RequestedDuration": "Life time that was asked for.",
        "Requestor": "Who asked for the certificate.",
        "RequiresRepublish": "Whether volumes are published again from time to time.",
        "Restarts": "Restarts of the containers, and when the last one was.",
        "Revision": "Number of the revision.",
        "Role": "Role that is granted.",
        "Roles": "Roles of the node.",
        "Schedule": "When jobs are started, in cron format.",
        "Selector": "Labels of the pods that belong to the object.",
        "Service": "Service that answers, or Local.",
        "ServiceAccounts": "Service accounts that are granted the role.",
        "SignerName": "Who is to sign the certificate.",
        "Source": "Who reported the event.",
        "State": "State of the claim.",
        "Status": "State of the object.",
        "StorageCapacity": "Whether the driver reports capacity.",
        "StorageClass": "Class that the volume belongs to.",
        "Subobject": "Part of the object that the event is about.",
        "Suspend": "Whether no further jobs are started.",
        "Targets": "Current and wanted value of each metric.",
        "Timezone": "Time zone of the schedule.",
        "TokenRequests": "Audiences of the tokens that the driver needs.",
        "Type": "Type of the object.",
        "Up-to-date": "Number of pods that have the current template.",
        "Users": "Users that are granted the role.",
        "Validations": "Number of validations.",
        "Value": "Priority of pods of the class.",
        "Version": "Version of the node agent.",
        "Volume": "Volume that the claim is bound to.",
        "VolumeAttributesClass": "Class of changeable attributes.",
        "VolumeBindingMode": "When volumes are bound.",
        "VolumeMode": "File system or block device.",
        "Webhooks": "Number of webhooks.",
    ]
}
