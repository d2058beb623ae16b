"""Both backends keep the same promises."""

import signal
import subprocess
import sys
import threading

import pytest

from engine.backends import HeldElsewhere, open_bucket
from engine.errors import BackendError, UsageError


@pytest.fixture(params=["file", "postgres"])
def url(request, tmp_path):
    if request.param == "file":
        return f"file://{tmp_path}"
    server = request.getfixturevalue("postgres_server")
    return server.url(server.new_database()) + "?sslmode=disable&table=Some_State"


def test_values_are_replaced_copied_listed_and_deleted(opened):
    bucket = opened()
    assert bucket.get(".pulumi/a/b") is None
    bucket.put(".pulumi/a/b", b"one")
    bucket.put(".pulumi/a/b", b"\x00\xff two")
    bucket.put(".pulumi/a_c", b"")
    bucket.put(".pulumi/axc", b"3")
    bucket.copy(".pulumi/a/b", ".pulumi/a/copy")
    bucket.copy(".pulumi/missing", ".pulumi/a/nothing")
    other = opened()
    assert other.get(".pulumi/a/b") == other.get(".pulumi/a/copy") == b"\x00\xff two"
    assert other.get(".pulumi/a_c") == b""
    # `_` is a letter, not a wildcard.
    assert other.keys(".pulumi/a_") == [".pulumi/a_c"]
    assert other.keys(".pulumi/a/") == [".pulumi/a/b", ".pulumi/a/copy"]
    assert other.keys(".pulumi/none/") == []
    bucket.delete(".pulumi/a/b")
    bucket.delete(".pulumi/a/b")
    assert other.get(".pulumi/a/b") is None


def test_a_value_that_is_replaced_can_be_kept(opened):
    bucket = opened()
    for value, kept in ((b"one", None), (b"two", b"one"), (b"three", b"two")):
        bucket.put(".pulumi/a/b", value, keep=".pulumi/a/b.bak")
        assert opened().get(".pulumi/a/b") == value
        assert opened().get(".pulumi/a/b.bak") == kept
    bucket.put(".pulumi/a/b.bak", b"other")
    assert bucket.get(".pulumi/a/b") == b"three"
    assert bucket.keys("") == [".pulumi/a/b", ".pulumi/a/b.bak"]


def test_a_name_is_held_once_even_within_a_process(opened):
    one, two = opened(), opened()
    with one.hold("p/s"):
        with pytest.raises(HeldElsewhere), two.hold("p/s"):
            pass
        with pytest.raises(HeldElsewhere), one.hold("p/s"):
            pass
        with two.hold("p/other"):
            pass
        two.put("k", b"v")  # holding keeps nobody from reading and writing other things
    with two.hold("p/s"):
        pass


def test_a_name_is_free_again_after_a_failure_inside(opened):
    bucket = opened()
    with pytest.raises(ZeroDivisionError), bucket.hold("p/s"):
        raise ZeroDivisionError
    with opened().hold("p/s"):
        pass


def test_a_killed_holder_lets_go(opened, url, tmp_path):
    program = (
        "import sys, time, pathlib\n"
        "from engine.backends import open_bucket\n"
        "with open_bucket(sys.argv[1], pathlib.Path('.')).hold('p/s'):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(HeldElsewhere), opened().hold("p/s"):
            pass
        holder.send_signal(signal.SIGKILL)
    finally:
        holder.kill()
        holder.communicate()
    _eventually_held(opened())


def _eventually_held(bucket, attempts_max=50):
    """PostgreSQL takes a moment to notice a closed socket."""
    for attempt in range(attempts_max):
        try:
            with bucket.hold("p/s"):
                return
        except HeldElsewhere:
            if attempt == attempts_max - 1:
                raise
            threading.Event().wait(0.1)


def test_many_opening_a_new_store_at_once(opened, url, tmp_path):
    errors = []

    def work(number):
        try:
            bucket = open_bucket(url, tmp_path)
            bucket.put(f"k/{number}", b"x")
            bucket.close()
        except BackendError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(opened().keys("k/")) == 12


def test_unknown_schemes_are_refused(tmp_path):
    with pytest.raises(UsageError, match="s3"):
        open_bucket("s3://bucket", tmp_path)
