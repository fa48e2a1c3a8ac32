"""What a system did that it must not: every rule, and what is found against it."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

PER_RULE_MAX = 100  # kept with their evidence: more of the same tell nobody more

# Broken at once: whatever comes later, this was seen.
AT_ONCE = {
    "order": "A page is not newest first.",
    "duplicate": "A post is twice in a list.",
    "limit": "A page is longer than was asked for.",
    "pages": "A page shows what does not come after the page that led to it.",
    "own-like": "A reader's own like, or that they took it back, does not show.",
    "own-post": "An author's own post is not where they look for it.",
    "private-shown": "Somebody saw a private account's post without being let in.",
    "deleted-shown": "A post was shown after it had been deleted.",
    "not-followed": "A feed shows someone whom its reader does not follow.",
    "unknown-post": "A post was shown that nobody made.",
    "poison-shown": "A hostile upload was shown to others, or became ready.",
    "too-many-likes": "A post had more likes than people had begun to like it.",
    "dead-letter": "An event that nobody poisoned was given up.",
}
# Broken where they still are after the system has come to rest.
AT_REST = {
    "lost-user": "Someone who joined can't sign in.",
    "lost-post": "An acknowledged post can't be read by its author.",
    "not-ready": "An acknowledged post never became ready, or failed.",
    "not-in-feed": "A post is missing in the feed of someone who follows its author.",
    "like-count": "A post has another number of likes than it was given.",
    "comment-count": "A post has another number of comments than were made.",
    "lag": "A worker has not done all that there is to do.",
    "lost-media": "A ready post's media are not in the object store.",
    "orphan": "An object lies in the store that no post needs, longer than it may.",
}
RULES = AT_ONCE | AT_REST
OF_SERVERS = {"dead-letter", "lag", "lost-media", "orphan"}  # no API tells
OF_POSTS = {"like-count", "comment-count", "unknown-post", "lost-media"}


class Violation(Struct, frozen=True):
    """A rule that was broken, in one sentence, and what shows it."""

    rule: str  # a slug of RULES
    said: str
    evidence: dict[str, Any]


def violation(rule: str, **evidence: Any) -> Violation:
    """One of a rule."""
    return Violation(rule, RULES[rule], evidence)


class Found:
    """Violations as they are found: of each rule the first, and how many more there were."""

    def __init__(self, per_rule_max: int = PER_RULE_MAX) -> None:
        self._per_rule_max = per_rule_max
        self._by_rule: dict[str, list[Violation]] = {}
        self._more: dict[str, int] = {}
        self._told: set[tuple[str, str]] = set()

    def add(self, violations: Iterable[Violation]) -> None:
        """These, too; what is wrong with a post for everybody is told once."""
        for one in violations:
            about = (one.rule, str(one.evidence.get("post")))
            if one.rule in OF_POSTS and about in self._told:
                continue
            self._told.add(about)
            of_rule = self._by_rule.setdefault(one.rule, [])
            if len(of_rule) < self._per_rule_max:
                of_rule.append(one)
            else:
                self._more[one.rule] = self._more.get(one.rule, 0) + 1

    def all(self) -> list[Violation]:
        """In the order of RULES; the last one kept of a rule tells how many `more` there were."""
        return [one for rule in RULES if rule in self._by_rule for one in self._of(rule)]

    def _of(self, rule: str) -> list[Violation]:
        kept = self._by_rule[rule]
        if rule not in self._more:
            return kept
        last = kept[-1]
        return [*kept[:-1], replace(last, evidence={**last.evidence, "more": self._more[rule]})]
