"""The placement policies once more, with fractions and floats, as their papers write them.

No kernel code. `score` is for one node that fits (higher is better); `gpu_key` chooses the GPU of a
fraction (lower is better) for the policies that choose one.
"""

from fractions import Fraction
from math import exp, floor

from naive import groups


class Policy:
    breaks_ties = False
    picks_gpu = False

    def __init__(self, seed=0, typical=(), draw=None):
        self.seed = seed
        self.typical = typical
        self.draw = draw

    def largest(self, factory, resource):
        return max(max(node.total[resource] for node in factory.nodes), 1)


class FirstFit(Policy):
    def score(self, factory, job, node, gpus, free):
        return 0


class Random(Policy):
    picks_gpu = True

    def score(self, factory, job, node, gpus, free):
        return self.draw(self.seed, 1, job.index, node)

    def gpu_key(self, factory, job, node, gpu, gpus, free):
        before = sum(other.total[0] // 1000 for other in factory.nodes[:node])
        return self.draw(self.seed, 2, job.index, before + gpu)


class BestFit(Policy):
    """100 · (1 − mean over CPU and GPU of what is left as a share of the largest node)."""

    def score(self, factory, job, node, gpus, free):
        left = sum(
            Fraction(free[r] - job.demand()[r], self.largest(factory, r)) / 2 for r in (0, 1)
        )
        return floor(100 * (1 - left))


class DotProduct(Policy):
    """100 · (1 − mean of free times asked, both as shares of the largest node)."""

    def score(self, factory, job, node, gpus, free):
        def share(amount, largest):
            return Fraction(floor(Fraction(amount * 2**20, largest)), 2**20)

        product = sum(
            share(free[r], self.largest(factory, r))
            * share(job.demand()[r], self.largest(factory, r))
            for r in (0, 1)
        )
        return floor(100 * (1 - product / 2))


class GpuPacking(Policy):
    def score(self, factory, job, node, gpus, free):
        asked = job.shape.gpu_milli
        if asked == 0:
            return 0
        free_count = gpus.count(1000)
        if free_count == len(gpus):
            return max(33 - free_count, free_count)
        if asked >= 1000:
            return max(50 - asked // 1000, 33)
        tightest = min(left for left in gpus if left >= asked)
        return 49 if tightest == 1000 else max(100 - tightest // 10 // 10, 50)


class GpuClustering(Policy):
    def score(self, factory, job, node, gpus, free):
        def kind(shape):
            return "share" if shape.gpu_milli < 1000 else shape.gpu_milli

        if job.shape.gpu_milli == 0:
            return 0
        held = [
            groups.at(factory, other.shape, other.nodes, node)
            for other in factory.active()
            if node in other.nodes
        ]
        there = {kind(shape) for shape in held if shape.gpu_milli > 0}
        largest = self.largest(factory, 0)
        filled = 25 * (largest - sum(gpus)) // largest
        if kind(job.shape) in there:
            return filled + (75 if len(there) == 1 else 50)
        return filled + (0 if there else 25)


class Fgd(Policy):
    picks_gpu = True

    def waste(self, factory, node, gpus, cpu):
        total, wasted = sum(gpus), 0
        for typical in self.typical:
            usable = self.usable(factory, node, typical, gpus, cpu)
            wasted += typical.weight * (total - usable)
        return wasted

    def usable(self, factory, node, typical, gpus, cpu):
        each = min(typical.gpu_milli, 1000)
        there = [left for left in gpus if left >= each]
        if (
            typical.gpu_milli == 0
            or cpu < typical.cpu_milli
            or not (typical.gpu_types >> factory.nodes[node].gpu_type) & 1
            or len(there) < max(typical.gpu_milli // 1000, 1)
        ):
            return 0
        return sum(there)

    def waste_after(self, factory, job, node, picked, gpus, free):
        left = list(gpus)
        for gpu in picked:
            left[gpu] -= min(job.shape.gpu_milli, 1000)
        return self.waste(factory, node, left, free[1] - job.shape.cpu_milli)

    def saved(self, factory, job, node, picked, gpus, free):
        now = self.waste(factory, node, gpus, free[1])
        return now - self.waste_after(factory, job, node, picked, gpus, free)

    def gpu_key(self, factory, job, node, gpu, gpus, free):
        return -self.value(self.saved(factory, job, node, [gpu], gpus, free))

    def score(self, factory, job, node, gpus, free):
        picked = factory.pick_gpus(job, node, gpus, free)
        return self.value(self.saved(factory, job, node, picked, gpus, free))

    def value(self, saved):
        """The logistic function of the saved GPUs, out of 100."""
        gpus = saved / 1000 / sum(typical.weight for typical in self.typical)
        return floor(100 / (1 + exp(-gpus)))


class Arkwright(Fgd):
    """FGD's measure six times, once more with the GPUs that the free CPU can feed."""

    breaks_ties = True

    def waste(self, factory, node, gpus, cpu):
        total, wasted = sum(gpus), 0
        for typical in self.typical:
            if typical.gpu_milli == 0:
                continue
            usable = fed = self.usable(factory, node, typical, gpus, cpu)
            if typical.cpu_milli > 0:
                fed = min(usable, cpu * typical.gpu_milli // typical.cpu_milli)
            wasted += typical.weight * (6 * (total - usable) + (total - fed))
        return wasted

    def value(self, saved):
        return floor(Fraction(saved, 50 * sum(typical.weight for typical in self.typical)))
