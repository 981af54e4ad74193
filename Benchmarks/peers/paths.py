"""The paths between client and server that peers are compared on, made by the commands that anyone would type."""

import contextlib
import json
import os
import time

from command import UNAVAILABLE, Failure
from processes import call

NAMES = ("native", "veth", "bridge")

_PREFIX = "bench-peer"
_DIRECTORY = "/run/netns"
# RFC 2544 sets 198.18.0.0/15 aside for benchmarks.
_CLIENT, _SERVER = "198.18.0.1", "198.18.0.2"


class Path:
    """Where client and server run. None is the host's own namespace."""

    def __init__(self, name, client, server, address):
        self.name = name
        self.client = client
        self.server = server
        self.address = address

    @staticmethod
    def inside(namespace):
        """What to put before a command that is to run in a namespace."""
        return ["ip", "netns", "exec", namespace] if namespace else []

    @staticmethod
    def file(namespace):
        return f"{_DIRECTORY}/{namespace}" if namespace else None


@contextlib.contextmanager
def made(name):
    """Makes a path, and takes it away again on every way out, last first."""
    remove_abandoned()
    with contextlib.ExitStack() as stack:

        def namespace(role):
            full = f"{_PREFIX}-{os.getpid()}-{role}"
            # Entered first: whatever was made is removed, and removing what was not is no error.
            stack.callback(call, ["ip", "netns", "delete", full], check=False)
            call(["ip", "netns", "add", full])
            # As bench has it: no router solicitations or duplicate address detection beside what is measured.
            call(["ip", "netns", "exec", full, "sh", "-c", _QUIET])
            call(["ip", "-n", full, "link", "set", "lo", "up"])
            return full

        if name == "native":
            yield Path(name, None, None, "127.0.0.1")
            return
        client, server = namespace("client"), namespace("server")
        links = [(client, "client0"), (server, "server0")]
        if name == "veth":
            call(f"ip -n {client} link add client0 type veth peer name server0 netns {server}".split())
        else:
            switch = namespace("switch")
            call(f"ip -n {switch} link add bridge0 type bridge".split())
            call(f"ip -n {switch} link set bridge0 up".split())
            for end, place in (("client", client), ("server", server)):
                call(f"ip -n {switch} link add port-{end} type veth peer name {end}0 netns {place}".split())
                call(f"ip -n {switch} link set port-{end} master bridge0 up".split())
                links.append((switch, f"port-{end}"))
        for place, link, address in ((client, "client0", _CLIENT), (server, "server0", _SERVER)):
            call(f"ip -n {place} address add {address}/30 dev {link}".split())
            call(f"ip -n {place} link set {link} up".split())
        for place, link in links:
            _wait_until_running(place, link)
        yield Path(name, client, server, _SERVER)


_QUIET = """
for which in default all; do
  file=/proc/sys/net/ipv6/conf/$which/disable_ipv6
  if [ -e "$file" ]; then echo 1 >"$file"; fi
done
"""


def _wait_until_running(namespace, link):
    """Bringing a link up is not instantaneous, and what is sent before is lost."""
    deadline = time.monotonic() + 5
    while json.loads(call(["ip", "-n", namespace, "-json", "link", "show", "dev", link]))[0]["operstate"] != "UP":
        if time.monotonic() > deadline:
            raise Failure(UNAVAILABLE, f"the link {link} in {namespace} does not come up")
        time.sleep(0.005)


def remove_abandoned():
    """Removes the namespaces of runs that were killed: those whose process is gone and in which nobody lives."""
    try:
        names = os.listdir(_DIRECTORY)
    except FileNotFoundError:
        return
    for name in sorted(names):
        words = name.split("-")
        if not name.startswith(f"{_PREFIX}-") or len(words) != 4 or not words[2].isdigit():
            continue
        if not os.path.exists(f"/proc/{words[2]}") and not call(["ip", "netns", "pids", name], check=False).strip():
            call(["ip", "netns", "delete", name], check=False)
