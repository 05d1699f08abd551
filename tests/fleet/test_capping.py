"""Who is slowed, and how far, where a limit was cut below what runs."""

from __future__ import annotations

from random import Random

from arkwright.fleet.capping import Draw, caps, drawn
from naive.capping import caps as naive_caps

CRITICAL, STANDARD, FLEXIBLE = 0, 1, 2


def draw(tier: int, full_w: int = 1000, floor_w: int = 300, nodes: int = 1) -> Draw:
    return Draw(tier, 8000, full_w, floor_w, {0: nodes})


def test_what_fits_is_left_alone() -> None:
    assert caps([draw(STANDARD), draw(FLEXIBLE)], {0: 16_000}, [0]) == [1000, 1000]


def test_the_least_protected_give_first_and_the_critical_last() -> None:
    """Three nodes of 8 kW; each loses at most 5.6 kW."""
    jobs = [draw(CRITICAL), draw(STANDARD), draw(FLEXIBLE)]
    assert caps(jobs, {0: 20_000}, [0]) == [1000, 1000, 500]
    assert caps(jobs, {0: 16_000}, [0]) == [1000, 700, 300]
    assert caps(jobs, {0: 10_000}, [0]) == [650, 300, 300]


def test_within_a_tier_who_draws_most_gives_most() -> None:
    """9 + 4 kW under 10 kW: the larger sinks to 750 W a GPU, the smaller is below that anyway."""
    jobs = [draw(FLEXIBLE, full_w=1125), draw(FLEXIBLE, full_w=500)]
    assert caps(jobs, {0: 10_000}, [0]) == [750, 500]


def test_where_all_floors_do_not_fit_everybody_is_at_his_floor() -> None:
    jobs = [draw(CRITICAL, floor_w=400), draw(FLEXIBLE)]
    kept = caps(jobs, {0: 1000}, [0])
    assert kept == [400, 300]
    assert drawn(jobs, kept, 0) == 5600


def test_a_cut_at_a_rack_slows_that_rack_before_the_hall_is_looked_at() -> None:
    """Rack 1 below hall 0: the rack's cut already makes the hall fit."""
    jobs = [
        Draw(FLEXIBLE, 8000, 1000, 300, {0: 1, 1: 1}),
        Draw(FLEXIBLE, 8000, 1000, 300, {0: 1}),
    ]
    assert caps(jobs, {0: 14_000, 1: 6000}, [1, 0]) == [750, 1000]


def test_caps_are_those_found_one_watt_at_a_time() -> None:
    for seed in range(300):
        random = Random(seed)
        jobs = [_random_draw(random) for _ in range(random.randint(1, 6))]
        limits = {row: random.randint(0, 900) for row in (0, 1, 2)}
        kept = caps(jobs, limits, [2, 1, 0])
        assert kept == naive_caps(jobs, limits, [2, 1, 0])
        _holds(jobs, kept, limits)


def test_no_cap_depends_on_the_order_of_jobs() -> None:
    for seed in range(100):
        random = Random(seed)
        jobs = [_random_draw(random) for _ in range(5)]
        limits = {row: random.randint(0, 900) for row in (0, 1, 2)}
        order = random.sample(range(5), 5)
        moved = caps([jobs[job] for job in order], limits, [2, 1, 0])
        assert moved == [caps(jobs, limits, [2, 1, 0])[job] for job in order]


def _random_draw(random: Random) -> Draw:
    full_w = random.randint(1, 120)
    low = random.choice([1, 2])
    nodes = {0: random.randint(1, 3)}
    nodes |= {low: random.randint(1, nodes[0])}
    floor_w = random.randint(0, full_w)
    return Draw(random.randint(0, 2), random.choice([1000, 2000, 4000]), full_w, floor_w, nodes)


def _holds(jobs: list[Draw], kept: list[int], limits: dict[int, int]) -> None:
    """Nobody is below the floor or above full; a row still over has everybody at the floor."""
    for job, watts in zip(jobs, kept, strict=True):
        assert job.floor_w <= watts <= job.full_w
    for row, limit in limits.items():
        if drawn(jobs, kept, row) > limit:
            below = [(j, w) for j, w in zip(jobs, kept, strict=True) if row in j.nodes]
            assert all(watts == job.floor_w for job, watts in below)
