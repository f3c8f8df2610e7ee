"""Child processes: what of their output is kept. How they fail is shown with nft, in test_nft."""

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from wayhome.kernel import KernelError, child


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
    assert child.find(program.name) is None
    program.write_text("#!/bin/sh\n")
    assert child.find(program.name) is None
    program.chmod(0o755)
    assert child.find(program.name) == str(program)
    program.unlink()
    program.mkdir()
    assert child.find(program.name) is None


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
