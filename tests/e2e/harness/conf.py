# SPDX-License-Identifier: BSD-2-Clause
"""A configuration file from Python dictionaries, in libconfig's syntax."""
import json
import pathlib


def _value(value, indent):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (str, pathlib.Path)):
        return json.dumps(str(value))
    if isinstance(value, dict):
        return "{\n" + group(value, indent + 1) + "\t" * indent + "}"
    if all(isinstance(v, (str, int)) for v in value):
        return "[ " + ", ".join(_value(v, indent) for v in value) + " ]"
    return "( " + ", ".join(_value(v, indent) for v in value) + " )"


def group(tree, indent=0):
    """The settings of one group, a line each. A value of None is left out."""
    return "".join(
        "\t" * indent + f"{name} = {_value(value, indent)};\n" for name, value in tree.items() if value is not None
    )


def servers(*addresses):
    return [{"name": f"s{i + 1}", "address": address} for i, address in enumerate(addresses)]


def secure(*leaves, **more):
    """The part of a listener that speaks TLS with these certificates; `more` stands in its tls group."""
    return {"transport": "tls", "tls": {"certificates": [leaf.conf for leaf in leaves], **more}}


QUIET = {"policy": "round-robin", "health": {"method": "off"}}
RESPOND_200 = {"name": "main", "respond": {"status": 200, "reason": "OK"}}


def tree(backends=(), listener=None, listeners=None, pool=None, pools=None, **sections):
    """
    A whole configuration: one listener on a port of the kernel's choice, one pool of `backends` (the built-in
    responder when there are none). `listener` and `pool` add to the one or replace in it; the rest are sections.
    Each event has its line, unless a test is about the budget of lines.
    """
    main = {"name": "main", "address": "127.0.0.1:0", "transport": "tcp", "pool": "main"}
    if pools is None:
        behind = {"name": "main", "servers": servers(*backends)} if backends else dict(RESPOND_200)
        pools = [{**behind, **(pool or {})}]
    # A test's servers take turns and answer what the test is about alone, unless it says otherwise.
    pools = [{**QUIET, **one} if "servers" in one else one for one in pools]
    if listeners is None:
        listeners = [{}]
    made = [{**main, **(listener or {}), **one} for one in listeners]
    for one in made:
        if one.get("proxy_protocol", "off") != "off":
            one.setdefault("trusted", ["127.0.0.1/32"])
    log = {"budget": "off", **sections.pop("log", {})}
    # Nobody waits for a load balancer here, unless a test is about that.
    timeouts = {"drain_delay": "off", "drain": "off", **sections.pop("timeouts", {})}
    # The default path is the host's, and there is one of it.
    admin = {"control": "", **sections.pop("admin", {})}
    own = {"workers": 1, "log": log, "timeouts": timeouts, "admin": admin}
    return {**own, **sections, "listeners": made, "pools": pools}
