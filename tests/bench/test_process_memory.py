import os
import subprocess
import sys

from bench import process_memory


def test_the_memory_of_a_process_is_that_of_its_children_too():
    code = "import sys; held = b'x' * 50_000_000; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        tree = list(process_memory.tree(os.getpid(), process_memory.children()))
        assert tree[0] == os.getpid() and child.pid in tree
        assert process_memory.pss_kib(child.pid) > 48_000
        child.stdin.close()


def test_who_is_gone_has_none():
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pass
    assert process_memory.pss_kib(child.pid) == 0
