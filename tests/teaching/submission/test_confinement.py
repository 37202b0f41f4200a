"""What a confined program cannot do, by bubblewrap and in a container of podman's.

Linux; where one of them does not work, its tests are skipped and say so. podman may need other options than its own:
DEEPRESTORE_PODMAN="--cgroup-manager=cgroupfs --runtime runc", say.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deeprestore_lab.teaching.submission import Limits, Outcome, confinement, container, sandbox, storage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap and containers are Linux's")
NOT_THERE = re.compile("FileNotFoundError|PermissionError|Read-only file system")


@pytest.fixture(scope="module", params=confinement.KINDS, autouse=True)
def kind(request):
    """What keeps programs apart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(confinement.CHOSEN_BY, request.param)
        if request.param == "podman" and (reason := container.why_not(os.environ.get(container.OPTIONS, ""))):
            pytest.skip(reason)
        yield request.param


@pytest.fixture(scope="module")
def possible(kind, tmp_path_factory) -> dict[str, str]:
    """What the system allows, asked with a program that does nothing."""
    return confinement.run(
        ["-c", "pass"], folder=tmp_path_factory.mktemp("asked"), limits=Limits(seconds=60.0)
    ).possible


@pytest.fixture
def run(tmp_path, possible):
    """Runs a program in a folder of its own. Without what it `needs` the test is skipped, and nothing runs."""

    def call(code: str, *, needs: str = "", **limits) -> Outcome:
        if needs and possible.get(needs, "unknown"):
            pytest.skip(f"{needs}: {possible.get(needs, 'unknown')}")
        folder = tmp_path / "own"
        folder.mkdir(exist_ok=True)
        (folder / "main.py").write_text(code)
        return confinement.run(["main.py"], folder=folder, limits=Limits(**{"seconds": 60.0} | limits))

    return call


def test_a_program_runs(run, tmp_path):
    outcome = run(
        "import sys, pathlib\nprint('out')\nprint('err', file=sys.stderr)\npathlib.Path('made').write_text('1')"
    )
    assert (outcome.end, outcome.status) == ("ended", 0)
    assert {"out", "err"} == set(outcome.output.split())
    assert (tmp_path / "own" / "made").read_text() == "1"


@pytest.mark.parametrize(
    ("code", "status"), [("import sys; sys.exit(7)", 7), ("raise SystemExit('no')", 1), ("1 / 0", 1)]
)
def test_its_exit_status_comes_back(run, code, status):
    assert run(code).status == status


def test_it_gets_no_secrets(run, monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_TOKEN", "hush")
    outcome = run("import os\nprint(dict(os.environ))\nprint(os.path.expanduser('~'))")
    assert "hush" not in outcome.output and outcome.output.strip().endswith(str(tmp_path / "own" / ".home"))


def test_it_cannot_look_into_other_processes(run, monkeypatch):
    """Not into ours, whose environment has the secrets."""
    code = f"print(len(open('/proc/{os.getpid()}/environ', 'rb').read()))"
    assert NOT_THERE.search(run(code, needs="files").output)


def test_it_reads_and_writes_its_own_files_only(run, tmp_path):
    (tmp_path / "other.txt").write_text("another student's")
    for code in (f"open({str(tmp_path / 'other.txt')!r})", "open('../other.txt')", "open('../x', 'w')"):
        assert NOT_THERE.search(run(code, needs="files").output)
    (tmp_path / "own" / "link").symlink_to(tmp_path / "other.txt")
    assert NOT_THERE.search(run("open('link')", needs="files").output)
    assert run("import os\nprint(os.listdir('..'))").output.strip() == "['own']"
    assert (tmp_path / "other.txt").exists() and not (tmp_path / "x").exists()


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"])
def test_no_sockets(run, family):
    kind = "SOCK_RAW" if family == "AF_NETLINK" else "SOCK_STREAM"
    outcome = run(f"import socket\nsocket.socket(socket.{family}, socket.{kind})", needs="no sockets")
    assert "PermissionError" in outcome.output


def test_a_network_of_its_own_has_nothing_in_it(run):
    outcome = run("print(open('/proc/self/net/dev').read())", needs="processes and network of its own")
    assert [line.split(":")[0].strip() for line in outcome.output.splitlines() if ":" in line] == ["lo"]


def test_it_cannot_end_other_processes(run):
    outcome = run("import os\nos.kill(-1, 0)", needs="processes and network of its own")
    assert "ProcessLookupError" in outcome.output  # there is nobody but itself


def test_nothing_of_it_stays(run):
    stay = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)  # MARK'], start_new_session=True)"
    code = f"import subprocess, sys\n{stay}"
    run(code.replace("MARK", mark := f"stays-{os.getpid()}"), needs="processes and network of its own")
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _readable(path)]
    assert not [line for line in lines if mark.encode() in line]


def test_it_ends_with_a_checker_that_is_ended(possible, tmp_path):
    """The program would otherwise run on, with nobody to count its time."""
    if possible["processes and network of its own"]:
        pytest.skip(possible["processes and network of its own"])
    mark = f"outlives-{os.getpid()}"
    (tmp_path / "main.py").write_text("import time\nprint('started')\ntime.sleep(60)")
    checker = "from deeprestore_lab.teaching.submission import Limits, confinement\n"
    checker += f"from pathlib import Path\nfolder = Path({str(tmp_path)!r})\n"
    checker += f"confinement.run(['main.py', {mark!r}], folder=folder, limits=Limits(seconds=60.0))"
    process = subprocess.Popen([sys.executable, "-c", checker])
    assert _within(30, lambda: _running(f"main.py\0{mark}"))
    process.terminate()
    process.wait()
    assert _within(10, lambda: not _running(f"main.py\0{mark}"))


def _running(words: str) -> bool:
    """Whether the arguments of a process hold `words`."""
    return any(words.encode() in path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _readable(path))


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold before the time is over."""
    end = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.1)
    return held


def _readable(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


def test_time(run):
    outcome = run("print('first')\nwhile True: pass", seconds=6.0)
    assert outcome.end == "time" and outcome.seconds < 30 and outcome.output == "first\n"


def test_memory_of_one_process(run):
    assert "MemoryError" in run("bytearray(10**9)", memory=3 * 10**8, needs="limits").output


def test_memory_of_several_together(run):
    code = "import os, time\nfor _ in range(2): os.fork()\nx = bytearray(b'1') * 10**8\ntime.sleep(30)"
    outcome = run(code, memory=2 * 10**8, needs="limits")
    assert outcome.end == "memory" and outcome.memory > 2 * 10**8


def test_processes(run):
    """A bounded fork bomb: 32 at most, so that a test that fails hurts nobody."""
    outcome = run("import os, time\nfor _ in range(5): os.fork()\ntime.sleep(30)", processes=8)
    assert outcome.end == "processes" and outcome.seconds < 20


def test_one_large_file(run, tmp_path):
    outcome = run("open('large', 'wb').write(bytes(10**7))", file_size=10**6, needs="limits")
    assert "File too large" in outcome.output and (tmp_path / "own" / "large").stat().st_size <= 10**6


def test_files_together(run):
    code = "import time\nfor n in range(50): open(str(n), 'wb').write(bytes(10**5))\ntime.sleep(30 * WAIT)"
    assert run(code.replace("WAIT", "1"), files=20).end == "files"
    assert run(code.replace("WAIT", "0"), folder=10**6).end == "size of files"  # also where it has ended by itself


@pytest.mark.parametrize("wait", [0, 30])
def test_folders_that_nobody_can_list_are_too_much(run, tmp_path, wait):
    """A path longer than the system takes hides what is in it; without a limit a disk would fill unseen."""
    code = f"import os, time\nfor _ in range(50): os.mkdir('a' * 100); os.chdir('a' * 100)\ntime.sleep({wait})"
    assert run(code).end == "files"
    storage.remove(tmp_path / "own")


def test_removed_files_that_are_held_open_count(run):
    code = "import os, time\nkept = open('x', 'wb')\n"
    code += "kept.write(bytes(10**6)), kept.flush(), os.unlink('x')\ntime.sleep(30)"
    assert run(code, folder=10**5).end == "size of files"


@pytest.mark.parametrize("call", ["os.memfd_create('x')", "ctypes.CDLL(None, use_errno=True).shmget(0, 10**6, 0o1600)"])
def test_no_memory_that_belongs_to_no_process(run, call):
    code = (
        f"import ctypes, os\ntry: print({call}, os.strerror(ctypes.get_errno()))\nexcept OSError as error: print(error)"
    )
    assert "Operation not permitted" in run(code, needs="no sockets").output


def test_no_memory_is_shared_without_a_file(run):
    """Its pages could leave every process and still be there."""
    outcome = run("import mmap\nmmap.mmap(-1, 4096, mmap.MAP_PRIVATE)\nmmap.mmap(-1, 4096)", needs="no sockets")
    assert "PermissionError" in outcome.output and "line 3" in outcome.output


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the number of the call is that of one processor")
def test_no_user_namespace_of_its_own(run):
    """In one it would have all rights again, mounts among them."""
    new_user, clone, child_ended = 0x10000000, 56, 17
    call = f"l.syscall({clone}, {new_user | child_ended}, 0, 0, 0, 0)"
    code = f"import ctypes\nl = ctypes.CDLL(None)\nprint('inside' if {call} >= 0 else 'refused')"
    assert run(code, needs="files").output.strip() == "refused"


def test_an_interrupt_ends_the_program(monkeypatch, tmp_path):
    started = []

    def interrupted(process, *_):
        started.append(process)
        raise KeyboardInterrupt

    monkeypatch.setattr(confinement, "_watch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        confinement.run(["-c", "import time; time.sleep(60)"], folder=tmp_path, limits=Limits(seconds=60.0))
    assert started[0].poll() is not None


def test_output_is_kept_short(run):
    outcome = run("print('a' * 10**6)\nprint('b' * 10**6)", output=1000)
    assert len(outcome.output) < 1100 and outcome.output.startswith("a") and outcome.output.endswith("b\n")
    assert f"{2 * 10**6 + 2 - 1000} bytes are left out" in outcome.output


def test_input_is_given(tmp_path):
    outcome = confinement.run(["-c", "print(input())"], folder=tmp_path, limits=Limits(seconds=60.0), given=b"said\n")
    assert outcome.output == "said\n"


@pytest.mark.slow
def test_the_library_and_torch_work_in_there(run):
    code = "import deeprestore_lab as drl\nprint(drl.images.photograph('astronaut', size=16).shape)"
    outcome = run(code, seconds=400.0)
    assert outcome.output.strip().endswith("torch.Size([1, 3, 16, 16])"), outcome.output


@pytest.mark.parametrize("place", ["/", "/tmp/", "/dev/", "/dev/shm/", "/run/", "/sys/fs/cgroup/", "/usr/", "/etc/"])
def test_nothing_can_be_written_elsewhere(run, place):
    """Also not into memory that looks like a folder, which nobody would count."""
    path = f"{place}submission-{os.getpid()}"
    assert NOT_THERE.search(run(f"open({path!r}, 'w').write('1' * 9)", needs="files").output)
    assert not Path(path).exists()


def test_where_it_is_missing_the_report_says_so(kind, monkeypatch, tmp_path):
    """The program runs, with limits alone."""
    module = {"bubblewrap": sandbox, "podman": container}[kind]
    monkeypatch.setattr(module, "why_not", lambda *_: f"{kind} is not installed")
    outcome = confinement.run(["-c", "print(1)"], folder=tmp_path, limits=Limits(seconds=60.0))
    assert outcome.output == "1\n" and outcome.possible["limits"] == ""
    assert {outcome.possible[what] for what in confinement.APART} == {f"{kind} is not installed"}


def test_why_it_does_not_work_is_known(kind, monkeypatch):
    module, option = {"bubblewrap": (sandbox, "bwrap"), "podman": (container, "podman")}[kind]
    assert module.why_not() is module.why_not()  # tried once
    tried = module.why_not.__wrapped__
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    assert tried().endswith("is not installed")
    monkeypatch.undo()
    if module.shutil.which(option):
        monkeypatch.setattr(module, "ALONE", ["--no-such-option"])
        assert tried().startswith(f"{kind} does not work here: ")
    monkeypatch.setattr(module.sys, "platform", "darwin")
    assert tried().endswith("Linux's, and this is darwin")
