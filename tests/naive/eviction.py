"""Who is told to stop for whom, as docs/scheduler.md says it: lists, sorts and plain subsets.

`Eviction` is mixed into the naive factory; every set is found by adding one victim after another.
"""

from naive import contracts, groups, quota
from naive.windows import is_open

EVICTED, MOVED = 1, 2


class Eviction:
    def evict(self, now_ms, strict, reservation):
        """After the starts of a cycle; returns [("unclaim" | "claim" | "preempt", …)] in order."""
        if not self.eviction or not self.eviction.enabled:
            return []
        self.standing, self.ends_before = reservation, {}
        notices = []
        for job in sorted(self.claimants(), key=lambda job: job.order()):
            if not self.stopping_for(job):
                self.unclaim(job)
                notices.append(("unclaim", job.index))
        tries, closed = 0, set()
        for job in sorted(
            (job for job in self.jobs if job.state == "queued"), key=lambda j: j.order()
        ):
            head = reservation and reservation.head
            if strict and head and job is not head and head.order() < job.order():
                break
            if tries == self.eviction.tries:
                break
            if job.claim or job.shape in closed:
                continue
            if not self.budgets.fits(job, [] if job is head or not head else [head]):
                continue
            if not self.may_ask(job, now_ms):
                closed.add(job.shape)
                continue
            tries += 1
            found = self.room_for(job, now_ms, reservation)
            if found is None:
                closed.add(job.shape)
                continue
            nodes, victims, why = found
            self.claim(job, nodes)
            notices.append(("claim", job.index, sorted(nodes)))
            for victim in victims:
                self.preempt(victim, job, why, now_ms)
                notices.append(("preempt", victim.index, job.index, why))
        self.ends_before = {}
        return notices

    # --- facts ---------------------------------------------------------------------------------

    def claimants(self):
        return [job for job in self.jobs if job.claim]

    def claimed_by_another(self, job, node):
        return any(node in other.claim for other in self.claimants() if other is not job)

    def stopping_for(self, job):
        return [v for v in self.active() if v.claimant is job]

    def claim(self, job, nodes):
        job.claim = list(nodes)

    def unclaim(self, job):
        job.claim = []
        for victim in self.stopping_for(job):
            victim.claimant = None

    def preempt(self, victim, claimant, why, now_ms):
        self.ends_before[victim.index] = victim.expected_ms
        victim.stopping, victim.told, victim.claimant = True, why, claimant
        grace_end = now_ms + victim.shape.grace_ms
        if victim.expected_ms > grace_end or victim.expected_ms <= now_ms:
            victim.expected_ms = grace_end

    # --- who -----------------------------------------------------------------------------------

    def may_ask(self, job, now_ms):
        """Somebody could be told for the job, whether or not that would help it."""
        others = [v for v in self.active() if self.can_be_told(v, now_ms, EVICTED)]
        movable = [v for v in self.active() if self.can_be_told(v, now_ms, MOVED)]
        return (
            any(self.outranks(job, other) for other in others)
            or (bool(others) and self.reclaims_for(job) is not None)
            or (self.may_move(job) and any(v.shape.tier >= job.shape.tier for v in movable))
        )

    def may_move(self, job):
        is_one = job.shape.more < 0
        return bool(self.eviction.defragment) and is_one and job.shape.level_required >= 0

    def can_be_told(self, victim, now_ms, why):
        policy = self.eviction
        often = victim.moves < policy.moves_max
        if why == EVICTED:
            often = victim.evictions < policy.evictions_max
        ran_ms = now_ms - victim.start_ms
        return (
            not victim.stopping
            and bool(victim.shape.preemptible)
            and ran_ms >= max(policy.run_min_ms, 1)
            and often
        )

    def outranks(self, job, other):
        if job.shape.tier != other.shape.tier:
            return job.shape.tier < other.shape.tier
        return job.priority >= other.priority + self.eviction.priority_gap

    def demand(self, job):
        return groups.milli(self, job.shape)

    def reclaims_for(self, job):
        """The row whose guarantee covers the job, if one does."""
        guaranteed = [row for row in self.path(job.shape.row) if self.row_guarantee[row] >= 0]
        if not guaranteed:
            return None
        row = guaranteed[0]
        used = self.used_by(self.active())
        return row if used[row] + self.demand(job) <= self.row_guarantee[row] else None

    def entitled(self, job, other, why):
        if why == MOVED:
            return other.shape.tier >= job.shape.tier
        if self.outranks(job, other):
            return True
        row, theirs = self.reclaims_for(job), other.shape.row
        return (
            row is not None
            and theirs >= 0
            and self.demand(other) > 0
            and row not in self.path(theirs)
            and theirs not in self.path(job.shape.row)
        )

    def lost(self, victim, now_ms):
        return self.demand(victim) * max(now_ms - victim.saved_ms, 0)

    # --- which ---------------------------------------------------------------------------------

    def room_for(self, job, now_ms, reservation):
        """(nodes, victims, why) of the cheapest set, or None."""
        for why in (MOVED, EVICTED):
            if why == MOVED and not self.may_move(job):
                continue
            found = self.cheapest(job, now_ms, reservation, why)
            if found is None:
                continue
            nodes, victims = found
            grace_ms = max(victim.shape.grace_ms for victim in victims)
            shadow = self.reserve(job, now_ms, reservation)
            if shadow and (shadow.shadow_ms == now_ms + 1 or shadow.shadow_ms > now_ms + grace_ms):
                return nodes, victims, why
        return None

    def cheapest(self, job, now_ms, reservation, why):
        ranked = [
            v
            for v in self.active()
            if self.can_be_told(v, now_ms, why) and self.entitled(job, v, why)
        ]
        ranked.sort(key=lambda v: (-v.shape.tier, self.lost(v, now_ms), -v.start_ms, v.index))
        aside = self.aside_of(job, reservation)
        usable = [n for n in range(len(self.nodes)) if self.may_use(job, n) and n not in aside]
        if why == MOVED and len(self.fitting(job, usable, self.active())) < job.shape.nodes:
            return None
        level, best = -1 if job.shape.more >= 0 else job.shape.level_required, None
        domains = [None] if level < 0 else self.domains_to_try(job, ranked, usable)
        for domain in domains:
            inside = [n for n in usable if level < 0 or self.nodes[n].domains[level] == domain]
            victims = self.smallest(job, now_ms, reservation, ranked, inside, why)
            if not victims:
                continue
            victims, nodes = victims
            if why == MOVED and not self.all_elsewhere(job, victims, nodes, now_ms, aside):
                continue
            cost = (
                -min(v.shape.tier for v in victims),
                sum(self.lost(v, now_ms) for v in victims),
                len(victims),
                domain,
            )
            if best is None or cost < best[0]:
                best = (cost, nodes, victims)
        return best and best[1:]

    def aside_of(self, job, reservation):
        return reservation.nodes if reservation and reservation.head is not job else []

    def may_use(self, job, node):
        """Full or not: mask and claims."""
        plenty = (10**9,) * 3
        chain = groups.of(self, job.shape)
        return groups.any_admits(self, job, chain, node, plenty, [1000] * 10**3)

    def fitting(self, job, nodes, running):
        free, _ = self.left(running)
        gpus = self.gpus_left(running)
        return [n for n in nodes if self.node_admits(job, n, free[n], gpus[n])]

    def without(self, victims):
        return [v for v in self.active() if v not in victims]

    def domains_to_try(self, job, ranked, usable):
        level = job.shape.level_required

        def per_domain(running):
            counts = {}
            for node in self.fitting(job, usable, running):
                domain = self.nodes[node].domains[level]
                counts[domain] = counts.get(domain, 0) + 1
            return counts

        now, then = per_domain(self.active()), per_domain(self.without(ranked))
        able = [domain for domain in then if then[domain] >= job.shape.nodes]
        able.sort(key=lambda domain: (-now.get(domain, 0), domain))
        return able[: self.eviction.domains_max]

    def smallest(self, job, now_ms, reservation, ranked, inside, why):
        """Victims for these nodes, of whom none could be spared, and where the job goes then."""
        candidates = self.who_helps(job, ranked, inside, why)
        grace_ms = max((v.shape.grace_ms for v in candidates), default=0)

        def nodes_without(victims):
            return self.place_without(job, now_ms, reservation, victims, inside, grace_ms)

        prefix = next(
            (
                candidates[:count]
                for count in range(len(candidates) + 1)
                if nodes_without(candidates[:count])
            ),
            None,
        )
        if not prefix:
            return None
        for victim in reversed(prefix[:-1]):
            spared = [v for v in prefix if v is not victim]
            if nodes_without(spared):
                prefix = spared
        return prefix, nodes_without(prefix)

    def used_by(self, running):
        """What every row has used, GPUs or watts, when just these jobs run."""
        _, watts = self.left(running)
        gpus = quota.used(self, self.shapes(running))
        return [watts[row] + gpus[row] for row in range(len(watts))]

    def who_helps(self, job, ranked, inside, why):
        running = self.active()
        used = self.used_by(running)
        asked = sum(
            group.nodes * max(group.gpu_milli, group.watts) for group in groups.of(self, job.shape)
        )
        short = {row for row, left in self.room(used, self.row_limit).items() if left < asked}
        left = self.used_by([v for v in running if not v.stopping])
        found = []
        for victim in ranked:
            counts_in = set(self.path(victim.shape.row))
            counts_in |= set(self.charges_of(victim.shape, victim.nodes))
            if len(found) >= self.eviction.candidates_max:
                break
            if not (counts_in & short or set(victim.nodes) & set(inside)):
                continue
            if why == EVICTED and not self.outranks(job, victim):
                mine = self.path(job.shape.row)
                kept = [
                    left[row] - self.demand(victim) >= self.row_guarantee[row]
                    for row in self.path(victim.shape.row)
                    if self.row_guarantee[row] >= 0 and row not in mine
                ]
                if not all(kept):
                    continue
            for row in self.path(victim.shape.row):
                left[row] -= self.demand(victim)
            found.append(victim)
        return found

    def place_without(self, job, now_ms, reservation, victims, inside, grace_ms):
        running = self.without(victims)
        free, used = self.left(running)
        gpus = self.gpus_left(running)
        end_ms = now_ms + job.duration_ms + grace_ms
        rooms = [self.room(used, self.row_limit), self.ahead(now_ms, -1, end_ms, reservation)]
        frames = [(self.shapes(running), self.limits_now(), self.row_kept)]
        frames += self.frames_ahead(now_ms, -1, end_ms, reservation)
        if reservation and reservation.head is not job:
            rooms.append(self.spare_without(reservation, victims))
            limits = dict(enumerate(self.limits_at(reservation.shadow_ms, now_ms)))
            kept = contracts.kept_at(self, reservation.shadow_ms, now_ms)
            frames.append((self.shapes_without(reservation, victims), limits, kept))
        if not quota.fits(self, job.shape, frames):
            return None

        def is_allowed(node, *_):
            return node in inside and is_open(self, job.shape, node, now_ms, end_ms)

        scores = self.scores(job, gpus, free)
        return self.place(job, free, gpus, scores, rooms, self.rank_beside(reservation), is_allowed)

    def shapes_without(self, reservation, victims):
        """What holds quota at the head's shadow time, but for victims that would hold it then."""
        shapes = list(reservation.shapes)
        for victim in victims:
            if victim.expected_ms > reservation.shadow_ms:
                shapes.remove(victim.shape)
        return shapes

    def spare_without(self, reservation, victims):
        """Whoever would have held the row at the head's shadow time leaves its share to others."""
        spare = dict(reservation.row_spare)
        for victim in victims:
            if victim.expected_ms > reservation.shadow_ms:
                for row, asked in self.charges_of(victim.shape, victim.nodes).items():
                    if row in spare:
                        spare[row] += asked
        return spare

    def rank_beside(self, reservation):
        if reservation is None:
            return lambda node: 0
        return lambda node: node not in reservation.nodes

    def all_elsewhere(self, job, victims, nodes, now_ms, aside):
        """Each of them, one after another, fits in what is free now and not about to be freed."""
        free, _ = self.left(self.active())
        gpus = self.gpus_left(self.active())
        _, used = self.left(self.without(victims))
        for row, asked in self.charges_of(job.shape, nodes).items():
            used[row] += asked
        taken = set(nodes) | set(aside)
        there = [*self.without(victims), job]
        for victim in victims:
            end_ms = now_ms + victim.duration_ms
            rooms = [
                self.room(used, self.row_limit),
                self.ahead(now_ms, -1, end_ms, self.standing),
            ]
            scores = self.scores(victim, gpus, free)
            frames = [([v.shape for v in there], self.limits_now(), self.row_kept)]
            frames += self.frames_ahead(now_ms, -1, end_ms, self.standing)
            if not quota.fits(self, victim.shape, frames):
                return False

            def is_allowed(node, *_, shape=victim.shape, end_ms=end_ms):
                return node not in taken and is_open(self, shape, node, now_ms, end_ms)

            rank = self.rank_beside(self.standing)
            found = self.place(victim, free, gpus, scores, rooms, rank, is_allowed)
            if found is None:
                return False
            there.append(victim)
            for row, asked in self.charges_of(victim.shape, found).items():
                used[row] += asked
            for group, theirs in groups.parts(self, victim.shape, found):
                self.take_elsewhere(group, theirs, free, gpus)
            if self.gpus_told_apart:
                taken.update(found)
        return True

    def take_elsewhere(self, group, nodes, free, gpus):
        asked = (group.gpu_milli, group.cpu_milli, group.memory_mib)
        for node in nodes:
            free[node] = tuple(a - b for a, b in zip(free[node], asked, strict=True))
            whole = group.gpu_milli // 1000
            for gpu in [g for g, left in enumerate(gpus[node]) if left == 1000][:whole]:
                gpus[node][gpu] = 0
