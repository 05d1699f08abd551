"""Fair share, obviously: a ledger of use, folded anew in whole numbers, and keys as tuples."""

from fractions import Fraction

from naive import groups
from naive.budgets import cost

WEIGHTS = [round(65536 * 2 ** (step / 64)) for step in range(66)]


class Shares:
    def __init__(self, factory, half_life_ms, share):
        self.factory = factory
        self.half_life_ms = half_life_ms
        self.share = share
        self.ledger = []  # (row, GPU-milliseconds, at_ms): less than 0 takes back

    def use(self, row, gpu_ms, at_ms):
        if row >= 0 and self.half_life_ms:
            self.ledger.append((row, gpu_ms, at_ms))

    def started(self, job, now_ms):
        self.use(
            job.shape.row, cost(groups.milli(self.factory, job.shape), job.duration_ms), now_ms
        )

    def ended(self, job, now_ms):
        asked = groups.milli(self.factory, job.shape)
        really = cost(asked, now_ms - job.start_ms) - cost(asked, job.duration_ms)
        self.use(job.shape.row, really, job.start_ms)

    def usage(self):
        """Usage of every row with the rows below it, and of its own jobs alone."""
        rows = range(len(self.factory.row_limit))
        total, own, reference_ms = dict.fromkeys(rows, 0), dict.fromkeys(rows, 0), 0
        for row, gpu_ms, at_ms in self.ledger:
            while at_ms - reference_ms >= self.half_life_ms:
                reference_ms += self.half_life_ms
                total = {each: usage // 2 for each, usage in total.items()}
                own = {each: usage // 2 for each, usage in own.items()}
            amount = self.weighted(abs(gpu_ms), at_ms - reference_ms)
            signed = amount if gpu_ms >= 0 else -amount
            own[row] = max(0, own[row] + signed)
            for each in self.factory.path(row):
                total[each] = max(0, total[each] + signed)
        return total, own

    def weighted(self, gpu_ms, after_ms):
        """gpu_ms * 2^(after / half-life): 65 weights of 1/65536, linear between."""
        halvings = 0
        while after_ms < 0:
            after_ms += self.half_life_ms
            halvings += 1
        step, rest = divmod(after_ms * 64, self.half_life_ms)
        here, following = WEIGHTS[step], WEIGHTS[step + 1]
        weight = here + (following - here) * rest // self.half_life_ms
        return gpu_ms * weight // 65536 >> halvings

    def order(self, job, total, own):
        """Shares from the top down, ending in those of the lowest row's own jobs."""
        if not self.half_life_ms:
            return ()
        row = job.shape.row
        way = list(reversed(self.factory.path(row)))
        key = [(Fraction(total[each], self.share[each]), each) for each in way]
        mine = Fraction(own[row], self.own_share(row)) if row >= 0 else Fraction(0)
        return (*key, (mine, row))

    def own_share(self, row):
        below = [each for each, parent in enumerate(self.factory.row_parent) if parent == row]
        return max(1, self.share[row] - sum(self.share[each] for each in below))
