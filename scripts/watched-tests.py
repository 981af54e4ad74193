#!/usr/bin/env python3
"""Runs the tests, and ends them when nothing happens any more.

    watched-tests.py EVENTS SECONDS REPORT COMMAND...

COMMAND writes the test library's event stream, a JSON object a line, to the file EVENTS. When that file has not grown for
SECONDS, the file REPORT gets what the next reader will ask for: which tests have begun and not ended, and what each
process below COMMAND waits for. Then these processes are killed, and it exits with 1; else with COMMAND's own status.

A test that blocks for ever takes one thread of the pool along. The others go on on those that are left, to their end;
so what it costs is seen only then, as a run without an end.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

LONGEST_LINE = 300
# A frame of a stack as gdb prints it: the function, and where in the sources it is, if that is known.
FRAME = re.compile(r'#\d+ +(?:0x[0-9a-f]+ in )?(\S+).*?(?: at (\S+:\d+))?$')


def read(path):
    try:
        with open(path, encoding='utf-8', errors='replace') as file:
            return file.read()
    except OSError:
        return ''


def size(path):
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def under_way(events):
    """The tests that have begun and not ended, each with when its last case began, and whether the run has ended."""
    begun, has_ended = {}, False
    with open(events, encoding='utf-8', errors='replace') as lines:
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue  # The last one may be cut.
            if record.get('kind') != 'event':
                continue
            event = record['payload']
            kind, test = event['kind'], event.get('testID')
            if kind == 'runEnded':
                has_ended = True
            elif kind == 'testStarted':
                begun[test] = (event['instant']['since1970'], '')
            elif kind == 'testEnded':
                begun.pop(test, None)
            elif kind == 'testCaseStarted' and test in begun:
                texts = [message['text'] for message in event.get('messages', [])]
                begun[test] = (event['instant']['since1970'], ' '.join(texts))
    # A suite has no place in a file.
    return {test: what for test, what in begun.items() if '.swift:' in test}, has_ended


def processes():
    """Each process of the host by its number: its parent's and its command line."""
    found = {}
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        stat = read(f'/proc/{name}/stat')
        if not stat:
            continue
        # The name in parentheses may hold anything.
        parent = int(stat[stat.rindex(')') + 2:].split()[1])
        command = read(f'/proc/{name}/cmdline').replace('\0', ' ').strip() or stat[:stat.rindex(')') + 1]
        found[int(name)] = (parent, command)
    return found


def descendants(root):
    found = processes()
    below, new = [], [root]
    while new:
        new = [pid for pid, (parent, _) in found.items() if parent in new]
        below += new
    return [(pid, found[pid][1]) for pid in below]


def threads(pid):
    """What each thread waits for: its state, the kernel's function and, for root, the functions above that."""
    try:
        numbers = sorted(int(number) for number in os.listdir(f'/proc/{pid}/task'))
    except OSError:
        return
    for number in numbers:
        task = f'/proc/{pid}/task/{number}'
        stat = read(f'{task}/stat')
        if not stat:
            continue
        state = stat[stat.rindex(')') + 2:].split()[0]
        frames = [line.split()[-1].split('+')[0] for line in read(f'{task}/stack').splitlines()]
        yield f'    thread {number} {state} {read(f"{task}/wchan") or "-"}  {" < ".join(frames[:8])}'


def backtrace(pid):
    """Where in the project's own code each thread of a process is, and in what it waits; by gdb, where there is one."""
    debugger = shutil.which('gdb')
    if debugger is None:
        yield '    (install gdb to see where in the code its threads are)'
        return
    try:
        output = subprocess.run(
            [debugger, '-p', str(pid), '-batch', '-nx', '-ex', 'thread apply all -s backtrace 60'], timeout=120,
            stdin=subprocess.DEVNULL, capture_output=True, encoding='utf-8', errors='replace').stdout
    except subprocess.TimeoutExpired:
        yield '    (gdb did not come to an end)'
        return
    for text in output.split('\n\n'):
        frames = [frame.groups() for frame in map(FRAME.match, text.splitlines()) if frame]
        own = [(function, place) for function, place in frames if place and re.search('/(Sources|Tests)/', place)]
        if not own:
            continue  # It has nothing to do.
        yield f'    {text.lstrip().splitlines()[0]}'
        yield f'      {frames[0][0]}'
        for function, place in own[:10]:
            yield f'      {place.rsplit("/", 1)[1]} {function}'


def report(root, events, seconds):
    tests, has_ended = under_way(events)
    yield f'Nothing has happened for {seconds} s.'
    if has_ended:
        yield 'All tests have ended, but the processes below have not.'
    elif not tests:
        yield 'No test had begun that has not ended.'
    for test, (begin, case) in tests.items():
        yield f'  begun {time.time() - begin:.0f} s ago: {test} {case}'.rstrip()
    for pid, command in descendants(root):
        yield f'  process {pid}: {command}'
        yield from threads(pid)
        if 'swiftpm-testing-helper' in command or '.xctest' in command:
            yield from backtrace(pid)


def main():
    events, seconds, target, command = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    for path in (events, target):
        if os.path.exists(path):
            os.unlink(path)
    child = subprocess.Popen(command)
    # A Ctrl-C reaches the child as well, whose end is waited for; a request to end is handed on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: child.terminate())
    seen, since = 0, time.monotonic()
    while True:
        try:
            code = child.wait(timeout=5)
            sys.exit(code if code >= 0 else 128 - code)
        except subprocess.TimeoutExpired:
            pass
        now = size(events)
        if now != seen:
            seen, since = now, time.monotonic()
        # Before the first event it is still building, which takes its time.
        elif seen > 0 and time.monotonic() - since > seconds:
            break
    with open(target, 'w', encoding='utf-8') as file:
        for line in report(child.pid, events, seconds):
            file.write(line[:LONGEST_LINE] + '\n')
    for pid, _ in descendants(child.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    try:
        child.wait(timeout=30)
    except subprocess.TimeoutExpired:
        child.kill()
    sys.exit(1)


if __name__ == '__main__':
    main()
