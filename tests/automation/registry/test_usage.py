"""What projects use, by month."""

from datetime import date

from automation import projects, usage
from automation.reconcilers.usage import REQUESTS_KEPT, read_requests
from automation.registry import usage as rows
from contracts.projects import ProjectCreate
from tests.automation.conftest import TESTER

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


def test_requests_are_what_a_counter_grew_by(ctx):
    ref = projects.create(ctx, TESTER, ProjectCreate(name="shop")).project.ref

    def used(month):
        return {each.metric: each.value for each in rows.of_project(conn, ref, month)}

    with ctx.transaction() as conn:
        for counter in (10, 10, 25):
            rows.count(conn, "api_requests", OCTOBER, {ref: counter})
        assert used(OCTOBER) == {"api_requests": 25}
        rows.count(conn, "api_requests", NOVEMBER, {ref: 30})
        assert used(NOVEMBER) == {"api_requests": 5}
        rows.count(conn, "api_requests", NOVEMBER, {ref: 4})  # the gateway was started anew
        assert used(NOVEMBER) == {"api_requests": 9}
        assert used(OCTOBER) == {"api_requests": 25}
        assert rows.requests_ever(conn, ref) == 34


def test_requests_of_the_last_minutes_days_and_weeks(ctx):
    ref, other = (
        projects.create(ctx, TESTER, ProjectCreate(name=name)).project.ref
        for name in ("shop", "blog")
    )
    with ctx.transaction() as conn:
        rows.count(conn, "api_requests", OCTOBER, {ref: 12, other: 5})
        rows.count(conn, "api_requests", OCTOBER, {ref: 12, other: 6})  # nothing new, and one
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


def test_the_metrics_of_the_gateway_are_summed_by_project():
    a, b = "a" * 20, "b" * 20
    text = f"""\
# HELP traefik_service_requests_total How many HTTP requests
traefik_service_requests_total{{code="200",method="GET",protocol="http",service="{a}@file"}} 12
traefik_service_requests_total{{code="401",method="POST",protocol="http",service="{a}@file"}} 3
traefik_service_requests_total{{code="200",method="GET",protocol="http",service="{b}@file"}} 1e+06
traefik_service_requests_total{{code="200",method="GET",protocol="http",service="ping@internal"}} 7
traefik_service_requests_total{{code="401",method="GET",service="{a}-refused@file"}} 5
traefik_service_request_duration_seconds_count{{code="200",service="{a}@file"}} 99
"""
    assert read_requests(text) == {a: 15, b: 1_000_000}
