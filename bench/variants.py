"""CPU of making every variant of photographs: ours against others' and the floor, in one run.

All make the same three WebP files with the same quality, effort and a single thread; how much each
looks like the photograph (SSIM) and how large it is stands beside its figure.

    python -m bench.variants [FOLDER]    # of photographs; without one, those of the demo
"""

import sys
from importlib.resources import files
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory

from msgspec import Struct, field
from rich.console import Console

from bench.command import command
from bench.report import Result, report
from bench.rivals.likeness import likeness
from bench.rivals.starting import Missing, Process, Rival, rivals
from instastream.media import VARIANTS

ROUNDS = 7
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
MEMORY = "/dev/shm"  # so that no disk is measured


class Measured(Struct):
    """All that is known of one rival, in the order of photographs."""

    name: str
    cpu_s: dict[str, list[float]] = field(default_factory=dict)
    likeness: dict[str, float] = field(default_factory=dict)
    size_bytes: int = 0
    peak_mb: float = 0.0

    def total_s(self, at: int) -> float:
        """CPU of all photographs in one round."""
        return sum(times[at] for times in self.cpu_s.values())

    def median_s(self) -> float:
        """CPU of all photographs, each at its median."""
        return sum(median(times) for times in self.cpu_s.values())


def main() -> None:
    """Measure, print, write `bench/out/variants.json`."""
    asked = command(__doc__)
    default = Path(str(files("instastream.photos")))
    asked.add_argument("folder", nargs="?", type=Path, default=default, help="of photographs")
    photos = _photos(asked.parse_args().folder)
    with TemporaryDirectory(dir=MEMORY) as folder:
        found = list(rivals(Path(folder)))
        measured = _measure([one for one in found if isinstance(one, Rival)], photos, Path(folder))
    report("variants", _results(measured, photos))
    for one in found:
        if isinstance(one, Missing):
            Console().print(f"{one.name} is not on this machine: {one.remedy}.")


def _photos(folder: Path) -> list[Path]:
    if not folder.is_dir():
        sys.exit(f"There is no folder {folder}.")
    found = sorted(path.absolute() for path in folder.iterdir() if path.suffix in SUFFIXES)
    if not found:
        sys.exit(f"There are no photographs in {folder}.")
    return found


def _measure(present: list[Rival], photos: list[Path], scratch: Path) -> list[Measured]:
    """Taking turns at each photograph, so that a slow moment hits all."""
    processes = {rival.name: Process(rival) for rival in present}
    measured = {name: Measured(name) for name in processes}
    for photo in photos:
        for at in range(1 + ROUNDS):
            for name, process in processes.items():
                cpu_s = process.render(photo, scratch / name / photo.name)
                if at:  # the first loads libraries
                    measured[name].cpu_s.setdefault(photo.name, []).append(cpu_s)
    for name, process in processes.items():
        measured[name].peak_mb = process.end()
        _judge(measured[name], photos, scratch / name)
    return list(measured.values())


def _judge(measured: Measured, photos: list[Path], folder: Path) -> None:
    for spec in VARIANTS:
        made = {photo: folder / photo.name / f"{spec.name}.webp" for photo in photos}
        measured.likeness[spec.name] = fmean(likeness(photo, made[photo]) for photo in photos)
        measured.size_bytes += sum(path.stat().st_size for path in made.values())


def _results(measured: list[Measured], photos: list[Path]) -> list[Result]:
    ours, *others = measured
    return [
        *(_photo(ours, others, photo.name) for photo in photos),
        *(result for one in measured for result in _described(one, len(photos))),
        *(_compared(ours, other) for other in others),
    ]


def _photo(ours: Measured, others: list[Measured], name: str) -> Result:
    """One photograph, against the best of those that do the whole job."""
    times = {one.name: median(one.cpu_s[name]) for one in others if one.name != "floor"}
    best = min(times, key=times.__getitem__)
    own = median(ours.cpu_s[name])
    value, ratio = 1_000 * own, times[best] / own
    return Result(name=name, value=value, unit="CPU ms", ratio=ratio, against=best)


def _described(one: Measured, count: int) -> list[Result]:
    values = {
        "CPU ms/photo": 1_000 * one.median_s() / count,
        "kB/photo": one.size_bytes / 1_000 / count,
        **{f"SSIM of {name}": value for name, value in one.likeness.items()},
    }
    if one.name != "floor":  # it holds every photograph scaled
        values["MB at most"] = one.peak_mb
    return [Result(name=one.name, value=value, unit=unit) for unit, value in values.items()]


def _compared(ours: Measured, other: Measured) -> Result:
    """How many times as many variants per CPU second, and within what the rounds lie."""
    ratios = sorted(other.total_s(at) / ours.total_s(at) for at in range(ROUNDS))
    name = "vs_" + other.name.lower().replace("-", "_")
    return Result(
        name=name,
        value=ratios[-1] - ratios[0],
        unit="spread",
        ratio=other.median_s() / ours.median_s(),
        against=other.name,
    )


if __name__ == "__main__":
    main()
