"""Child processes: what is handed over, what of their output is kept, and how they fail."""

import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from wayhome.kernel import KernelError, child, presence


def run(program: str, word: str | None = None) -> child.Finished:
    return child.run([sys.executable, "-c", program], timeout=30, lines_with=word)


def test_lines_with_a_word_are_kept_wherever_chunks_end() -> None:
    program = """
import sys, time
for part in ("the wo", "rd\\nnone", " here\\n", "\\nlast: word"):
    print(part, end="", flush=True)
    time.sleep(0.05)
"""
    assert run(program, "word").lines == ["the word", "last: word"]


def test_a_large_listing_leaves_the_wanted_lines() -> None:
    program = "for i in range(200_000): print('-A KUBE-SVC', i, '-j', 'OURS' if i % 50_000 == 7 else 'KUBE-SEP')"
    assert run(program, "OURS").lines == [
        f"-A KUBE-SVC {i} -j OURS" for i in range(7, 200_000, 50_000)
    ]


def test_output_that_nobody_wants_does_not_stop_the_child() -> None:
    finished = run("import sys; print('x' * 1_000_000); print('why', file=sys.stderr); sys.exit(3)")
    assert (finished.status, finished.said, finished.lines) == (3, "why", [])


def test_bytes_that_are_no_text_come_back_as_they_were() -> None:
    (line,) = run("import sys; sys.stdout.buffer.write(b'word \\xff')", "word").lines
    assert line.encode(errors="surrogateescape") == b"word \xff"


def test_a_listing_that_never_ends_is_killed() -> None:
    with pytest.raises(KernelError, match=r"did not end within 0\.5 s and was killed$"):
        child.run(["yes", "word"], timeout=0.5, lines_with="nothing")


def test_a_program_is_found_behind_folders_that_cannot_be_looked_into(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Root may look into every folder, so the folder is one that nobody can: its name is too long.
    program = tmp_path / "wayhome-program"
    monkeypatch.setenv("PATH", f"/{'x' * 300}:{tmp_path}")
    assert presence.find(program.name) is None
    program.write_text("#!/bin/sh\n")
    assert presence.find(program.name) is None
    program.chmod(0o755)
    assert presence.find(program.name) == str(program)
    program.unlink()
    program.mkdir()
    assert presence.find(program.name) is None


def scripts_held() -> int:
    names = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return sum("memfd:script" in name for name in names)


def test_a_process_without_a_free_descriptor_is_told_so() -> None:
    """With none free and with a few, and without keeping the script: the agent tries again later."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 50, hard))
    taken = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        for _ in range(4):
            with pytest.raises(KernelError, match=r"could not be run: .*: Too many open files"):
                run("")
            os.close(taken.pop())
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert scripts_held() == 0
    assert run("").status == 0


def shell(body: str, script: str = "", timeout: float = 30) -> child.Finished:
    return child.run(["/bin/sh", "-c", body], timeout=timeout, script=script)


def test_the_script_arrives_whole_and_not_through_a_pipe(tmp_path: Path) -> None:
    script = "-A POSTROUTING -j MASQUERADE\n" * 20_000
    assert shell(f"test ! -p /dev/stdin && cat >{tmp_path}/seen", script).status == 0
    assert (tmp_path / "seen").read_text() == script


def test_a_program_that_cannot_be_run(tmp_path: Path) -> None:
    (tmp_path / "program").write_text("\0")
    (tmp_path / "program").chmod(0o755)
    with pytest.raises(KernelError, match=r"program could not be run: .*: Exec format error"):
        child.run([str(tmp_path / "program")], timeout=30)


def test_a_program_is_found_also_where_only_administrators_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(presence, "_ADMIN_FOLDERS", (str(tmp_path),))
    assert presence.find("program") is None
    (tmp_path / "program").touch(0o644)
    assert presence.find("program") is None
    (tmp_path / "program").chmod(0o755)
    assert presence.find("program") == str(tmp_path / "program")


def test_of_long_errors_the_beginning_is_kept() -> None:
    said = shell("echo first >&2; yes Error | head -c 10000000 >&2; exit 1").said
    assert said.startswith("first\nError\n")
    assert 1000 < len(said) <= child.ERROR_LIMIT


def test_a_crash_is_named() -> None:
    with pytest.raises(KernelError, match="sh was killed by SIGSEGV: oops"):
        shell("echo oops >&2; kill -SEGV $$")


@pytest.mark.parametrize("hangs", ["exec sleep 60", "exec 2>&-; exec sleep 60"])
def test_a_program_that_hangs_is_killed(hangs: str) -> None:
    started = time.monotonic()
    with pytest.raises(KernelError, match=r"sh did not end within 0\.2 s and was killed$"):
        shell(hangs, timeout=0.2)
    with pytest.raises(KernelError, match="whether the rules were applied shows when they are"):
        shell(hangs, "a script", timeout=0.2)
    assert time.monotonic() - started < 10
