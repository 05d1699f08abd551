"""What a plan says first, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from arkwright.plan.answers.binding import DEMAND, GRID, HALL, RACKS, SEVERAL, Bound, Earlier
from arkwright.plan.answers.milestones import Milestone
from arkwright.plan.answers.steps import Step
from arkwright.plan.answers.whole import Answers
from arkwright.plan.answers.wording import gpus, megawatts, money, quarter, share

_KINDS = {GRID: "grid connection", HALL: "halls", RACKS: "racks", DEMAND: "demand"}


def sentences(found: Answers) -> tuple[str, ...]:
    """The most important first."""
    lines = [
        _what(found),
        _worth(found),
        _declared(found),
        _late(found),
        _holds(found),
        _break_even(found),
    ]
    lines += [_too_much(found), _moves(found), _hangs(found)]
    return tuple(line for line in lines if line)


def _what(found: Answers) -> str:
    names = found.rollout.names
    if not found.milestones:
        return "Build nothing: no plan within the rules is worth more than what already stands."
    parts = []
    grid = [m for m in found.milestones if m.kind == GRID]
    if grid:
        mw = sum(m.mw * m.probability for m in grid)
        parts.append(
            f"start {_count(len({m.name for m in grid}), 'grid tranche')} ({megawatts(mw)})"
        )
    halls = sum(m.amount * m.probability for m in found.milestones if m.kind == HALL)
    if halls:
        parts.append(f"build {_about(halls, 'hall', found)}")
    racks = [m for m in found.milestones if m.kind == RACKS]
    if racks:
        count = sum(m.amount * m.probability for m in racks)
        total = sum(m.gpus * m.probability for m in racks)
        parts.append(f"order {_about(count, 'rack', found)} ({gpus(total)} GPUs)")
    at = {m.site for m in found.milestones}
    last = max(m.begun for m in found.milestones)
    text = f"{_listed(parts)} at {_count(len(at), 'site')} by {quarter(last, names.quarters)}."
    return text[0].upper() + text[1:]


def _worth(found: Answers) -> str:
    currency = found.rollout.currency
    worth = found.worth
    text = (
        f"It is worth {money(worth.npv.mean, currency)} in expectation and "
        f"{money(worth.cvar, currency)} in the worst {share(found.rollout.tail)} of "
        f"{len(found.futures.probability):,} outcomes; it loses money in {_part(worth.loss)}"
    )
    if found.proof.gap is not None:
        text += f". No plan is better by more than {found.proof.gap:.1%}"
    return f"{text}."


def _declared(found: Answers) -> str:
    """What was announced beside what the plan has by then and in the end."""
    by_name = {step.name: step for step in found.funnel}
    installed = by_name["installed"].gpus
    said = by_name.get("announced")
    if said is None or said.gpus is None or installed is None:
        return ""
    names = found.rollout.names.quarters
    whole = float(said.gpus.mean.max())
    by = int(said.gpus.mean.argmax())
    # What counts from the first quarter may be without a date: only the end is held against it.
    ends = sorted({by or len(names) - 1, len(names) - 1})
    there = [f"{gpus(float(installed.mean[at]))} by {names[at]}" for at in ends]
    return f"Of {gpus(whole)} GPUs announced the plan has {' and '.join(there)} installed."


def checked(found: Answers) -> str:
    """What the independent checker says."""
    if found.breaches is None:
        return ""
    outcomes = f"{len(found.futures.probability):,} outcomes"
    if not found.breaches:
        return f"the checker finds every rule kept in all {outcomes}"
    return f"the checker finds {_count(len(found.breaches), 'rule')} broken"


def _late(found: Answers) -> str:
    names = found.rollout.names.quarters
    late = [m for m in found.milestones if m.late > 0 and m.kind in (GRID, HALL)]
    if not late:
        return ""
    worst = max(late, key=lambda m: (m.late, m.mw))
    text = (
        f"Likeliest to be late: {said_of(worst)}, promised for {quarter(worst.promised, names)}, "
        f"late in {share(worst.late)} of outcomes, by {worst.quarters_late:.1f} quarters on average"
    )
    if worst.never:
        text += f", and in {share(worst.never)} not there by {names[-1]}"
    return f"{text}."


def said_of(milestone: Milestone) -> str:
    """A milestone in a few words."""
    if milestone.kind == GRID:
        return f"grid tranche {milestone.name}"
    if milestone.kind == HALL:
        return f"the halls of {milestone.name}"
    return f"{milestone.name} at {milestone.site}"


def _holds(found: Answers) -> str:
    if not found.earlier:
        return "Nothing that is begun would be worth more if it came sooner: demand is what binds."
    return worth_of(found.earlier[0], found.rollout.currency)


def worth_of(one: Earlier, currency: str) -> str:
    """What a quarter sooner is worth, in a sentence."""
    what = {
        GRID: f"of grid at {one.site} ({one.name})",
        HALL: f"of halls at {one.site} ({one.name})",
        RACKS: f"of {one.name}",
    }[one.kind]
    return (
        f"One MW a quarter earlier {what} is worth {money(one.worth, currency)}; all "
        f"{megawatts(one.mw)} of it, at most {money(one.most, currency)}."
    )


def bound_words(bound: Bound, currency: str = "") -> str:
    """What binds in a quarter; with a currency, what one MW more is worth."""
    if bound.kind == DEMAND:
        return f"demand at {bound.site}, in {share(bound.probability)} of outcomes"
    if bound.kind == SEVERAL:
        return f"grid, halls and racks at {bound.site} at once (R1 to R3): one alone earns nothing"
    text = (
        f"{_KINDS[bound.kind]} at {bound.site} ({bound.rule}), in {share(bound.probability)} of "
        "outcomes"
    )
    return f"{text}; one MW more is worth {money(bound.worth, currency)}" if currency else text


def _break_even(found: Answers) -> str:
    even, currency = found.break_even, found.rollout.currency
    if even.price is None or even.price_factor is None:
        return ""
    side = "below" if even.price_factor <= 1 else "above"
    text = (
        f"It breaks even at a rental price of {even.price:.2f} {currency} per H100-equivalent "
        f"hour, {share(abs(1 - even.price_factor))} {side} the expected {even.price_mean:.2f}"
    )
    if even.utilisation is not None:
        used = even.utilisation_mean
        text += f", or at a utilisation of {even.utilisation:.0%} instead of {used:.0%}"
    return f"{text}."


def _too_much(found: Answers) -> str:
    over, currency = found.overbuild, found.rollout.currency
    if not found.milestones:
        return ""
    first = (
        f"it is overbuilt, used below the break-even of {over.least:.0%}, in "
        f"{_part(over.probability)} of them; "
        if over.least
        else ""
    )
    text = (
        f"{first}racks that stand idle cost {money(over.regret.mean, currency)} in expectation, "
        f"{money(over.regret.high, currency)} or more in one outcome of ten."
    )
    return text[0].upper() + text[1:]


def _moves(found: Answers) -> str:
    if not found.tornado or not found.tornado[0].width:
        return ""
    top, currency = found.tornado[0], found.rollout.currency
    return (
        f"What moves it most is the {top.name}: {top.lower} gives "
        f"{money(top.npv_lower, currency)}, {top.higher} gives {money(top.npv_higher, currency)}."
    )


def _hangs(found: Answers) -> str:
    worst = max(found.dependences, key=lambda d: d.lost, default=None)
    if worst is None or worst.lost <= 0:
        return ""
    return (
        f"Most hangs on the {worst.kind} {worst.name}: {share(worst.revenue)} of revenue, and "
        f"{money(worst.lost, found.rollout.currency)} if it is lost."
    )


def _part(probability: float) -> str:
    return share(probability) if probability else "none"


def _about(value: float, word: str, found: Answers) -> str:
    """Whole where every outcome has as many, else the mean."""
    whole = round(value)
    is_certain = all(m.probability == 1 for m in found.milestones)
    return _count(whole, word) if is_certain else f"about {_count(whole, word)}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def step_words(step: Step) -> str:
    """`grid narvik/1`, `halls narvik/h`, `gb300`."""
    return {GRID: f"grid {step.name}", HALL: f"halls {step.name}"}.get(step.kind, step.name)


def kind_words(kind: str) -> str:
    """`grid connection` of `grid`."""
    return _KINDS[kind]


def lateness(found: Answers) -> Iterator[Milestone]:
    """Milestones that may be late, the likeliest first."""
    late = [m for m in found.milestones if m.late > 0]
    yield from sorted(late, key=lambda m: (-m.late, -m.mw, m.name))
