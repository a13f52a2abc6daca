"""A process that is shut in: what the sandbox's child does to itself before it runs a stranger's code.

Linux only, standard library only; it is started as a program of its own (see `sandbox.py`). Three processes
stand in line. The launcher enters new namespaces. Its child, process 1 of them, mounts an empty file
system, moves into it, and waits; when it ends, the kernel ends whatever is left inside. The grandchild
gives up all rights, takes its limits, and works.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

NOBODY = 65534
REFUSED = 97  # exit status: this machine does not let the process be shut in; the reason is on stderr

# <linux/sched.h>: new mounts, host name, System V memory, processes, network; users, for who is not root.
NAMESPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
NEW_USERS = 0x10000000
# <linux/mount.h>
READ_ONLY, NO_SETUID, NO_DEVICES, NO_EXEC, REMOUNT, BIND, RECURSIVE, PRIVATE = (
    1, 2, 4, 8, 32, 4096, 16384, 1 << 18,
)  # fmt: skip
# <linux/prctl.h>
DIE_WITH_PARENT, DROP_BOUND, NO_NEW_RIGHTS = 1, 24, 38
CAPABILITIES = 64  # more than there are; dropping one that is not there is an error that does not matter
CAPABILITY_VERSION_3 = 0x20080522

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mount.argtypes = (
    ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p,
)  # fmt: skip
LIBC.prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)


def main(work: Callable[[dict[str, Any]], None], parent: int) -> None:
    """Read a job from stdin, shut this process in, and do `work(job)` there.

    Job: `root` an empty folder; `see` folders that may be read inside; `channel` the one
    descriptor that is kept; `report` True where stdout is kept too; `seconds`, `cpu_seconds`, `memory_bytes`,
    `file_bytes`, `files`: the limits.
    """
    job = json.load(sys.stdin)
    _end_with(parent)
    try:
        job["as_root"] = _leave()
    except OSError as error:
        _refuse(f"no namespaces: {error}")
    first = os.fork()
    if first == 0:
        _first_process(job, work)
    _close_all_but(())
    _, status = os.waitpid(first, 0)
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)


def _first_process(job: dict[str, Any], work: Callable[[dict[str, Any]], None]) -> None:
    """Process 1 of the namespaces: it keeps the rights to its mounts, so what it starts cannot touch it."""
    LIBC.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    # Should everybody above have been killed at once, nobody is left to end this: then time does.
    signal.signal(signal.SIGALRM, lambda *_: os._exit(1))
    signal.alarm(job["seconds"] + 10)
    try:
        _new_root(job)
    except OSError as error:
        _refuse(f"no file system of its own: {error}")
    worker = os.fork()
    if worker == 0:
        _last_process(job, work)
    _close_all_but(())
    _, status = os.waitpid(worker, 0)
    os._exit(REFUSED if os.WIFEXITED(status) and os.WEXITSTATUS(status) == REFUSED else 0)


def _last_process(job: dict[str, Any], work: Callable[[dict[str, Any]], None]) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    try:
        _give_up_rights(job["as_root"])
        _limit(job)
        _check_no_processes()
        os.chdir("/scratch")
    except OSError as error:
        _refuse(f"no limits: {error}")
    silent = os.open("/dev/null", os.O_RDWR)
    report = os.dup(1) if job["report"] else None
    for standard in (0, 1, 2):
        os.dup2(silent, standard)
    kept = (job["channel"],) if report is None else (job["channel"], report)
    _close_all_but(kept)
    try:
        work({**job, "report": report})
    finally:
        os._exit(0)  # what the worker says of its own end is believed by nobody


def _leave() -> bool:
    """Enter new namespaces: nothing of the machine's network, processes and shared memory is there.

    True where that was done with root's own rights, False where it took a namespace of users.
    """
    user, group = os.geteuid(), os.getegid()
    if user == 0 and LIBC.unshare(NAMESPACES) == 0:
        return True
    _called(LIBC.unshare(NAMESPACES | NEW_USERS))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    return False


def _new_root(job: dict[str, Any]) -> None:
    """An empty file system in memory, with Python's own files to read, and `/scratch` to write in.

    A `chroot` and no `pivot_root`: the kernel lets no process in a chroot make user namespaces, through which
    it could get rights again. (Who has none cannot leave a chroot.)
    """
    root = job["root"]
    _mount(None, "/", None, RECURSIVE | PRIVATE)
    size = f"size={job['file_bytes']},nr_inodes={job['files'] + 500},mode=755"  # 500: folders to mount upon
    _mount("none", root, "tmpfs", NO_SETUID | NO_DEVICES, size)
    for place in job["see"]:
        _show(place, root)
    for device in ("null", "urandom"):
        target = Path(root, "dev", device)
        target.parent.mkdir(exist_ok=True)
        target.touch()
        _mount(f"/dev/{device}", str(target), None, BIND)
    Path(root, "scratch").mkdir(mode=0o700)
    if job["as_root"]:
        os.chown(Path(root, "scratch"), NOBODY, NOBODY)
    _try_write("/proc/sys/kernel/shmmni", "0")  # System V memory would count against no limit
    os.chroot(root)
    os.chdir("/")


def _show(place: str, root: str) -> None:
    """The folder `place`, to be read at the same place below `root`."""
    target = Path(root + place)
    if os.path.islink(place):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(os.readlink(place))
        return
    target.mkdir(parents=True, exist_ok=True)
    _mount(place, str(target), None, BIND | RECURSIVE)
    kept = os.statvfs(target).f_flag & NO_EXEC  # a flag of the machine's own mount cannot be taken off
    _mount(None, str(target), None, REMOUNT | BIND | READ_ONLY | NO_SETUID | NO_DEVICES | kept)


def _give_up_rights(as_root: bool) -> None:
    """Become nobody, without capabilities and without a way to get any, also through set-user-id programs."""
    for capability in range(CAPABILITIES):
        LIBC.prctl(DROP_BOUND, capability, 0, 0, 0)
    if as_root:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _called(LIBC.capset(header, (ctypes.c_uint32 * 6)()))
    _called(LIBC.prctl(NO_NEW_RIGHTS, 1, 0, 0, 0))


def _limit(job: dict[str, Any]) -> None:
    limits = {
        resource.RLIMIT_CPU: job["cpu_seconds"],
        resource.RLIMIT_AS: job["memory_bytes"],
        resource.RLIMIT_FSIZE: job["file_bytes"],
        resource.RLIMIT_NOFILE: 32,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, most))


def _check_no_processes() -> None:
    """The kernel does not hold root to a number of processes; where this is still root, refuse."""
    try:
        child = os.fork()
    except OSError:
        return
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    raise OSError("the number of processes cannot be limited: run as another user than root")


def _end_with(parent: int) -> None:
    """Die when the process that started this dies, even if it did already."""
    LIBC.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _close_all_but(kept: tuple[int, ...]) -> None:
    for descriptor in range(3, 1024):
        if descriptor not in kept:
            try:
                os.close(descriptor)
            except OSError:
                continue  # was not open


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    words = [word and os.fsencode(word) for word in (source, target, kind, options)]
    _called(LIBC.mount(words[0], words[1], words[2], flags, words[3]), target)


def _called(status: int, place: str = "") -> None:
    if status:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), place or None)


def _try_write(place: str, text: str) -> None:
    try:
        Path(place).write_text(text)
    except OSError:
        return  # an old kernel keeps this for root; docs/rewards.md says what follows


def _refuse(reason: str) -> NoReturn:
    os.write(2, reason.encode())
    os._exit(REFUSED)
