"""What projects use, by month."""

from datetime import date
from uuid import uuid4

from automation import projects, usage
from automation.reconcilers.usage import REQUESTS_KEPT, read_gateway_run, read_requests
from automation.registry import usage as rows
from contracts.projects import ProjectCreate
from tests.automation.conftest import TESTER

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


def test_requests_are_what_a_counter_grew_by(ctx):
    ref = projects.create(ctx, TESTER, ProjectCreate(name="shop")).project.ref

    def used(month):
        return {each.metric: each.value for each in rows.of_project(conn, ref, month)}

    def count(month, counters, run="1"):
        found = {(ref, key): counter for key, counter in counters.items()}
        return {key for _, key in rows.count_requests(conn, month, found, gateway_run=run)}

    with ctx.transaction() as conn:
        assert count(OCTOBER, {"": 0}) == set()
        assert used(OCTOBER) == {"api_requests": 0}
        for counter, grown in ((10, {""}), (10, set()), (25, {""})):
            assert count(OCTOBER, {"": counter}) == grown
        assert used(OCTOBER) == {"api_requests": 25}
        assert count(NOVEMBER, {"": 25, "api-1": 5}) == {"api-1"}
        assert used(NOVEMBER) == {"api_requests": 5}
        assert count(NOVEMBER, {"": 4, "api-1": 5}) == {""}  # what it counts was made anew
        assert used(NOVEMBER) == {"api_requests": 9}
        assert count(NOVEMBER, {"api-2": 1}) == {"api-2"}  # of older ones it tells no more
        assert count(NOVEMBER, {"": 4, "api-1": 5, "api-2": 1}) == set()
        # The gateway was started anew, and was asked as often as when it was looked at last.
        assert count(NOVEMBER, {"": 4, "api-2": 1}, run="2") == {"", "api-2"}
        assert used(NOVEMBER) == {"api_requests": 15}
        assert used(OCTOBER) == {"api_requests": 25}
        assert rows.requests_ever(conn, ref) == 40
        assert rows.count_requests(conn, NOVEMBER, {}, gateway_run="3") == set()


def test_requests_of_the_last_minutes_days_and_weeks(ctx):
    ref, other = (
        projects.create(ctx, TESTER, ProjectCreate(name=name)).project.ref
        for name in ("shop", "blog")
    )
    with ctx.transaction() as conn:
        for both in ((12, 5), (12, 6)):  # nothing new, and one
            counters = {(ref, ""): both[0], (other, "api-1"): both[1]}
            rows.count_requests(conn, OCTOBER, counters, gateway_run="1")
        conn.execute(
            "INSERT INTO project_requests (project_ref, at, requests)"
            " VALUES (%(ref)s, now() - interval '2 days', 30),"
            "        (%(ref)s, now() - interval '9 days', 400)",
            {"ref": ref},
        )
        (now,) = conn.execute("SELECT now()").fetchone()
    for interval, expected in {"15min": 12, "1hr": 12, "1day": 12, "3day": 42, "7day": 42}.items():
        found = usage.api_counts(ctx, ref, interval)
        assert sum(each.total_rest_requests for each in found) == expected, interval
        window, step = usage.INTERVALS[interval]
        moments = [each.timestamp for each in found]
        assert moments == [moments[0] + n * step for n in range(len(moments))]
        assert moments[0] > now - window and len(moments) <= window / step + 1
    with ctx.transaction() as conn:
        rows.forget_requests(conn, REQUESTS_KEPT)
        left = conn.execute("SELECT sum(requests) FROM project_requests").fetchone()
        assert left == (12 + 30 + 6,)


def test_the_metrics_of_the_gateway_are_summed_by_project_and_key():
    a, b, id = "a" * 20, "b" * 20, str(uuid4())
    text = f"""\
# HELP traefik_service_requests_total How many HTTP requests
traefik_service_requests_total{{code="200",method="GET",protocol="http",service="{a}@file"}} 12
traefik_service_requests_total{{code="401",method="POST",protocol="http",service="{a}@file"}} 3
traefik_service_requests_total{{code="200",method="GET",protocol="http",service="{a}-api-1@file"}} 4
traefik_service_requests_total{{code="404",method="GET",protocol="http",service="{a}-api-1@file"}} 1
traefik_service_requests_total{{code="200",method="GET",protocol="http",service="{a}-{id}@file"}} 6
traefik_service_requests_total{{code="200",method="GET",protocol="http",service="{a}-probe@file"}} 8
traefik_service_requests_total{{code="200",method="GET",protocol="http",service="{b}@file"}} 1e+06
traefik_service_requests_total{{code="200",method="GET",protocol="http",service="ping@internal"}} 7
traefik_service_requests_total{{code="401",method="GET",service="{a}-refused@file"}} 5
traefik_service_request_duration_seconds_count{{code="200",service="{a}@file"}} 99
"""
    assert read_requests(text) == {
        (a, ""): 15,
        (a, "api-1"): 5,
        (a, id): 6,
        (b, ""): 1_000_000,
    }
    assert read_gateway_run(text) == ""
    started = "process_start_time_seconds 1.79544e+09"
    assert read_gateway_run(f"# HELP process_start_time_seconds x\n{started}\n") == "1.79544e+09"
