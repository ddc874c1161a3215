"""Creates, updates, lists, watches and deletes Deployments in protobuf alone, with a protobuf library from PyPI.

Usage: protobuf_client.py KUBECONFIG SCHEMA_DIRECTORY
"""

import base64
import http.client
import json
import ssl
import struct
import sys
import tempfile
import threading
import urllib.parse

import yaml
from protobuf_schema import Messages

MAGIC = b"k8s\x00"
PROTOBUF = "application/vnd.kubernetes.protobuf"
PATH = "/apis/apps/v1/namespaces/protobuf/deployments"


class Client:
    def __init__(self, kubeconfig, messages):
        config = yaml.safe_load(open(kubeconfig, encoding="utf8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.tls = ssl.create_default_context(cadata=authority)
        self.tls.load_cert_chain(self.file(user["client-certificate-data"]), self.file(user["client-key-data"]))
        self.server = urllib.parse.urlparse(cluster["server"]).netloc
        self.messages = messages

    @staticmethod
    def file(data):
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(base64.b64decode(data))
            return file.name

    def open(self, method, path, body=None, accept=PROTOBUF, content=PROTOBUF):
        connection = http.client.HTTPSConnection(self.server, context=self.tls, timeout=30)
        connection.request(method, path, body, {"Accept": accept, "Content-Type": content})
        return connection.getresponse()

    def call(self, method, path, body=None, **headers):
        """Status, kind and raw message of an answer."""
        reply = self.open(method, path, body, **headers)
        data = reply.read()
        assert reply.headers["Content-Type"] == PROTOBUF, reply.headers["Content-Type"]
        return reply.status, *self.unwrap(data)

    def wrap(self, version, kind, message):
        unknown = self.messages["wire:Unknown"]()
        unknown.typeMeta.apiVersion, unknown.typeMeta.kind = version, kind
        unknown.raw = message.SerializeToString()
        return MAGIC + unknown.SerializeToString()

    def unwrap(self, data):
        assert data.startswith(MAGIC), data[:16]
        unknown = self.messages["wire:Unknown"].FromString(data[4:])
        return unknown.typeMeta.kind, unknown.raw

    def read(self, name, raw):
        return self.messages[name].FromString(raw)


def deployment(messages, name):
    made = messages["apps.v1:Deployment"]()
    made.metadata.name = name
    label = made.metadata.labels.add()
    label.key, label.value = "suite", "protobuf"
    made.spec.replicas = 2
    for labels in (made.spec.selector.matchLabels, made.spec.template.metadata.labels):
        label = labels.add()
        label.key, label.value = "app", name
    container = made.spec.template.spec.containers.add(name="c", image="example.com/c:1")
    port = container.ports.add(containerPort=80)
    port.name = "http"
    container.readinessProbe.inline1.httpGet.path = "/ready"
    container.readinessProbe.inline1.httpGet.port.type = 1
    container.readinessProbe.inline1.httpGet.port.strVal = "http"
    request = container.resources.requests.add()
    request.key = "cpu"
    request.value.string = "0.1"
    return made


def watch(client, version, events, ready):
    reply = client.open("GET", f"{PATH}?watch=1&resourceVersion={version}&timeoutSeconds=20")
    assert reply.headers["Content-Type"] == PROTOBUF + ";stream=watch", reply.headers["Content-Type"]
    ready.set()
    while head := reply.read(4):
        frame = reply.read(struct.unpack(">I", head)[0])
        event = client.messages["wire:WatchEvent"].FromString(frame)
        kind, raw = client.unwrap(event.object.raw)
        events.append((event.type, kind, client.read("apps.v1:" + kind, raw)))
        if event.type == "DELETED":
            return


def check(client):
    messages = client.messages
    namespace = messages["core.v1:Namespace"]()
    namespace.metadata.name = "protobuf"
    status, kind, _ = client.call("POST", "/api/v1/namespaces", client.wrap("v1", "Namespace", namespace))
    assert (status, kind) == (201, "Namespace"), (status, kind)

    status, kind, raw = client.call("GET", PATH)
    assert (status, kind) == (200, "DeploymentList")
    version = client.read("apps.v1:DeploymentList", raw).metadata.resourceVersion

    events, ready = [], threading.Event()
    watcher = threading.Thread(target=watch, args=(client, version, events, ready), daemon=True)
    watcher.start()
    assert ready.wait(10)

    wanted = deployment(messages, "one")
    status, kind, raw = client.call("POST", PATH, client.wrap("apps/v1", "Deployment", wanted))
    assert (status, kind) == (201, "Deployment"), (status, kind, raw)
    created = client.read("apps.v1:Deployment", raw)
    container = created.spec.template.spec.containers[0]
    assert container.resources.requests[0].value.string == "100m"
    assert container.readinessProbe.inline1.httpGet.port.strVal == "http"
    assert created.spec.strategy.type == "RollingUpdate" and created.metadata.uid

    # A second one of the same name is refused, in protobuf.
    status, kind, raw = client.call("POST", PATH, client.wrap("apps/v1", "Deployment", wanted))
    refusal = client.read("meta.v1:Status", raw)
    assert (status, kind, refusal.reason) == (409, "Status", "AlreadyExists"), (status, kind, refusal)

    while True:
        created.spec.replicas = 3
        status, kind, raw = client.call("PUT", PATH + "/one", client.wrap("apps/v1", "Deployment", created))
        if status != 409:
            break
        created = client.read("apps.v1:Deployment", client.call("GET", PATH + "/one")[2])
    updated = client.read("apps.v1:Deployment", raw)
    assert (status, updated.spec.replicas) == (200, 3), (status, updated)

    _, kind, raw = client.call("GET", PATH + "?labelSelector=suite%3Dprotobuf")
    listed = client.read("apps.v1:DeploymentList", raw)
    assert kind == "DeploymentList" and [item.metadata.name for item in listed.items] == ["one"]

    partial = PROTOBUF + ";as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    _, kind, raw = client.call("GET", PATH, accept=partial)
    metadata = client.read("wire:PartialObjectMetadataList", raw)
    assert kind == "PartialObjectMetadataList" and metadata.items[0].metadata.uid == updated.metadata.uid

    reply = client.open("GET", PATH, accept=PROTOBUF + ";as=Table;v=v1;g=meta.k8s.io")
    assert reply.status == 406, reply.status
    reply = client.open("POST", PATH, b"no protobuf")
    assert reply.status == 400, reply.status
    reply = client.open("POST", PATH, b"{}", content="application/cbor")
    assert reply.status == 415, reply.status

    parameters = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    reply = client.open("GET", "/apis", accept=PROTOBUF + parameters)
    assert reply.headers["Content-Type"] == PROTOBUF + parameters, reply.headers["Content-Type"]
    kind, raw = client.unwrap(reply.read())
    groups = client.read("wire:APIGroupDiscoveryList", raw).items
    apps = next(group for group in groups if group.metadata.name == "apps")
    assert kind == "APIGroupDiscoveryList" and apps.versions[0].version == "v1"
    assert any(resource.shortNames == ["deploy"] for resource in apps.versions[0].resources)

    # What protobuf wrote is what JSON reads.
    plain = json.loads(client.open("GET", PATH + "/one", accept="application/json").read())
    assert plain["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["port"] == "http"

    options = messages["meta.v1:DeleteOptions"]()
    options.propagationPolicy = "Background"
    options.preconditions.uid = "another"
    status, _, raw = client.call("DELETE", PATH + "/one", client.wrap("v1", "DeleteOptions", options))
    assert status == 409 and client.read("meta.v1:Status", raw).reason == "Conflict", status
    options.preconditions.uid = created.metadata.uid
    status, kind, _ = client.call("DELETE", PATH + "/one", client.wrap("v1", "DeleteOptions", options))
    assert status == 200, status

    watcher.join(20)
    kinds = [kind for kind, _, _ in events]
    assert kinds[0] == "ADDED" and kinds[-1] == "DELETED" and "MODIFIED" in kinds, kinds
    assert any(seen.spec.replicas == 3 for _, _, seen in events)
    client.call("DELETE", "/api/v1/namespaces/protobuf")
    print("protobuf: created, updated, listed, watched and deleted:", *kinds)


if __name__ == "__main__":
    check(Client(sys.argv[1], Messages(sys.argv[2])))
