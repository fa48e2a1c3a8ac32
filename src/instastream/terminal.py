"""What people see: progress on long work, and tables; colours only on a terminal."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Self

import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from infra.native.stack import Status
from instastream.auditing.drift import Audit
from instastream.auditing.proving import Proof
from instastream.demo import Summary
from instastream.reading import explaining
from instastream.reading.rebuilding import Renewal
from instastream.reclaim import Verdict

LISTS_SHOWN = 20
DRIFT_SHOWN = 50
PIPE_COLUMNS = 400  # nothing is cut where nobody's screen ends
BYTES_FROM = 10_000  # a step of more than this many is counted in bytes


class Steps:
    """Long work as a list of steps: live bars on a terminal, a line per finished step elsewhere.

    Everything goes to standard error, so that standard output stays for machines. Steps of
    `events` are told in these, and how long they will take.
    """

    def __init__(self, *, events: bool = False) -> None:
        self.console = Console(stderr=True)
        counts = (MofNCompleteColumn(), TimeRemainingColumn()) if events else (CountColumn(),)
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            *counts,
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def abandon(self) -> None:
        """Show no longer what has not come to its end, and won't."""
        for task in self._progress.tasks:
            self._progress.update(task.id, visible=task.finished)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While something else has the screen."""
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()

    def say(self, text: str) -> None:
        """A sentence among the steps."""
        self.console.print(text, highlight=False)

    def report(self, step: str, done: int, total: int) -> None:
        """`done` of `total` of a step; the first call with a new name begins it."""
        if step not in self._tasks:
            self._tasks[step] = self._progress.add_task(step, total=total)
        task = self._progress.tasks[self._tasks[step]]
        finishes = done >= total and not task.finished
        self._progress.update(task.id, completed=done, total=total)
        if finishes and not self.console.is_terminal:
            self.console.print(f"{step}: done in {task.elapsed or 0:.1f} s", highlight=False)


class CountColumn(ProgressColumn):
    """`3/12`, or megabytes."""

    _counts = MofNCompleteColumn()

    def render(self, task: Task) -> Text:
        if (task.total or 0) < BYTES_FROM:
            return self._counts.render(task)
        return Text(f"{task.completed / 1e6:.0f}/{(task.total or 0) / 1e6:.0f} MB")


def show(document: object, *tables: Table, as_json: bool) -> None:
    """The same for machines or for people."""
    if as_json:
        print_line(json.dumps(msgspec.to_builtins(document), indent=2))
        return
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_COLUMNS
    with console.capture() as captured:
        console.print(*tables, sep="\n")
    for line in captured.get().splitlines():
        print_line(line.rstrip())  # titles are padded


def print_line(line: str) -> None:
    """To standard output."""
    sys.stdout.write(line + "\n")


def demo_tables(summary: Summary) -> list[Table]:
    """What the demo did, in tables that fit 80 columns."""
    stages = Table(title="Posts: milliseconds after finalize", title_justify="left")
    variants = Table(
        title="Variants as the edge serves them: pixels and kilobytes", title_justify="left"
    )
    videos = Table(title="Videos: what a player may choose", title_justify="left")
    feeds = Table(title="Feeds: what each reader saw, newest first", title_justify="left")
    _add_columns(stages, "post", "by", "rendered", "ready", "visible", "edge", "likes")
    _add_columns(variants, "post", "uploaded", "thumb", "feed", "full")
    _add_columns(videos, "post", "seconds", "rungs")
    for one in summary.posts:
        times = (str(ms or "") for ms in (one.rendered_ms, one.ready_ms, one.visible_ms))
        likes = str(one.post.get("like_count", ""))
        stages.add_row(one.name, one.author, *times, ", ".join(one.edge), likes)
        images = one.post["media"][0]["images"]
        sizes = (_variant(images[name]) for name in ("thumb", "feed", "full"))
        variants.add_row(one.name, f"{one.uploaded_bytes / 1000:.0f}", *sizes)
        if video := one.post["media"][0]["video"]:
            rungs = (f"{rung['width']}x{rung['height']}" for rung in video["rungs"])
            videos.add_row(one.name, f"{video['duration_ms'] / 1000:.1f}", ", ".join(rungs))
    _add_columns(feeds, "reader", "posts")
    for feed in summary.feeds:
        feeds.add_row(feed.reader, ", ".join(feed.names))
    return [stages, variants, videos, feeds]


def _add_columns(table: Table, *headings: str) -> None:
    """Words to the left, numbers to the right."""
    for heading in headings:
        words = heading in ("post", "posts", "by", "edge", "reader", "rungs")
        table.add_column(heading, justify="left" if words else "right")


def _variant(variant: dict[str, int]) -> str:
    return f"{variant['width']}x{variant['height']} {variant['bytes'] / 1000:>3.0f}"


def urls_table(environ: Mapping[str, str]) -> Table:
    """Where everything answers."""
    table = Table("what", "where", title="Running on this machine", title_justify="left")
    for name in ("API", "EDGE", "S3", "KAFKA", "CASSANDRA", "REDIS"):
        table.add_row(name.lower(), environ[f"INSTASTREAM_{name}"])
    return table


def status_table(rows: list[Status]) -> Table:
    """What runs, where, and how much memory it takes."""
    table = Table("name", "state", "pid", Column("where", overflow="fold"), "memory")
    for row in rows:
        memory = f"{row.rss_bytes / 1e6:.0f} MB" if row.rss_bytes else ""
        table.add_row(row.name, row.state, str(row.pid or ""), row.url, memory)
    total = sum(row.rss_bytes for row in rows)
    table.caption = f"{total / 1e6:.0f} MB in all; a worker's address is that of its metrics"
    return table


def verdicts_table(verdicts: list[Verdict], *, dry_run: bool) -> Table:
    """What was due, and why it went or stays."""
    table = Table("original", "posts", Column("objects", justify="right"), title_justify="left")
    table.add_column("kilobytes", justify="right")
    for one in verdicts:
        kilobytes = f"{one.size_bytes / 1000:.0f}"
        why = (one.why, "", "") if one.needed else ("none", str(one.objects), kilobytes)
        table.add_row(one.root, *why)
    gone = sum(one.size_bytes for one in verdicts)
    table.title = "Would be reclaimed" if dry_run else "Reclaimed"
    table.caption = f"{gone / 1e6:.1f} MB of {len(verdicts)} originals that were due"
    return table


def renewal_table(renewal: Renewal, *, dry_run: bool) -> Table:
    """Which lists are others now, or would be."""
    table = Table("reader", title_justify="left")
    for heading in ("length", "missing", "too many"):
        table.add_column(heading, justify="right")
    for one in renewal.changed[:LISTS_SHOWN]:
        counts = (one.length, len(one.missing), len(one.unwanted))
        table.add_row(one.user_id, *map(str, counts))
    if len(renewal.changed) > LISTS_SHOWN:
        table.add_row(f"and {len(renewal.changed) - LISTS_SHOWN} more", "", "", "")
    table.title = "Lists that would change" if dry_run else "Lists that changed"
    table.caption = f"{len(renewal.changed)} of {renewal.lists} lists"
    if renewal.left:
        table.caption += f"; {renewal.left} were made by others meanwhile"
    return table


def why_table(verdict: explaining.Verdict) -> Table:
    """Why a post is in a feed or is not."""
    table = Table(show_header=False, title_justify="left")
    table.title = "In the feed" if verdict.in_feed else "Not in the feed"
    table.add_row(verdict.kind, verdict.why)
    if event := verdict.event:
        at = datetime.fromtimestamp(event.at_ms / 1000, UTC).isoformat(timespec="seconds")
        place = f"{event.topic}, partition {event.partition}, offset {event.offset}"
        table.add_row("decided by", f"{event.type} at {at}: {place}")
    return table


def drift_table(audit: Audit) -> Table:
    """What counters say, and what they are."""
    table = Table("of", "subject", title="Drift", title_justify="left")
    for heading in ("shard", "what", "says", "is", "repaired"):
        table.add_column(heading, justify="right" if heading in ("says", "is") else "left")
    for one in audit.drift[:DRIFT_SHOWN]:
        shard = "all" if one.shard is None else str(one.shard)
        numbers = (str(one.says), str(one.is_), _yes(one.repaired))
        table.add_row(one.kind, one.subject_id, shard, one.what, *numbers)
    if len(audit.drift) > DRIFT_SHOWN:
        table.add_row("", f"and {len(audit.drift) - DRIFT_SHOWN} more")
    table.caption = f"{audit.shards} shards, {audit.members} members recounted"
    if audit.busy:
        table.caption += f"; {audit.busy} shards changed each time they were read"
    return table


def proof_table(proof: Proof) -> Table:
    """What counters say, and what the log says."""
    table = Table("of", "subject", title="Against the log", title_justify="left")
    for heading in ("shard", "what", "says", "is", "decided by", "repaired"):
        table.add_column(heading, justify="right" if heading in ("says", "is") else "left")
    for one in proof.differences[:DRIFT_SHOWN]:
        by = "" if one.topic is None else f"{one.topic} {one.partition}: {one.offset}"
        numbers = ("never" if n is None else str(n) for n in (one.says, one.is_))
        what = one.member or one.what
        table.add_row(
            one.kind, one.subject_id, str(one.shard), what, *numbers, by, _yes(one.repaired)
        )
    if len(proof.differences) > DRIFT_SHOWN:
        table.add_row("", f"and {len(proof.differences) - DRIFT_SHOWN} more")
    table.caption = f"{proof.subjects} subjects, {proof.members} members, {proof.events} events"
    if proof.left_out:
        table.caption += f"; too large, or busy: {', '.join(proof.left_out)}"
    return table


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"
