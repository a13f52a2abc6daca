"""A run, or several, as one HTML page that needs nothing else: no network, no fonts, no other file."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
import yaml
from markupsafe import Markup

from assent.evaluation import feedback_view, numbers, reference_view, safety_view, wording
from assent.evaluation.curves import stage_charts
from assent.evaluation.graph import laid_out
from assent.evaluation.names import names
from assent.evaluation.overlay import (
    differing_settings,
    final_numbers,
    groups,
    headline,
    overlays,
    run_labels,
)
from assent.evaluation.reward_view import views
from assent.evaluation.run_record import RunRecord, StageRecord
from assent.evaluation.side_by_side import cards
from assent.evaluation.verdict import (
    blocked,
    caveats,
    duels,
    missing_evaluation,
    policies,
    roles,
    tiles,
    verdict,
)

__all__ = ["RunRecord", "StageRecord", "render", "render_comparison"]

KINDS = ("policy", "reward", "finetune", "pretrain")  # the stages with curves, as a reader wants to see them


def render(record: RunRecord) -> str:
    """The report of one run. What the run did not produce is named with the reason; nothing is made up."""
    before, after = roles(record)
    charts: list[dict[str, Any]] = []
    return _page(
        "report.html.j2",
        charts,
        record=record,
        verdict=verdict(record),
        caveats=caveats(record),
        tiles=tiles(record),
        duels=duels(record),
        before=before,
        after=after,
        tuned=any(stage.kind == "policy" for stage in record.stages),
        graph=laid_out(record.stages),
        curves=_numbered(record, charts),
        feedback=feedback_view.views(record),
        rewards=views(record),
        references=reference_view.view(record),
        safety=safety_view.view(record),
        names=names(record),
        cards=cards(record.answers, before, after),
        policies=policies(record),
        policy_rows=_policy_rows(record),
        why_no_evaluation=missing_evaluation(record),
        blocked=blocked(record),
        settings={stage.name: _as_yaml(stage.settings) for stage in record.stages},
    )


def render_comparison(records: list[RunRecord]) -> str:
    """Several runs on one page: curves overlaid, mean and spread where steps coincide, final numbers."""
    labels = run_labels(records)
    together = groups(records, labels)
    charts: list[dict[str, Any]] = []
    curves = []
    for stage, first, more in sorted(overlays(records, labels, together), key=lambda found: _order(found[0])):
        curves.append((stage, _added(charts, first), _added(charts, more)))
    return _page(
        "comparison.html.j2",
        charts,
        records=records,
        labels=labels,
        groups=together,
        headline=headline(records, together),
        verdicts=[verdict(record) for record in records],
        duels=[next(iter(duels(record)), None) for record in records],
        curves=curves,
        rows=final_numbers(records, together),
        differing=differing_settings(records),
    )


def _page(template: str, charts: Sequence[Mapping[str, Any]], **values: Any) -> str:
    folder = files("assent.evaluation") / "templates"
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("assent.evaluation"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        name: getattr(numbers, name)
        for name in ("number", "percent", "duration", "megabytes", "signed", "change")
    }
    environment.globals |= {"interval": numbers.interval, "finite": numbers.finite, "span": numbers.span}
    return environment.get_template(template).render(
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        style_hash=_hash(style),
        script_hash=_hash(script),
        charts=_embedded(charts),
        glossary=wording.GLOSSARY,
        baselines=wording.BASELINES,
        **values,
    )


def _hash(text: str) -> str:
    """The source by which a content security policy allows exactly this text to run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _embedded(value: Any) -> Markup:
    """JSON that cannot end its script element, since `<` is written as an escape."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704


def _order(stage: StageRecord) -> int:
    return KINDS.index(stage.kind) if stage.kind in KINDS else len(KINDS)


def _added(charts: list[dict[str, Any]], found: Sequence[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Charts with their places in the page's list, to which they are added."""
    start = len(charts)
    charts.extend(found)
    return list(enumerate(found, start=start))


def _numbered(record: RunRecord, charts: list[dict[str, Any]]) -> list[tuple[StageRecord, Any, Any]]:
    """The stages that have curves, or should have, with their charts."""
    shown = [stage for stage in record.stages if stage.metrics or stage.kind in KINDS]
    result = []
    for stage in sorted(shown, key=_order):
        first, more = stage_charts(stage)
        result.append((stage, _added(charts, first), _added(charts, more)))
    return result


def _policy_rows(record: RunRecord) -> list[tuple[wording.Wording, list[Any]]]:
    """The policies' numbers: known ones first, then the others by name."""
    table = policies(record)
    names = {key for row in table.values() for key in row}
    known = [key for key in wording.POLICY_NUMBERS if key in names]
    return [
        (wording.policy_number(key), [row.get(key) for row in table.values()])
        for key in (*known, *sorted(names - set(known)))
    ]


def _as_yaml(settings: Mapping[str, Any]) -> str:
    plain = json.loads(json.dumps(settings, default=str))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100).strip() if plain else ""
