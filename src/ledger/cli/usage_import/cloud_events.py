"""CloudEvents, version 1.0, as usage: type → event, subject → customer, data → properties. Pure.

Source: the JSON event format of the CloudEvents specification 1.0.
"""

from hashlib import blake2b

from ledger import Invalid
from ledger.cli.usage_import.rows import Values, is_object

_KEY_MAX = 255


def is_cloud_event(values: Values) -> bool:
    """Whether a JSON object says that it is a CloudEvent."""
    return "specversion" in values


def plain(event: Values) -> Values:
    """A CloudEvent with the fields of a usage event beside its own.

    Its identity is source and id together. A `quantity` in its data is the quantity too.

    Raises Invalid when it is not a CloudEvent of version 1.0, or its data is no JSON object.
    """
    for name in ("id", "source", "type"):
        if not isinstance(event.get(name), str) or not event[name]:
            raise _bad(f"the CloudEvent has no {name}")
    if event["specversion"] != "1.0":
        raise _bad(f"it is a CloudEvent of version {event['specversion']!r}, not '1.0'")
    data = event.get("data")
    if data is None:
        data = Values()
    if "data_base64" in event or not is_object(data):
        raise _bad("the data of the CloudEvent is not a JSON object")
    return {
        **event,
        "event": event["type"],
        "customer": event.get("subject"),
        "key": _key(event["source"], event["id"]),
        "quantity": data.get("quantity"),
        "properties": data,
    }


def _key(source: str, id: str) -> str:
    """A source is a URI and has no space, so no two pairs give the same key."""
    key = f"{source} {id}"
    return (
        key if len(key) <= _KEY_MAX else f"ce-{blake2b(key.encode(), digest_size=16).hexdigest()}"
    )


def _bad(what: str) -> Invalid:
    return Invalid(what, code="bad_row")
