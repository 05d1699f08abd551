"""Programmes whose best value is known from the extensive form (`naive.plan_extensive`).

Building one of those takes longer than solving it, so their values are written down here, and a
slow test finds them again. After a change of `plan.instances`, write them anew:

    PYTHONPATH=src:tests python tests/plan/crosschecked.py
"""

import numpy as np

from plan.instances import changed, small

# (of divisible tranches and halls, of whole ones), M; racks are divisible in both. None: a rule
# that needs a whole number (R11) has no value of its own in parts.
VALUES = {
    "seed 0": (17.180003186044367, 17.00001512400228),
    "seed 2": (14.787273213458608, 13.980488329667764),
    "seed 4": (31.844120594999247, 30.54847933098381),
    "seed 5": (15.93549854266639, 13.577590312164062),
    "seed 6": (6.7857727969662305, 5.211690516844645),
    "seed 7": (11.36018558134081, 10.116906718327472),
    "seed 10": (44.39051651142137, 44.10116927266853),
    "seed 13": (22.518493347838174, 21.78829719045803),
    "seed 15": (20.693817165611872, 19.394271144857285),
    "seed 23": (34.30788370823607, 32.817944675635374),
    "seed 27": (5.998881917382161, 3.9927810140474826),
    "seed 31": (71.78895651127087, 69.83221860414923),
    "seed 33": (15.996341967224788, 14.374804136924547),
    "seed 39": (29.702665685922565, 28.620688494613706),
    "all for the tail 5": (15.375463405745748, 13.308626111949929),
    "all for the tail 18": (17.152933314853453, 15.962389346195183),
    "a tree 20": (13.679603725543348, 12.322095437649471),
    "a tree 28": (4.805524114586025, 3.566986262743593),
    "little cash 4": (29.624938091814794, 28.66766485032364),
    "little cash 13": (22.165834332536456, 21.78537063705399),
    "little cash 23": (38.3797601728717, 38.16396297007588),
    "hedge 15": (10.122237946419943, 8.985664063678959),
    "minimum 18": (4.99974927263456, 3.780068688608619),
    "cover 4": (None, 17.56833711190722),
    "cover 23": (None, 36.15613474203939),
    "vendors 10": (44.22930284363035, 43.3324381037938),
    "vendors 39": (66.45830516449632, 64.929477310467),
    "countries 15": (20.52582580637211, 16.596089585698238),
    "countries 4": (31.620474875964568, 29.897232321865225),
}


def programmes():
    """{name: (rollout, futures)}"""
    seeds = (0, 2, 4, 5, 6, 7, 10, 13, 15, 23, 27, 31, 33, 39)
    found = {f"seed {seed}": small(seed) for seed in seeds}
    found |= {f"all for the tail {s}": small(s, risk_weight=1.0, outcomes=4) for s in (5, 18)}
    found |= {f"a tree {s}": small(s, quarters=3, outcomes=4, stage_quarters=1) for s in (20, 28)}
    for seed in (4, 13, 23):
        rollout, futures = small(seed, loans=1)
        short = changed(rollout, cash_now=rollout.capital.cash_now / 3)
        found[f"little cash {seed}"] = (short, futures)
        if seed != 13:
            found[f"cover {seed}"] = (changed(short, cover_min=20.0), futures)
    for seed, share in ((10, 0.53), (39, 0.9)):
        rollout, futures = small(seed, generations=2)
        limits = np.array([1.0, share])
        found[f"vendors {seed}"] = (changed(rollout, vendor_share_max=limits), futures)
    for seed, share in ((15, 0.5), (4, 0.6)):
        rollout, futures = small(seed, sites=2, countries=2)
        limits = np.array([1.0, share])
        found[f"countries {seed}"] = (changed(rollout, country_share_max=limits), futures)
    rollout, futures = small(15, offers=2)
    found["hedge 15"] = (changed(rollout, hedge_share_max=0.2), futures)
    rollout, futures = small(18)
    least = np.zeros_like(rollout.supply.minimum)
    least[0, -1] = 2 + rollout.supply.allocation[0, 0]
    found["minimum 18"] = (changed(rollout, minimum=least), futures)
    return found


if __name__ == "__main__":
    import sys

    from naive.plan_extensive import extensive

    for name, (rollout, futures) in programmes().items():
        if len(sys.argv) > 1 and not name.startswith(tuple(sys.argv[1:])):
            continue
        pair = [extensive(rollout, futures, whole) for whole in ("none", "mw")]
        divisible, whole = (found and found.value for found in pair)
        if rollout.capital.cover_min > 0:
            divisible = None
        print(f'    "{name}": ({divisible}, {whole}),', flush=True)
