"""How much one core of a generator asks, against wrk, of an nginx that says hello."""

import asyncio
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from socket import socket
from string import Template
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from msgspec import Struct

from bench.report import Result
from infra.native.machine import program
from instastream.errors import Unready
from instastream.garbage import collect_rarely
from instastream.load.jsonlines import Writer
from instastream.load.over_http.asking import Api, Person
from instastream.load.over_http.clock import Clock
from instastream.load.over_http.doing import Doer
from instastream.load.over_http.loop import do_one, run_open
from instastream.load.over_http.post_ids import PostIds
from instastream.load.over_http.wire import Web
from instastream.load.reporting.histograms import Histogram
from instastream.load.reporting.spreads import Recorder
from instastream.load.scenario.arrivals import Constant, Poisson, dues
from instastream.load.scenario.plans import Operation
from instastream.load.scenario.scenarios import Scenario

CONNECTIONS = 64
SECONDS = 4.0
ROUNDS = 3
SHARE = 0.8  # of the ceiling, at which operations have to begin in time
CONF = Template("""
daemon off; master_process off; pid $folder/pid; error_log stderr crit; worker_processes 1;
events { worker_connections 4096; }
http {
    access_log off; keepalive_requests 100000000;
    client_body_temp_path $folder; proxy_temp_path $folder; fastcgi_temp_path $folder;
    uwsgi_temp_path $folder; scgi_temp_path $folder;
    server { listen 127.0.0.1:$port; default_type application/json; return 200 '{"id":"1"}'; }
}
""")


CLOCK = Clock.started()
FOREVER_S = 1e12  # a token that is never renewed
HELLO = Scenario(
    name="hello", users=2, duration_s=SECONDS, arrivals=Constant(rate=1), mix={"read_post": 1}
)


class Greeter(Doer):
    """Each operation asks for a hello; all else is as ever: history, outcome, JSON."""

    async def _read_post(
        self, operation: Operation, person: Person, asked: dict[str, Any]
    ) -> dict[str, Any]:
        return {"post": (await self.api.call(person, "GET", "/"))["id"]}


def measure() -> list[Result]:
    """Turn by turn on one core, with nginx on another; raises Unready where there is no wrk."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise Unready("there is no wrk to measure against: install it (Debian: apt install wrk)")
    cores = sorted(os.sched_getaffinity(0))
    with _nginx(core=cores[0]) as url, TemporaryDirectory() as folder:
        os.sched_setaffinity(0, cores[1:] or cores)
        collect_rarely()
        ours, theirs = [], []
        for number in range(ROUNDS):
            theirs.append(_wrk(wrk, url))
            ours.append(uvloop.run(_ask_all(url, Path(folder) / f"{number}.jsonl")))
        ceiling = sum(one.per_s for one in ours) / ROUNDS
        late_ms = uvloop.run(_keep_time(url, Path(folder) / "open.jsonl", SHARE * ceiling))
        os.sched_setaffinity(0, cores)
    per_cpu_s = [sum(one.per_cpu_s for one in some) / ROUNDS for some in (ours, theirs)]
    return [
        Result(
            name="ops_vs_wrk",
            value=per_cpu_s[0],
            unit="1/CPU s",
            ratio=per_cpu_s[0] / per_cpu_s[1],
            against="wrk",
        ),
        Result(name="ops", value=ceiling, unit="1/s"),
        Result(name="late_p99_ms", value=late_ms, unit="ms"),
    ]


class Speed(Struct, frozen=True):
    """Requests a second, and a CPU second of what asks."""

    per_s: float
    per_cpu_s: float


async def _ask_all(url: str, history: Path) -> Speed:
    """Each connection asks again as soon as it is answered."""
    began_ms = CLOCK.now_ms()
    recorder, numbers = Recorder(began_ms), count()
    used_s = _cpu_s(RUSAGE_SELF)
    with Writer(history) as notes:
        doer, web = _greeter(url, notes)

        async def go_on() -> None:
            while (due_ms := CLOCK.now_ms()) < began_ms + SECONDS * 1e3:
                operation = Operation(next(numbers), 0.0, "read_post", 0, 0)
                await do_one(operation, doer, recorder, CLOCK, due_ms=due_ms)

        await asyncio.gather(*(go_on() for _ in range(CONNECTIONS)))
        web.close()
    done = next(numbers)
    took_s = (CLOCK.now_ms() - began_ms) / 1e3
    return Speed(done / took_s, done / (_cpu_s(RUSAGE_SELF) - used_s))


async def _keep_time(url: str, history: Path, rate: float) -> float:
    """How late operations begin at a rate: 99 % of them no later than this, in milliseconds."""
    late = Late()
    with Writer(history) as notes:
        doer, web = _greeter(url, notes)
        operations = (
            Operation(number, due_s, "read_post", 0, 0)
            for number, due_s in enumerate(
                dues(Poisson(rate=rate), duration_s=SECONDS, random=Random(1))
            )
        )
        await run_open(
            operations,
            doer,
            late,
            start_ms=CLOCK.now_ms() + 100,
            at_once=10_000,
            stopping=asyncio.Event(),
            clock=CLOCK,
        )
        web.close()
    return late.histogram.percentiles([99])[0]


class Late(Recorder):
    """Records how late operations begin, instead of how long they take."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.histogram = Histogram()

    def starts(self, kind: str, *, due_ms: float, at_ms: float) -> None:
        self.histogram.record(at_ms - due_ms)


def _greeter(url: str, notes: Writer) -> tuple[Greeter, Web]:
    web = Web()
    person = Person("greeter", "", id="1", access_token="t", until_s=FOREVER_S)
    posts = PostIds.made(notes.path.with_suffix(".posts"), 1)
    posts[0] = "1"
    return Greeter(HELLO, Api(url, web), [person], posts, notes, CLOCK), web


def _wrk(program: str, url: str) -> Speed:
    used_s = _cpu_s(RUSAGE_CHILDREN)
    command = [program, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS:g}s", url]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    per_s = float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])  # type: ignore[index]
    return Speed(per_s, per_s * SECONDS / (_cpu_s(RUSAGE_CHILDREN) - used_s))


@contextmanager
def _nginx(*, core: int) -> Iterator[str]:
    with TemporaryDirectory() as folder, socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        conf = Path(folder) / "nginx.conf"
        conf.write_text(CONF.substitute(folder=folder, port=port))
        nginx = program("edge", os.environ)
        server = subprocess.Popen([nginx, "-p", folder, "-c", conf])
        try:
            os.sched_setaffinity(server.pid, {core})
            time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


def _cpu_s(whose: int) -> float:
    usage = getrusage(whose)
    return usage.ru_utime + usage.ru_stime
