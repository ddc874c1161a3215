"""Protobuf messages for the Kubernetes API, made from Skiff's own description of it in Schema/*.schema."""

import pathlib
import re

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FIELD = descriptor_pb2.FieldDescriptorProto
SCALARS = {
    "string": FIELD.TYPE_STRING, "bool": FIELD.TYPE_BOOL, "int32": FIELD.TYPE_INT32, "int64": FIELD.TYPE_INT64,
    "double": FIELD.TYPE_DOUBLE, "bytes": FIELD.TYPE_BYTES,
}
# What the API's special values look like on the wire.
SPECIAL = {
    "quantity": [("string", "string", 1)],
    "time": [("seconds", "int64", 1), ("nanos", "int32", 2)],
    "microTime": [("seconds", "int64", 1), ("nanos", "int32", 2)],
    "duration": [("duration", "int64", 1)],
    "intOrString": [("type", "int64", 1), ("intVal", "int32", 2), ("strVal", "string", 3)],
    "rawExtension": [("raw", "bytes", 1)],
    "fieldsV1": [("Raw", "bytes", 1)],
    "json": [("raw", "bytes", 1)],
}
# The envelope, lists of typed objects apart, and the frames of watches: not kinds of their own in the description.
ENVELOPE = {
    "TypeMeta": [("apiVersion", "string", 1), ("kind", "string", 2)],
    "Unknown": [("typeMeta", "wire:TypeMeta", 1), ("raw", "bytes", 2), ("contentEncoding", "string", 3),
                ("contentType", "string", 4)],
    "WatchEvent": [("type", "string", 1), ("object", "wire:rawExtension", 2)],
    "PartialObjectMetadata": [("metadata", "meta.v1:ObjectMeta", 1)],
    "PartialObjectMetadataList": [("metadata", "meta.v1:ListMeta", 1), ("items", "[wire:PartialObjectMetadata]", 2)],
    "GroupVersionKind": [("group", "string", 1), ("version", "string", 2), ("kind", "string", 3)],
    "APIResourceDiscovery": [("resource", "string", 1), ("responseKind", "wire:GroupVersionKind", 2),
                             ("scope", "string", 3), ("singularResource", "string", 4), ("verbs", "[string]", 5),
                             ("shortNames", "[string]", 6), ("categories", "[string]", 7)],
    "APIVersionDiscovery": [("version", "string", 1), ("resources", "[wire:APIResourceDiscovery]", 2),
                            ("freshness", "string", 3)],
    "APIGroupDiscovery": [("metadata", "meta.v1:ObjectMeta", 1), ("versions", "[wire:APIVersionDiscovery]", 2)],
    "APIGroupDiscoveryList": [("metadata", "meta.v1:ListMeta", 1), ("items", "[wire:APIGroupDiscovery]", 2)],
}


class Messages:
    """`Messages(dir)["apps.v1:Deployment"]` is the class of that message."""

    def __init__(self, directory):
        self.file = descriptor_pb2.FileDescriptorProto(name="skiff.proto", package="skiff", syntax="proto2")
        for name, fields in (SPECIAL | ENVELOPE).items():
            message = self.message("wire:" + name)
            for field, kind, tag in fields:
                self.field(message, field, kind, [tag], "wire")
        for path in sorted(pathlib.Path(directory).glob("*.schema")):
            self.read(path)
        pool = descriptor_pool.DescriptorPool()
        pool.Add(self.file)
        self.pool = pool

    def __getitem__(self, name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName("skiff." + self.mangled(name)))

    @staticmethod
    def mangled(name):
        return re.sub(r"[^A-Za-z0-9]", "_", name)

    def message(self, name):
        return self.file.message_type.add(name=self.mangled(name))

    def read(self, path):
        package = path.name.removesuffix(".schema")
        message = None
        for line in path.read_text().splitlines():
            words = line.split()
            if not words or words[0] in ("package", "union"):
                continue
            if words[0] == "type" and not line.startswith(" "):
                message = self.message(f"{package}:{words[1]}")
            elif message is not None and len(words) > 2 and re.fullmatch(r"[0-9.]+", words[2]):
                tags = [int(tag) for tag in words[2].split(".")]
                self.field(message, words[0], words[1], tags, package)

    def field(self, message, name, kind, tags, package):
        if len(tags) > 1:
            # A struct that Go embeds inline is a message of its own here.
            inner = self.inline(message, tags[0])
            return self.field(inner, name, kind, tags[1:], package)
        name = self.mangled(name).lstrip("_")  # `$ref`
        field = message.field.add(name=name, number=tags[0], label=FIELD.LABEL_OPTIONAL)
        if kind.startswith("["):
            field.label, kind = FIELD.LABEL_REPEATED, kind[1:-1]
        if kind.startswith("{"):
            field.label = FIELD.LABEL_REPEATED
            kind = self.entry(message, name, kind[1:-1], package)
        self.set_type(field, kind, package)

    def inline(self, message, tag):
        name = f"inline{tag}"
        if all(field.name != name for field in message.field):
            field = message.field.add(name=name, number=tag, label=FIELD.LABEL_OPTIONAL, type=FIELD.TYPE_MESSAGE)
            self.file.message_type.add(name=f"{message.name}_{name}")
            field.type_name = f".skiff.{message.name}_{name}"
        return next(other for other in self.file.message_type if other.name == f"{message.name}_{name}")

    def entry(self, message, name, kind, package):
        entry = f"{message.name}_{name}_entry"
        nested = self.file.message_type.add(name=entry)
        self.field(nested, "key", "string", [1], package)
        self.field(nested, "value", kind, [2], package)
        return "raw:" + entry

    def set_type(self, field, kind, package):
        if kind in SCALARS:
            field.type = SCALARS[kind]
            return
        field.type = FIELD.TYPE_MESSAGE
        if kind.startswith("raw:"):
            name = kind[4:]
        elif kind in SPECIAL:
            name = self.mangled("wire:" + kind)
        else:
            name = self.mangled(kind if ":" in kind else f"{package}:{kind}")
        field.type_name = ".skiff." + name
