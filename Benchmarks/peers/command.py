"""What the comparisons share as commands: arguments, exit codes, and one way out."""

import argparse
import json
import os
import signal
import sys

# The exit codes of bench (docs: exit codes), as far as they come up here.
FAILED, USAGE, UNAVAILABLE, INTERNAL, NOT_PERMITTED, INTERRUPTED = 1, 64, 69, 70, 77, 130

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Failure(Exception):
    """One paragraph for the user: what is wrong and what mends it, and the exit code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Parser(argparse.ArgumentParser):
    """Takes usage errors out with the exit code that bench has for them."""

    def __init__(self, description):
        super().__init__(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        self.add_argument(
            "--json", metavar="FILE", help="write the result as JSON, too; - writes nothing else to stdout"
        )
        self.add_argument("--check", action="store_true", help="exit 1 if a goal is missed")

    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def whole(least, most):
    """A type for arguments: a whole number from least to most."""

    def read(text):
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is no whole number from {least} to {most}")
        return int(text)

    return read


def cpu_pair(text):
    """A type for arguments: two different CPUs that this process may use, as in 0,1."""
    words = text.split(",")
    if len(words) != 2 or not all(word.isascii() and word.isdigit() for word in words):
        raise argparse.ArgumentTypeError(f"'{text}' is not two CPUs, such as 0,1")
    cpus = tuple(int(word) for word in words)
    usable = os.sched_getaffinity(0)
    for cpu in cpus:
        if cpu not in usable:
            raise argparse.ArgumentTypeError(f"CPU {cpu} is not among those to be had here: {sorted(usable)}")
    if cpus[0] == cpus[1]:
        raise argparse.ArgumentTypeError("two spinning processes need two CPUs")
    return cpus


def require_root():
    if os.geteuid() != 0:
        raise Failure(NOT_PERMITTED, "network namespaces take root: run it with sudo")


def require_file(path, remedy):
    if not os.access(path, os.X_OK) or os.path.isdir(path):
        raise Failure(UNAVAILABLE, f"{path} is missing: {remedy}")
    return path


def worker_path(given):
    path = given or os.environ.get("BENCH_WORKER")
    if not path:
        build = os.environ.get("BUILD_DIR") or ".build"
        path = os.path.join(ROOT, build, "release", "bench-worker")
    return require_file(os.path.abspath(path), "'make build' makes it")


class Report:
    """Lines for people on stdout, unless stdout is for JSON; goals, and the JSON at the end."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.stream = sys.stderr if arguments.json == "-" else sys.stdout
        if arguments.json and arguments.json != "-":
            # Found out before minutes of measuring, not after.
            self._write("a", "")
        self.missed = False

    def line(self, text=""):
        print(text, file=self.stream, flush=True)

    def goal(self, what, met):
        self.missed = self.missed or not met
        self.line(f"{what}: {'yes' if met else 'no'}")
        return {"goal": what, "met": met}

    def finish(self, result):
        if self.arguments.json:
            text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
            if self.arguments.json == "-":
                sys.stdout.write(text)
            else:
                self._write("w", text)
        return FAILED if self.missed and self.arguments.check else 0

    def _write(self, mode, text):
        try:
            with open(self.arguments.json, mode, encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise Failure(UNAVAILABLE, f"cannot write {self.arguments.json}: {error.strerror}") from error


def run(main):
    """Runs main() to its exit code. A signal unwinds it, so that every clean-up on the way is done."""

    def interrupt(number, _):
        # A second signal must not cut the clean-up short.
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(signal.Signals(number).name)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, interrupt)
    name = os.path.basename(sys.argv[0])
    try:
        code = main()
        sys.stdout.flush()
    except Failure as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        code = failure.code
    except KeyboardInterrupt:
        print(f"{name}: interrupted; everything was removed", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read has seen enough. Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)
