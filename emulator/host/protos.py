"""The messages between a Functions host and its language worker, as far as Microsoft's Python worker touches them.

Names and numbers are those of FunctionRpc.proto and NullableTypes.proto
(github.com/Azure/azure-functions-language-worker-protobuf). The classes are real protobuf classes, so a field that
does not exist, a wrong type or a lone surrogate is refused as on the wire. They live in a descriptor pool of their
own: generated `_pb2` modules would claim their names in the process-wide pool, against the app's packages.
"""

import re
from types import SimpleNamespace
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, message_factory, timestamp_pb2

_PACKAGE = "AzureFunctionsRpcMessages"
_WELL_KNOWN = {
    "Duration": ".google.protobuf.Duration",
    "Timestamp": ".google.protobuf.Timestamp",
}

# message -> its fields, one a line: `[oneof NAME:] [repeated] TYPE NAME = NUMBER`, or `map TYPE NAME = NUMBER`
# for a map with string keys.
MESSAGES = {
    "StreamingMessage": """
        string request_id = 1
        oneof content: InvocationRequest invocation_request = 4
        oneof content: InvocationResponse invocation_response = 5
        oneof content: FunctionLoadRequest function_load_request = 8
        oneof content: FunctionLoadResponse function_load_response = 9
        oneof content: WorkerInitResponse worker_init_response = 16
        oneof content: WorkerInitRequest worker_init_request = 17
        oneof content: FunctionsMetadataRequest functions_metadata_request = 29
        oneof content: FunctionMetadataResponse function_metadata_response = 30""",
    "WorkerInitRequest": """
        string host_version = 1
        map string capabilities = 2
        map RpcLog.Level log_categories = 3
        string worker_directory = 4
        string function_app_directory = 5""",
    "WorkerInitResponse": """
        map string capabilities = 2
        StatusResult result = 3
        WorkerMetadata worker_metadata = 4""",
    "WorkerMetadata": """
        string runtime_name = 1
        string runtime_version = 2
        string worker_version = 3
        string worker_bitness = 4
        map string custom_properties = 5""",
    "StatusResult": """
        string result = 1
        RpcException exception = 2
        repeated RpcLog logs = 3
        StatusResult.Status status = 4""",
    "FunctionsMetadataRequest": "string function_app_directory = 1",
    "FunctionMetadataResponse": """
        repeated RpcFunctionMetadata function_metadata_results = 1
        StatusResult result = 2
        bool use_default_metadata_indexing = 3""",
    "RpcFunctionMetadata": """
        string directory = 1
        string script_file = 2
        string entry_point = 3
        string name = 4
        map BindingInfo bindings = 6
        bool is_proxy = 7
        StatusResult status = 8
        string language = 9
        repeated string raw_bindings = 10
        string function_id = 13
        bool managed_dependency_enabled = 14
        RpcRetryOptions retry_options = 15
        map string properties = 16""",
    "BindingInfo": """
        string type = 2
        BindingInfo.Direction direction = 3
        BindingInfo.DataType data_type = 4
        map string properties = 5""",
    "RpcRetryOptions": """
        int32 max_retry_count = 2
        Duration delay_interval = 3
        Duration minimum_interval = 4
        Duration maximum_interval = 5
        RpcRetryOptions.RetryStrategy retry_strategy = 6""",
    "FunctionLoadRequest": """
        string function_id = 1
        RpcFunctionMetadata metadata = 2
        bool managed_dependency_enabled = 3""",
    "FunctionLoadResponse": """
        string function_id = 1
        StatusResult result = 2
        bool is_dependency_downloaded = 3""",
    "InvocationRequest": """
        string invocation_id = 1
        string function_id = 2
        repeated ParameterBinding input_data = 3
        map TypedData trigger_metadata = 4
        RpcTraceContext trace_context = 5
        RetryContext retry_context = 6""",
    "InvocationResponse": """
        string invocation_id = 1
        repeated ParameterBinding output_data = 2
        StatusResult result = 3
        TypedData return_value = 4""",
    "RpcTraceContext": """
        string trace_parent = 1
        string trace_state = 2
        map string attributes = 3""",
    "RetryContext": """
        int32 retry_count = 1
        int32 max_retry_count = 2
        RpcException exception = 3""",
    "ParameterBinding": """
        string name = 1
        oneof rpc_data: TypedData data = 2
        oneof rpc_data: RpcSharedMemory rpc_shared_memory = 3""",
    "RpcSharedMemory": """
        string name = 1
        int64 offset = 2
        int64 count = 3
        RpcDataType type = 4""",
    "TypedData": """
        oneof data: string string = 1
        oneof data: string json = 2
        oneof data: bytes bytes = 3
        oneof data: bytes stream = 4
        oneof data: RpcHttp http = 5
        oneof data: sint64 int = 6
        oneof data: double double = 7
        oneof data: CollectionBytes collection_bytes = 8
        oneof data: CollectionString collection_string = 9
        oneof data: CollectionDouble collection_double = 10
        oneof data: CollectionSInt64 collection_sint64 = 11
        oneof data: ModelBindingData model_binding_data = 12
        oneof data: CollectionModelBindingData collection_model_binding_data = 13""",
    "CollectionBytes": "repeated bytes bytes = 1",
    "CollectionString": "repeated string string = 1",
    "CollectionDouble": "repeated double double = 1",
    "CollectionSInt64": "repeated sint64 sint64 = 1",
    "ModelBindingData": """
        string version = 1
        string source = 2
        string content_type = 3
        bytes content = 4""",
    "CollectionModelBindingData": "repeated ModelBindingData model_binding_data = 1",
    "RpcHttp": """
        string method = 1
        string url = 2
        map string headers = 3
        TypedData body = 4
        map string params = 10
        string status_code = 12
        map string query = 15
        bool enable_content_negotiation = 16
        TypedData rawBody = 17
        repeated RpcHttpCookie cookies = 19""",
    "RpcHttpCookie": """
        string name = 1
        string value = 2
        NullableString domain = 3
        NullableString path = 4
        NullableTimestamp expires = 5
        NullableBool secure = 6
        NullableBool http_only = 7
        RpcHttpCookie.SameSite same_site = 8
        NullableDouble max_age = 9""",
    "NullableString": "oneof string: string value = 1",
    "NullableDouble": "oneof double: double value = 1",
    "NullableBool": "oneof bool: bool value = 1",
    "NullableTimestamp": "oneof timestamp: Timestamp value = 1",
    "RpcException": """
        string stack_trace = 1
        string message = 2
        string source = 3
        bool is_user_exception = 4
        string type = 5""",
    "RpcLog": """
        string invocation_id = 1
        string category = 2
        RpcLog.Level level = 3
        string message = 4
        string event_id = 5
        RpcException exception = 6
        string properties = 7
        RpcLog.RpcLogCategory log_category = 8
        map TypedData propertiesMap = 9""",
}

# enum (after its message, if it is nested) -> its names, numbered from 0
ENUMS = {
    "StatusResult.Status": "Failure Success Cancelled",
    "BindingInfo.Direction": "in out inout",
    "BindingInfo.DataType": "undefined string binary stream",
    "RpcRetryOptions.RetryStrategy": "exponential_backoff fixed_delay",
    "RpcHttpCookie.SameSite": "None Lax Strict ExplicitNone",
    "RpcLog.Level": "Trace Debug Information Warning Error Critical None",
    "RpcLog.RpcLogCategory": "User System CustomMetric",
    "RpcDataType": "unknown string json bytes stream http int double collection_bytes collection_string"
    " collection_double collection_sint64",
}

_FIELD = re.compile(r"(?:oneof (\w+): )?(?:(repeated|map) )?([\w.]+) (\w+) = (\d+)")
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = frozenset(_Field.Type.keys())


def load_protos() -> Any:
    """Return a namespace with one protobuf class a message, by its name, and `Timestamp` and `Duration`."""
    file = descriptor_pb2.FileDescriptorProto(name="FunctionRpc.proto", package=_PACKAGE, syntax="proto3")
    pool = descriptor_pool.DescriptorPool()
    for imported in (duration_pb2.DESCRIPTOR, timestamp_pb2.DESCRIPTOR):
        pool.AddSerializedFile(imported.serialized_pb)
        file.dependency.append(imported.name)
    messages = {name: file.message_type.add(name=name) for name in MESSAGES}
    for name, values in ENUMS.items():
        owner, _, enum_name = name.rpartition(".")
        enum = (messages[owner] if owner else file).enum_type.add(name=enum_name)
        for number, value in enumerate(values.split()):
            enum.value.add(name=value, number=number)
    for name, fields in MESSAGES.items():
        for line in filter(None, map(str.strip, fields.splitlines())):
            _add_field(messages[name], line)
    pool.AddSerializedFile(file.SerializeToString())
    names = [f"{_PACKAGE}.{name}" for name in MESSAGES]
    names += ["google.protobuf.Timestamp", "google.protobuf.Duration"]
    classes = (message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names)
    return SimpleNamespace(**{cls.DESCRIPTOR.name: cls for cls in classes})


def _add_field(message: descriptor_pb2.DescriptorProto, line: str) -> None:
    parsed = _FIELD.fullmatch(line)
    if parsed is None:
        raise ValueError(f"{message.name}: not a field: {line!r}")
    oneof, label, type_name, name, number = parsed.groups()
    field = message.field.add(name=name, number=int(number), label=_Field.LABEL_OPTIONAL)
    if label:
        field.label = _Field.LABEL_REPEATED
    if label == "map":
        # What protoc makes of map<string, T>: a repeated nested entry message with fields key and value.
        entry_name = "".join(part[:1].upper() + part[1:] for part in name.split("_")) + "Entry"
        entry = message.nested_type.add(name=entry_name)
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=_Field.LABEL_OPTIONAL, type=_Field.TYPE_STRING)
        _set_type(entry.field.add(name="value", number=2, label=_Field.LABEL_OPTIONAL), type_name)
        _set_type(field, f"{message.name}.{entry_name}")
        return
    if oneof:
        names = [known.name for known in message.oneof_decl]
        if oneof not in names:
            message.oneof_decl.add(name=oneof)
            names.append(oneof)
        field.oneof_index = names.index(oneof)
    _set_type(field, type_name)


def _set_type(field: descriptor_pb2.FieldDescriptorProto, type_name: str) -> None:
    scalar = f"TYPE_{type_name.upper()}"
    if scalar in _SCALARS:
        field.type = _Field.Type.Value(scalar)
    else:
        field.type = _Field.TYPE_ENUM if type_name in ENUMS else _Field.TYPE_MESSAGE
        field.type_name = _WELL_KNOWN.get(type_name, f".{_PACKAGE}.{type_name}")
