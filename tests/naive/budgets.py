"""Budgets, obviously: every attempt ever, counted anew in the period under way."""

from naive import groups


class Budgets:
    def __init__(self, factory, of_row):
        self.factory = factory
        self.of_row = of_row  # quota row: its budget row
        self.period_ms = dict.fromkeys(of_row.values(), 0)
        self.over = []  # (quota row, milli-GPU, start_ms, end_ms) of attempts that are over

    def fits(self, job, ahead):
        """Whether every budget above the job has its GPU time beside what those ahead will use."""
        for own in self.above(job.shape.row):
            limit, asked = self.factory.row_limit[own], cost(self.milli(job), job.duration_ms)
            owed = sum(
                cost(self.milli(other), other.duration_ms)
                for other in ahead
                if own in self.above(other.shape.row)
            )
            if limit >= 0 and asked > 0 and self.used(own) + owed + asked > limit:
                return False
        return True

    def used(self, own):
        return self.settled(own) + sum(
            cost(self.milli(job), job.start_ms + job.duration_ms - self.begin(own, job.start_ms))
            for job in self.factory.active()
            if own in self.above(job.shape.row)
        )

    def settled(self, own):
        return sum(
            cost(gpu_milli, end_ms - self.begin(own, start_ms))
            for row, gpu_milli, start_ms, end_ms in self.over
            if own in self.above(row)
        )

    def milli(self, job):
        return groups.milli(self.factory, job.shape)

    def begin(self, own, start_ms):
        return max(start_ms, self.period_ms[own])

    def above(self, row):
        return [self.of_row[each] for each in self.factory.path(row) if each in self.of_row]


def cost(gpu_milli, lasts_ms):
    """GPU-milliseconds, rounded up."""
    return -(-gpu_milli * max(lasts_ms, 0) // 1000)
