"""What a confined process can and cannot do, asked of one."""

import subprocess
import sys
from pathlib import Path

import pytest

ASK = """
import ctypes, os, sys
from pathlib import Path
from local.confinement import confine

open_before = open({closed!r})
assert confine([Path(sys.prefix), Path(sys.base_prefix), Path({checkout!r}), Path({opened!r})])
try:
    {ask}
except PermissionError:
    print("refused")
else:
    print("done")
"""
CHECKOUT = Path(__file__).parents[2]
CASES = {
    "open('{opened}/file').read()": "done",
    "os.listdir('{opened}')": "done",
    "open('{closed}').read()": "refused",
    "os.listdir('{folder}')": "refused",
    "open_before.read()": "done",
    "open('{opened}/new', 'w')": "refused",
    "os.truncate('{opened}/file', 0)": "refused",
    "os.unlink('{opened}/file')": "refused",
    "os.rename('{closed}', '{opened}/moved')": "refused",
    "os.symlink('{closed}', '{opened}/link')": "refused",
    "open('/proc/{parent}/mem', 'rb')": "refused",
    "open('/proc/{parent}/environ', 'rb').read()": "refused",
    "import subprocess; subprocess.check_call([sys.executable, '-c', 'pass'])": "done",
    "import subprocess; subprocess.check_call([sys.executable, '-c', 'open(\"{closed}\")'])": (
        "CalledProcessError"
    ),
    "import xml.dom.minidom, colorsys": "done",
}


@pytest.mark.parametrize("ask", CASES)
def test_what_is_left(tmp_path: Path, ask: str) -> None:
    opened = tmp_path / "opened"
    opened.mkdir()
    (opened / "file").write_text("x")
    (tmp_path / "closed").write_text("x")
    with subprocess.Popen(["sleep", "60"]) as parent:
        try:
            names = {
                "opened": str(opened),
                "closed": str(tmp_path / "closed"),
                "folder": str(tmp_path),
                "parent": parent.pid,
            }
            program = ASK.format(checkout=str(CHECKOUT), ask=ask.format(**names), **names)
            done = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, text=True, check=False
            )
        finally:
            parent.kill()
    wanted = CASES[ask]
    assert wanted in (done.stdout if wanted in ("done", "refused") else done.stderr), done.stderr
