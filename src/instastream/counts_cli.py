"""`instastream counts`: recounts likes and comments, proves them against the log, repairs them."""

import asyncio
from contextlib import nullcontext
from random import SystemRandom
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number
from msgspec import Struct
from msgspec.structs import replace

from instastream import shell
from instastream.auditing.drift import Audit
from instastream.auditing.proving import Proof, Sample, prove
from instastream.auditing.recounting import audit_all, audit_post
from instastream.auditing.repairing import repair_all
from instastream.deps import Deps, open_deps
from instastream.errors import InstastreamError, Rejected
from instastream.ids import PostId, parse_post_id
from instastream.process import complete
from instastream.rebuilding.targets import alone
from instastream.settings import Settings
from instastream.terminal import Steps, drift_table, proof_table, show

SAMPLE_MAX = 10_000
SEEDS = 1 << 32

counts = App(
    name="counts",
    help="""Recount likes and comments, and repair what is wrong.

    **Example**

        instastream counts audit --repair
    """,
    help_format="markdown",
)


class Audited(Struct, frozen=True, kw_only=True):
    """What was recounted, and of some of it what the log says."""

    audit: Audit
    proof: Proof | None
    seed: int

    @property
    def wrong(self) -> int:
        """How much of what was found is wrong still."""
        differences = self.proof.differences if self.proof else []
        return self.audit.unrepaired + sum(not one.repaired for one in differences)


@counts.command
def audit(
    *,
    repair: shell.Flag = False,
    post: Annotated[str, Parameter(show_default=False)] = "",
    sample: Annotated[int, Parameter(validator=Number(gte=0, lte=SAMPLE_MAX))] = 0,
    seed: Annotated[int | None, Parameter(show_default=False)] = None,
    as_json: shell.AsJson = False,
) -> None:
    """Recount who likes what and what is said of what, and say where a counter says otherwise.

    Changes nothing without `--repair`, and disturbs nobody: what is counted meanwhile is no drift.
    Safe to repeat and to stop anywhere. Exit code 1 where something is wrong and not repaired, or
    where there is no such post.

    **Examples**

        instastream counts audit
        # one post: its likes, its comments, their replies and likes
        instastream counts audit --post 1998765432101234567
        # and a hundred posts or comments, by chance, against all events that are in the log
        instastream counts audit --sample 100 --json | jq .proof.differences

    Parameters
    ----------
    repair
        Make counters say what is there; and those of the sample, what the log says.
    post
        Only this post, by its id.
    sample
        Of so many posts and comments that were recounted, prove members and counts from the log:
        reads all of it once.
    seed
        Choose the same sample again, as an earlier run named it.
    """
    post_id = parse_post_id(post) if post else None
    chosen = Sample(sample, seed=SystemRandom().randrange(SEEDS) if seed is None else seed)
    settings = shell.settings()
    with Steps() as steps:
        done = complete(_audit(settings, steps, post_id, chosen, repair=repair))
    tables = [drift_table(done.audit), *([proof_table(done.proof)] if done.proof else [])]
    show(done, *tables, as_json=as_json)
    if done.wrong:
        advice = "see docs/operating.md" if repair else "--repair makes them right"
        raise InstastreamError(f"{done.wrong} things are wrong with counters: {advice}")


async def _audit(
    settings: Settings, steps: Steps, post_id: PostId | None, sample: Sample, *, repair: bool
) -> Audited:
    async with alone(settings) if repair else nullcontext(), open_deps(settings) as deps:
        found, proof = Audit(), None
        audits = (
            audit_post(post_id, deps, report=steps.report, seen=sample.see)
            if post_id
            else audit_all(deps, report=steps.report, seen=sample.see)
        )
        try:
            async for so_far in audits:
                found = so_far
        except asyncio.CancelledError:
            steps.say(f"{found.shards} shards were recounted, {len(found.drift)} things wrong")
            raise
        if post_id:
            await _check_there(post_id, found, deps)
        if sample.length:
            proof = await prove(sample.subjects, deps, repair=repair, report=steps.report)
        if repair:
            drift = await repair_all(found.drift, deps, report=steps.report)
            found = replace(found, drift=drift)
    return Audited(audit=found, proof=proof, seed=sample.seed)


async def _check_there(post_id: PostId, found: Audit, deps: Deps) -> None:
    """Raise Rejected where neither a post nor anything that is counted of one has this id."""
    if not (found.shards or found.drift or await deps.posts.get([post_id])):
        raise Rejected("post-not-found", f"there is no post {post_id}")
