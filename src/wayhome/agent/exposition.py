"""Prometheus' text format, written by hand: prometheus_client would cost the agent 5 MiB and bring the ssl module.

Source: prometheus.io, "Exposition formats", version 0.0.4; the tests read what is written here with prometheus_client.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


@dataclass(frozen=True, slots=True)
class Sample:
    """One value; `suffix` is what a histogram appends to its name."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric with its samples. `kind` is counter, gauge or histogram; a counter's name ends with _total."""

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]


def gauge(name: str, text: str, value: float, labels: Mapping[str, str] | None = None) -> Metric:
    """One number of this moment."""
    return Metric(name, "gauge", text, (Sample(value, labels or {}),))


def counter(name: str, text: str, value: float) -> Metric:
    """One number that only grows."""
    return Metric(name, "counter", text, (Sample(value),))


def counters(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    """Several of one name, told apart by a label."""
    samples = tuple(Sample(count, {label: key}) for key, count in sorted(counts.items()))
    return Metric(name, "counter", text, samples)


def exposition(metrics: Iterable[Metric]) -> str:
    """The text that a scraper reads."""
    lines: list[str] = []
    for metric in metrics:
        lines.append(f"# HELP {metric.name} {_escaped_help(metric.help)}")
        lines.append(f"# TYPE {metric.name} {metric.kind}")
        lines += [_line(metric.name, sample) for sample in metric.samples]
    return "\n".join(lines) + "\n"


def _line(name: str, sample: Sample) -> str:
    labels = ",".join(f'{key}="{text.translate(_ESCAPES)}"' for key, text in sample.labels.items())
    value = sample.value
    number = str(int(value)) if float(value).is_integer() else repr(float(value))
    return f"{name}{sample.suffix}{'{' + labels + '}' if labels else ''} {number}"


def _escaped_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


class Histogram:
    """Counts observations by upper bounds, which are cumulative as Prometheus wants them."""

    def __init__(self, *bounds: float) -> None:
        self._bounds = bounds
        self._counts = [0] * len(bounds)
        self._count = 0
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one."""
        self._count += 1
        self._sum += value
        for index, bound in enumerate(self._bounds):
            self._counts[index] += value <= bound

    def samples(self) -> tuple[Sample, ...]:
        """Buckets, sum and count."""
        bounds = [f"{bound:g}" for bound in self._bounds]
        buckets = zip([*bounds, "+Inf"], [*self._counts, self._count], strict=True)
        return (
            *(Sample(count, {"le": bound}, "_bucket") for bound, count in buckets),
            Sample(self._sum, suffix="_sum"),
            Sample(self._count, suffix="_count"),
        )
