"""The programs that are compared: each measures one window on a path and says what it saw."""

import array
import json
import os
import re
import secrets
import shutil
import socket
import sys
import time

from command import INTERNAL, ROOT, UNAVAILABLE, Failure
from processes import Child, call

# sockperf drops this much of its time at the start and at the end (TEST_START_WARMUP_MSEC, TEST_END_COOLDOWN_MSEC); the
# others get the same warm-up and the same window.
WARMUP_MS = 400
COOLDOWN_MS = 50

# How long anything but the window itself may take.
_PATIENCE = 10


class Conditions:
    """What is the same for all: the path, the CPUs of client and server, and the work."""

    def __init__(self, path, cpus, size, seconds, transport):
        self.path = path
        self.client_cpu, self.server_cpu = cpus
        self.size = size
        self.seconds = seconds
        self.transport = transport
        self.window_ms = 1000 * seconds - WARMUP_MS - COOLDOWN_MS

    def client(self, command):
        return [*self.path.inside(self.path.client), "taskset", "-c", str(self.client_cpu), *command]

    def server(self, command):
        return [*self.path.inside(self.path.server), "taskset", "-c", str(self.server_cpu), *command]

    @property
    def patience(self):
        return self.seconds + _PATIENCE


class Bench:
    """bench-worker, driven as bench drives it."""

    name = "bench"

    def __init__(self, worker):
        self._worker = worker

    def measure(self, conditions):
        nonce = secrets.token_hex(7)
        with Child([self._worker], "bench-worker (server)") as server:
            server.write(self._configuration(conditions, nonce, "server", conditions.server_cpu))
            port = expect(server, "listening")["port"]
            with Child([self._worker], "bench-worker (client)") as client:
                client.write(self._configuration(conditions, nonce, "client", conditions.client_cpu, port))
                expect(client, "ready")
                client.write('{"type":"start"}\n')
                result = expect(client, "result", conditions.patience)
                samples = array.array("I")
                samples.frombytes(client.read_bytes(4 * result["samples"], _PATIENCE))
                if sys.byteorder == "big":
                    samples.byteswap()
                client.wait(_PATIENCE)
            server.stop()
        return summary(samples, result["lost"])

    @staticmethod
    def _configuration(conditions, nonce, role, cpu, port=0):
        path = conditions.path
        message = configuration(role, conditions.transport, path.address, port, nonce)
        message.update(
            size=conditions.size,
            cpu=cpu,
            warmup_ns=WARMUP_MS * 1_000_000,
            window_ns=conditions.window_ms * 1_000_000,
        )
        namespace = path.file(path.client if role == "client" else path.server)
        if namespace:
            message["namespace"] = namespace
        return json.dumps(message) + "\n"


def configuration(role, transport, address, port, nonce, wait="spin"):
    """The worker protocol's first message (Sources/WorkerProtocol)."""
    return {
        "protocol": 4,
        "type": "configure",
        "role": role,
        "loop": "rr",
        "transport": transport,
        "wait": wait,
        "framing": "none",
        "size": 64,
        "reply_size": 64,
        "concurrency": 1,
        "rate": 0,
        "address": address,
        "port": port,
        "target_address": "",
        "target_port": 0,
        "nonce": nonce,
        "flow": 0,
        "warmup_ns": 0,
        "window_ns": 0,
        "timeout_ns": 100_000_000,
        "counted_operations": 0,
        "delay_ns": 0,
        "slowdown_ppm": 0,
        "stamp_every": 0,
        "socket_stamps": False,
        "arguments": "",
        "discard_output": False,
    }


def expect(worker, kind, seconds=_PATIENCE):
    """The worker's next message, which must be of that kind."""
    message = json.loads(worker.read_line(seconds))
    check(message, kind, worker.name)
    return message


def check(message, kind, name):
    """Refuses any message but one of that kind."""
    if message["type"] != kind:
        why = message.get("message", f"it says '{message['type']}' where '{kind}' was expected")
        raise Failure(INTERNAL, f"{name}: {why}")


def summary(samples, lost):
    """By nearest rank: the sample of rank ⌈q · count⌉."""
    if not samples:
        raise Failure(INTERNAL, f"no round trip was completed ({lost} lost)")
    ordered = sorted(samples)
    count = len(ordered)
    return {
        "p50": ordered[-(-count // 2) - 1],
        "p99": ordered[-(-count * 99 // 100) - 1],
        "mean": sum(ordered) / count,
        "count": count,
        "lost": lost,
    }


class Sockperf:
    """sockperf's ping-pong on non-blocking sockets, in full round trips."""

    name = "sockperf"

    def __init__(self):
        if not shutil.which("sockperf"):
            raise Failure(
                UNAVAILABLE,
                "sockperf is not installed: 'scripts/deps.sh benchmarks' installs it, and so does "
                "'sudo apt-get install sockperf' on Debian and Ubuntu",
            )

    def measure(self, conditions):
        path = conditions.path
        port = free_port(conditions)
        options = ["--nonblocked", "-i", path.address, "-p", str(port)]
        if conditions.transport == "tcp":
            options.append("--tcp")
        with Child(conditions.server(["sockperf", "server", *options]), "sockperf server", merge_errors=True) as server:
            _wait_until_bound(server, port, conditions.transport)
            command = ["sockperf", "ping-pong", *options, "--full-rtt"]
            command += ["-m", str(conditions.size), "-t", str(conditions.seconds)]
            with Child(conditions.client(command), "sockperf", merge_errors=True) as client:
                output = client.read_all(conditions.patience)
                code = client.wait(_PATIENCE)
            if code != 0:
                raise Failure(INTERNAL, f"sockperf failed (exit {code}):\n{output.strip()}")
        return self._read(output)

    @staticmethod
    def _read(output):
        def find(pattern):
            match = re.search(pattern, output)
            if not match:
                raise Failure(INTERNAL, f"sockperf's output is not understood:\n{output.strip()}")
            return float(match.group(1))

        return {
            "p50": 1000 * find(r"percentile 50\.000 = +([0-9.]+)"),
            "p99": 1000 * find(r"percentile 99\.000 = +([0-9.]+)"),
            "mean": 1000 * find(r"avg-rtt=([0-9.]+)"),
            "count": int(find(r"Total ([0-9]+) observations")),
            "lost": int(find(r"dropped messages = ([0-9]+)")),
        }


def free_port(conditions):
    """A port that nothing listens on. In a namespace of our own that is any; in the host's the kernel names one."""
    if conditions.path.server:
        return 11111
    kind = socket.SOCK_STREAM if conditions.transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((conditions.path.address, 0))
        return probe.getsockname()[1]


def _wait_until_bound(server, port, transport):
    """sockperf does not say when it is ready; the kernel does, for the namespace that the server is in."""
    # Local address and state: 07 is an unconnected UDP socket, 0A a listening TCP one (net/tcp_states.h).
    wanted = re.compile(rf"^ *\d+: [0-9A-F]+:{port:04X} [0-9A-F]+:0000 {'0A' if transport == 'tcp' else '07'} ", re.M)
    deadline = time.monotonic() + _PATIENCE
    while server.is_running():
        with open(f"/proc/{server.pid}/net/{transport}", encoding="ascii") as table:
            if wanted.search(table.read()):
                return
        if time.monotonic() > deadline:
            break
        time.sleep(0.002)
    raise Failure(INTERNAL, "the sockperf server does not listen")


class BareC:
    """pingpong.c, the loop without anything around it."""

    name = "bare C"

    def __init__(self):
        self.program = built_pingpong()

    def measure(self, conditions):
        options = ["-a", conditions.path.address, "-s", str(conditions.size)]
        if conditions.transport == "tcp":
            options.append("-t")
        with Child(conditions.server([self.program, "server", *options]), "pingpong server") as server:
            port = json.loads(server.read_line(_PATIENCE))["port"]
            options += ["-p", str(port), "-w", str(WARMUP_MS), "-d", str(conditions.window_ms)]
            with Child(conditions.client([self.program, "client", *options]), "pingpong") as client:
                result = json.loads(client.read_line(conditions.patience))
                client.wait(_PATIENCE)
            server.stop()
        return result


def built_pingpong():
    """The path of the compiled pingpong.c, compiled anew if it is older than its source."""
    folder = os.path.join(ROOT, "Benchmarks", "peers")
    source, program = os.path.join(folder, "pingpong.c"), os.path.join(folder, "build", "pingpong")
    if os.path.exists(program) and os.path.getmtime(program) >= os.path.getmtime(source):
        return program
    compilers = [os.environ.get("CC"), "cc", "gcc", "clang"]
    compiler = next((name for name in compilers if name and shutil.which(name)), None)
    if not compiler:
        raise Failure(UNAVAILABLE, "there is no C compiler: 'scripts/deps.sh benchmarks' installs one")
    os.makedirs(os.path.dirname(program), exist_ok=True)
    part = f"{program}.{os.getpid()}"
    try:
        call([compiler, "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", part, source], seconds=60)
        os.replace(part, program)
    finally:
        if os.path.exists(part):
            os.remove(part)
    return program


if __name__ == "__main__":
    from command import run

    def _main():
        print(built_pingpong())
        return 0

    run(_main)
