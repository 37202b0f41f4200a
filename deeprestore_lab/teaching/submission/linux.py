"""What Linux can take away from a process, through its C library alone: files, sockets, other processes.

Runs in the process that is about to become the student's, which may not import this library: only the standard
library is used, and nothing of ours. Each function raises `OSError` where the system does not allow it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

NEW_USER, NEW_NET, NEW_PID, NEW_IPC = 0x10000000, 0x40000000, 0x20000000, 0x08000000
NO_NEW_PRIVILEGES, SET_SECCOMP, PARENT_DEATH = 38, 22, 1
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
# socket, io_uring_setup, ptrace, process_vm_readv, process_vm_writev, mount, bpf, perf_event_open, userfaultfd,
# keyctl, add_key, request_key, setns, unshare; and memory that no process seems to hold: memfd_create,
# memfd_secret, shmget
REFUSED_CALLS = {
    "x86_64": (0xC000003E, [41, 425, 101, 310, 311, 165, 321, 298, 323, 250, 248, 249, 308, 272, 319, 447, 29]),
    "aarch64": (0xC00000B7, [198, 425, 117, 270, 271, 40, 280, 241, 282, 219, 217, 218, 268, 97, 279, 447, 194]),
}
EXECUTE, WRITE, READ, LIST = 1, 2, 4, 8
REMOVE, MAKE_FOLDER, MAKE_FILE = 1 << 4 | 1 << 5, 1 << 7, 1 << 8
MOVE, SHORTEN = 1 << 13, 1 << 14
FILE_RIGHTS = EXECUTE | WRITE | READ | SHORTEN


def _call(name: str, *arguments: object) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    longs = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = getattr(library, name)(*longs)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
    return result


def unshare() -> None:
    """Leave the network (not even loopback is up), and put children in a process tree of their own."""
    user, group = os.getuid(), os.getgid()
    _call("unshare", NEW_USER | NEW_NET | NEW_PID | NEW_IPC)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def die_with_parent() -> None:
    """Ask to be killed when the parent ends."""
    _call("prctl", PARENT_DEATH, 9, 0, 0, 0)


def gain_nothing() -> None:
    """Give up gaining rights by programs that carry them, such as sudo."""
    _call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def restrict_files(rights: dict[str, int]) -> None:
    """Landlock: from here on, files can be used only as `rights` says, by folder; paths that are missing are left out.

    Other processes can no longer be looked into, nor, on newer kernels, signalled or reached by TCP.
    """
    version = _call("syscall", CREATE_RULESET, None, 0, 1)
    handled = (1 << 13) - 1 | (MOVE if version >= 2 else 0) | (SHORTEN if version >= 3 else 0)
    attributes = struct.pack("<QQQ", handled, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = _call("syscall", CREATE_RULESET, ctypes.create_string_buffer(attributes, 24), size, 0)
    for path, wanted in rights.items():
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        allowed = wanted & handled & (-1 if os.path.isdir(path) else FILE_RIGHTS)
        try:
            _call("syscall", ADD_RULE, rules, 1, ctypes.create_string_buffer(struct.pack("<Qi", allowed, place), 12), 0)
        finally:
            os.close(place)
    _call("syscall", RESTRICT_SELF, rules, 0)
    os.close(rules)


def refuse_calls() -> None:
    """Seccomp: no new socket, no look into other processes, no hidden memory, no namespaces: "not permitted".

    Raises `OSError` for a processor whose system calls are not listed.
    """
    machine = platform.machine()
    if machine not in REFUSED_CALLS:
        raise OSError(f"no list of system calls for {machine}")
    kind, numbers = REFUSED_CALLS[machine]
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    kill, refuse, allow = 0x80000000, 0x00050001, 0x7FFF0000
    steps = [(load, 0, 0, 4), (equal, 1, 0, kind), (answer, 0, 0, kill), (load, 0, 0, 0)]
    steps += [(at_least, 0, 1, 0x40000000), (answer, 0, 0, kill)]  # another way to number the same calls
    steps += [step for number in numbers for step in ((equal, 0, 1, number), (answer, 0, 0, refuse))]
    steps.append((answer, 0, 0, allow))
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    _call("prctl", SET_SECCOMP, 2, program, 0, 0)
