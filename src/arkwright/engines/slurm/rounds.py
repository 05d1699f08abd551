"""What a Slurm engine does in rounds: learn how its attempts stand, then do what is wanted.

What is wanted is written down before Slurm is asked, so what is made after a crash goes on where
the first was; and a submission whose answer was lost is followed by a look at Slurm's own list,
never by another submission.

Past 400 lines because the order of those steps is the promise, and is read in one piece.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from arkwright.engines.port import AttemptPhase, Observation
from arkwright.engines.slurm import plan, states
from arkwright.engines.slurm.batch_script import EXIT_CLAIMED, FENCE_MS, STOP_SIGNAL, ranks_of
from arkwright.engines.slurm.entries import Entries, Entry
from arkwright.engines.slurm.folder import Folder
from arkwright.engines.slurm.node_watch import NodeWatch
from arkwright.engines.slurm.outcome import NOT_STARTED, conclude
from arkwright.engines.slurm.pace import Pace
from arkwright.engines.slurm.records import AnswerLost, NotReached, Refused, SlurmJob, Transport
from arkwright.engines.slurm.settings import Settings
from arkwright.errors import EngineError

LOG = logging.getLogger("arkwright.engines.slurm")
SUBMITTERS = 8
"""Submissions under way at once."""
SETTLE_MS = 5_000
"""So long after an answer was lost Slurm's list is believed when it does not show the job: the
request may still be on its way. Should it come later all the same, `claim` keeps it from running.
"""
PATIENCE_MS = 10_000
"""So long a job may wait in Slurm for nodes that others took before it is taken back."""
KILL_MARGIN_MS = 5_000
"""After the grace: then Slurm ends what the script could not."""
RETRY_MS = 2_000
FAILURES_TOLD = 2
"""So many looks in a row must fail before it is said that nothing is known: one may by chance."""
SILENCE_S = 5.0
"""A question without an answer for so long counts as none, however long its limit is."""
CPU_SHARE = 0.75
HINT_MS = 500
WHY_MS = 10_000
ORPHAN_MS = 30_000
"""So long after Slurm has forgotten a job whose script began, and left no word of its end, it is
taken to be over: slurmctld has nodes end what it does not know."""
HINTS_MAX = 200
"""With so many attempts at most, each one's files are looked at in every round: they show a start
or an end before the next list is due."""
DETAILS_MAX = 200
"""Jobs asked for one by one in a round: the others' turn comes in the next."""


class Rounds:
    """The attempts of one engine, and their life in Slurm. `lock` guards `entries` and what is in
    them; it is never held while Slurm is asked."""

    def __init__(
        self,
        site: str,
        settings: Settings,
        transport: Transport,
        files: Entries,
        watch: NodeWatch,
        clock: Callable[[], int],
        submitters: int,
    ) -> None:
        self._site = site
        self._settings = settings
        self._transport = transport
        self._files = files
        self._watch = watch
        self._clock = clock
        self.lock = threading.RLock()
        self.entries = {entry.id: entry for entry in files.load()}
        self.ports = {entry.port for entry in self.entries.values() if entry.end is None}
        """Of gangs that are not over."""
        self.version = 0
        """Grows with all that an observation may tell anew."""
        self._wanting = set(self.entries)
        """Attempts that are to be submitted or ended: few beside those that run."""
        self.fault = "Slurm has not been asked yet"
        """Why the last look at jobs failed; empty when it did not."""
        self._jobs: dict[str, SlurmJob] = {}
        """By attempt: a controller that lost its last seconds gives numbers out again."""
        self._listed: dict[str, list[SlurmJob]] = {}
        """Jobs by name, from the last whole list."""
        self._listed_ms = 0
        """When that list was asked for; 0 before the first."""
        self._retry_ms: dict[str, int] = {}
        self._words: dict[str, str] = {}
        """Why an attempt does not move."""
        self._failures = 0
        """Looks in a row that failed."""
        self._asked_at = math.inf
        """When the question was put that is not answered yet, on the monotonic clock."""
        self._pace = Pace(settings.poll_s, CPU_SHARE)
        self._round_ms = 0  # when this round began
        self._pool = ThreadPoolExecutor(submitters, "slurm-submit") if submitters else None

    def silence(self) -> str:
        """Why nothing is known at the moment; empty when something is."""
        waited_s = time.monotonic() - self._asked_at
        if waited_s > SILENCE_S:
            return f"{self._transport.place} has not answered for {waited_s:.0f} s"
        return self.fault if self._failures >= FAILURES_TOLD else ""

    def close(self) -> None:
        """Let go of the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def want(self, entry: Entry) -> None:
        """Something is wanted of an attempt, a new one or one that is known; `lock` is held."""
        self.entries[entry.id] = entry
        self.ports.add(entry.port)
        self._wanting.add(entry.id)
        self.version += 1

    def forget(self, entry: Entry) -> None:
        """Drop what is known of an attempt; `lock` is held."""
        del self.entries[entry.id]
        self._jobs.pop(entry.id, None)
        self._words.pop(entry.id, None)
        for key in (entry.id, *(f"{what} {entry.id}" for what in ("hint", "gone", "lost", "why"))):
            self._retry_ms.pop(key, None)

    def folder(self, entry: Entry) -> Folder:
        """Where the attempt leaves its files."""
        return Folder(self._settings.output_dir, entry.unix_user, entry.id)

    def held(self) -> dict[str, tuple[int, bool]]:
        """GPUs that attempts of ours hold, by node's name, and that they are there at all; those
        that ended within this look at the nodes included."""
        held: dict[str, tuple[int, bool]] = {}
        with self.lock:
            entries = list(self.entries.values())
        for entry in entries:
            ended_ms = (entry.end.ended_ms or 0) if entry.end is not None else None
            if not entry.tries or (ended_ms is not None and ended_ms < self._watch.asked_ms):
                continue
            if self._waits_long(entry):
                continue  # it holds nothing, and is not to hide those who do
            for placement in entry.attempt.placements:
                name = plan.name_of(placement.node)
                gpus, _ = held.get(name, (0, False))
                held[name] = (gpus + placement.gpus, True)
        return held

    def observation(self, attempt_id: str, entry: Entry | None) -> Observation:
        """The attempt as the last look showed it."""
        if entry is None:
            return Observation(
                attempt_id=attempt_id, phase=AttemptPhase.ENDED, reason="unknown attempt"
            )
        if entry.end is not None:
            return entry.end
        job = self._jobs.get(entry.id)
        phase = AttemptPhase.LAUNCHING if job is None else states.phase_of(job.states)
        if entry.stop is not None or entry.given_up or phase is AttemptPhase.ENDED:
            phase = AttemptPhase.STOPPING
        if phase is AttemptPhase.RUNNING and not entry.started_ms:
            phase = AttemptPhase.LAUNCHING
        if phase is AttemptPhase.LAUNCHING and entry.started_ms:
            phase = AttemptPhase.RUNNING  # its files say so before the next list does
        reason = self._words.get(attempt_id, "") or entry.given_up
        if entry.stop is not None:
            reason = f"stopped: {entry.stop.reason}" if entry.stop.reason else "stopped"
        return Observation(
            attempt_id=attempt_id,
            phase=phase,
            reason=reason,
            started_ms=entry.started_ms or None,
        )

    # --- rounds --------------------------------------------------------------------------------

    def work(self) -> None:
        """One round: learn what is due, then do what is wanted."""
        self._round_ms = self._clock()
        if self._pace.is_due() or self._must_list():
            self._look_at_jobs()
        self._watch.work(self.held)
        if self.fault or self._watch.fault:
            return  # while Slurm gives no answer one question at a time is enough
        self._look_at_files()
        now_ms = self._clock()
        ready = [each for each in self._wanted() if self._retry_ms.get(each.id, 0) <= now_ms]
        self._each(self._submit, [each for each in ready if not each.job_id])
        self._each(self._carry_stop, [each for each in ready if each.job_id])

    def _wanted(self) -> list[Entry]:
        """Attempts to be submitted or ended."""
        with self.lock:
            known = (self.entries.get(attempt_id) for attempt_id in self._wanting)
            wanted = [entry for entry in known if entry is not None and _wants(entry)]
            self._wanting = {entry.id for entry in wanted}
        return wanted

    def _each(self, act: Callable[[Entry], None], entries: Sequence[Entry]) -> None:
        """Do it for each, some at once; what fails is tried again, and said."""
        if self._pool is None or len(entries) < 2:
            for entry in entries:
                self._try(act, entry)
        else:
            list(self._pool.map(lambda entry: self._try(act, entry), entries))

    def _try(self, act: Callable[[Entry], None], entry: Entry) -> None:
        try:
            act(entry)
        except EngineError as error:
            LOG.warning("%s: %s", entry.id, error)
            self._say(entry, str(error))
            self._retry_ms[entry.id] = self._clock() + RETRY_MS

    def _say(self, entry: Entry, words: str) -> None:
        """Why an attempt does not move; empty when it does."""
        if self._words.get(entry.id, "") != words:
            self._words[entry.id] = words
            self.version += 1

    # --- submitting ----------------------------------------------------------------------------

    def _submit(self, entry: Entry) -> None:
        """Look the attempt up, and submit it when it is certain that Slurm has it not."""
        folder = self.folder(entry)
        if not self._listed_ms or self._listed_ms < self._must_be_listed_ms(entry):
            return  # not certain yet: the next list tells
        found = self._found(entry, folder)
        if found is not None:
            self._adopt(entry, found)
            return
        if entry.stop is not None:
            if entry.tries and not folder.close():
                return  # a script has it after all: the next list shows the job
            self._end(entry, None)
            return
        wanted = plan.submission_of(entry, self._watch.nodes, folder, self._settings)
        entry.tries += 1
        entry.tried_ms = self._clock()
        self._files.save(entry, is_durable=True)
        try:
            job_id = self._transport.submit(wanted)
        except Refused as error:
            _close_for_good(folder)
            entry.given_up = f"launch failed: {error}"
            self._end(entry, None)
            return
        except NotReached:
            entry.tries -= 1
            self._files.save(entry)
            raise
        with self.lock:
            entry.job_id, entry.submitted_ms = job_id, self._clock()
            self._files.save(entry)
        self._say(entry, "")

    def _must_be_listed_ms(self, entry: Entry) -> int:
        """How new a list must be to show the attempt, had it been submitted before."""
        return entry.tried_ms + SETTLE_MS if entry.tries else 0

    def _must_list(self) -> bool:
        """Whether something waits for a whole list that can be had now."""
        if self.fault and not self._pace.may_retry():
            return False
        now_ms = self._clock()
        waiting = [entry for entry in self._wanted() if not entry.job_id]
        due = [self._must_be_listed_ms(entry) for entry in waiting]
        return any(self._listed_ms <= each <= now_ms for each in due) or (
            bool(waiting) and not self._listed_ms
        )

    def _found(self, entry: Entry, folder: Folder) -> int | None:
        """The job that has the attempt already; None when none has."""
        jobs = list(self._listed.get(entry.id, ()))
        if entry.tries or not jobs:
            claimant = folder.claimant() if folder.path.exists() else ""
            if claimant.isdigit():
                return int(claimant)
        if not jobs and entry.tries:
            jobs = list(self._transport.past(entry.id))
        if not jobs:
            return None
        jobs.sort(key=lambda job: (states.phase_of(job.states) is AttemptPhase.ENDED, job.id))
        return jobs[0].id

    def _adopt(self, entry: Entry, job_id: int) -> None:
        LOG.warning("%s is job %d in Slurm already; nothing is submitted", entry.id, job_id)
        with self.lock:
            entry.job_id = job_id
            entry.submitted_ms = entry.tried_ms or self._clock()
            self._files.save(entry)
        self._drop_others(entry)

    def _drop_others(self, entry: Entry) -> None:
        """Cancel other jobs of the same attempt: they could only find that it is taken."""
        for job in self._listed.get(entry.id, ()):
            if job.id != entry.job_id and states.phase_of(job.states) is not AttemptPhase.ENDED:
                LOG.warning("%s is twice in Slurm; job %d is cancelled", entry.id, job.id)
                self._transport.cancel(job.id, entry.unix_user)

    # --- stopping ------------------------------------------------------------------------------

    def _carry_stop(self, entry: Entry) -> None:
        """Tell the script; when its time is over, or Slurm has not begun it, have Slurm end it."""
        now_ms = self._clock()
        job = self._jobs.get(entry.id)
        if job is None:
            return  # not seen yet: whether the number is the attempt's is not certain
        is_pending = states.is_pending(job.states)
        grace_ms = round((entry.stop.grace_s if entry.stop else 0.0) * 1000)
        due_ms = entry.told_ms + grace_ms + KILL_MARGIN_MS
        if entry.given_up or is_pending or grace_ms == 0 or (entry.told_ms and now_ms >= due_ms):
            if entry.killed_ms and now_ms < entry.killed_ms + 10 * RETRY_MS:
                return
            self._transport.cancel(entry.job_id, entry.unix_user)
            entry.killed_ms = now_ms
        elif entry.told_ms:
            return
        else:
            self._transport.signal(entry.job_id, entry.unix_user, STOP_SIGNAL)
            entry.told_ms = now_ms
        with self.lock:
            self._files.save(entry)

    # --- looking -------------------------------------------------------------------------------

    def _look_at_jobs(self) -> None:
        """Learn how the attempts stand: by names where one is looked for, else by the cheapest way
        that shows those that run."""
        with self.lock:
            live = [entry for entry in self.entries.values() if entry.is_live]
            # After a silence too: a controller that lost its last seconds has forgotten jobs.
            by_name = self._must_list() or not self._listed_ms or bool(self.fault)
        asked_ms, self._asked_at = self._clock(), time.monotonic()
        with self._pace:
            try:
                self._learn(live, asked_ms, by_name=by_name)
                self.fault, self._failures = "", 0
            except (NotReached, AnswerLost, Refused) as error:
                if not self.fault:
                    LOG.warning("site %s: %s", self._site, error)
                self.fault = str(error)
                self._failures += 1
            finally:
                self._asked_at = math.inf

    def _learn(self, live: list[Entry], asked_ms: int, *, by_name: bool) -> None:
        """By names, by states alone, or one by one: the cheapest that tells what is asked."""
        if by_name:
            self._follow_list(live, asked_ms)
        elif len(live) <= self._transport.singles_max:
            self._look_closer(live)
        elif (told := self._transport.states()) is None:
            self._follow_list(live, asked_ms)
        else:
            moved = [entry for entry in live if self._has_moved(entry, told.get(entry.job_id))]
            if len(moved) > self._transport.singles_max:
                self._follow_list(live, asked_ms)
                return
            self._look_closer(moved)
            for entry in live:
                job = self._jobs.get(entry.id)
                # What Slurm has ended may have to die yet.
                if job is not None and (not entry.started_ms or states.is_over(job)):
                    self._advance(entry, job)

    def _has_moved(self, entry: Entry, now: tuple[str, ...] | None) -> bool:
        """Whether states alone leave something to ask: what is new, what moved, and now and then
        why a job still waits."""
        known = self._jobs.get(entry.id)
        if known is None or now is None or set(now) != set(known.states):
            return True
        return states.is_pending(now) and self._may_ask(f"why {entry.id}", WHY_MS)

    def _follow_list(self, live: list[Entry], asked_ms: int) -> None:
        """The whole list. A number that was given out again is not the attempt's job."""
        jobs = self._transport.jobs()
        self._listed_ms = asked_ms
        if jobs is not None:
            listed: dict[str, list[SlurmJob]] = {}
            for job in jobs:
                listed.setdefault(job.name, []).append(job)
            self._listed = listed
        unknown: list[Entry] = []
        for entry in live:
            named = self._listed.get(entry.id, ())
            mine = next((each for each in named if each.id == entry.job_id), None)
            if mine is None:
                # Missing from a list that is older than the job it is no sign of anything.
                unknown += [entry] if asked_ms > entry.submitted_ms else []
            elif _is_complete(mine, entry):
                self._keep(entry, mine)
                self._advance(entry, mine)
            else:
                unknown.append(entry)
        self._look_closer(unknown[:DETAILS_MAX])

    def _look_closer(self, entries: Sequence[Entry]) -> None:
        """Ask for each job by itself; then let its attempt move on."""
        for entry in entries:
            told = self._transport.job(entry.job_id)
            # A number may have been given out again.
            job = told if told is not None and told.name == entry.id else None
            if job is not None:
                self._keep(entry, job)
            self._advance(entry, job)

    def _keep(self, entry: Entry, job: SlurmJob) -> None:
        if self._jobs.get(entry.id) != job:
            self._jobs[entry.id] = job
            self.version += 1

    def _advance(self, entry: Entry, job: SlurmJob | None) -> None:
        """Follow what Slurm says of one attempt."""
        phase = AttemptPhase.ENDED if job is None else states.phase_of(job.states)
        if phase is AttemptPhase.ENDED:
            self._end(entry, job)
            return
        assert job is not None
        if phase is AttemptPhase.LAUNCHING and states.is_pending(job.states):
            self._wait(entry, job)
            return
        self._say(entry, states.waits_why(job) if "SUSPENDED" in job.states else "")
        if not entry.started_ms:
            self._look_for_start(entry)

    def _look_at_files(self) -> None:
        """See starts and ends where jobs leave word of them, before the next list is due."""
        with self.lock:
            if len(self.entries) > HINTS_MAX:
                return
            live = [entry for entry in self.entries.values() if entry.is_live]
        for entry in live:
            if not entry.started_ms:
                self._look_for_start(entry)
            if entry.started_ms and self.folder(entry).has_ended():
                if not self._may_ask(f"hint {entry.id}", HINT_MS):
                    continue
                with contextlib.suppress(EngineError):
                    self._look_closer([entry])

    def _may_ask(self, key: str, every_ms: int) -> bool:
        """Whether it is time again for what is asked now and then only."""
        now_ms = self._clock()
        if now_ms < self._retry_ms.get(key, 0):
            return False
        self._retry_ms[key] = now_ms + every_ms
        return True

    def _look_for_start(self, entry: Entry) -> None:
        """Every rank runs: each has opened its output."""
        folder = self.folder(entry)
        begun = folder.begun()
        if begun is None or begun.job != entry.job_id:
            return
        if folder.ranks_started() >= sum(ranks_of(entry.attempt)):
            with self.lock:
                entry.started_ms = self._clock()
                self._files.save(entry)
            self._say(entry, "")
            self.version += 1

    def _waits_long(self, entry: Entry) -> bool:
        if entry.started_ms:
            return False
        if entry.given_up:
            return True  # taken back for that, it is cancelled by now and still holds nothing
        job = self._jobs.get(entry.id)
        is_waiting = job is not None and states.is_pending(job.states)
        return is_waiting and self._clock() >= entry.submitted_ms + PATIENCE_MS

    def _wait(self, entry: Entry, job: SlurmJob) -> None:
        """A job that waits for nodes others have is taken back; one that somebody holds is not."""
        self._say(entry, states.waits_why(job))
        if entry.given_up or states.is_held(job) or not self._waits_long(entry):
            return
        if self._watch.fault or self._watch.asked_ms < entry.submitted_ms + PATIENCE_MS:
            return
        paths = {each.node for each in entry.attempt.placements}
        taken = [
            each for each in self._watch.conditions() if each.path in paths and each.state != "up"
        ]
        if taken:
            why = "; ".join(f"{plan.name_of(each.path)}: {each.reason}" for each in taken)
            with self.lock:
                entry.given_up = f"{NOT_STARTED}: {why}"
                self._files.save(entry)
                self.want(entry)

    def _end(self, entry: Entry, job: SlurmJob | None) -> None:
        """The attempt is over: keep how."""
        folder = self.folder(entry)
        record = folder.exit()
        if record is not None and record.job != entry.job_id:
            record = None
        claimant = folder.claimant()
        is_other = claimant.isdigit() and int(claimant) != entry.job_id
        if job is not None and job.exit_code == EXIT_CLAIMED and is_other:
            self._adopt(entry, int(claimant))
            return
        if job is None and record is None and entry.job_id:
            job = self._past(entry)
        if job is None and record is None and entry.job_id and not self._is_gone(entry, folder):
            return
        is_bad = job is not None and not entry.stop and states.end_of(job).exit_code != 0
        if is_bad and self._watch.asked_ms < self._round_ms:
            self._watch.look(self.held)  # it may be a node's fault: which, the next list says
        by_name = {plan.name_of(each.node): each.node for each in entry.attempt.placements}
        failure = folder.first_failure() if entry.started_ms or record else None
        lost = [
            path
            for name, path in by_name.items()
            if (job is not None and name == job.failed_node) or self._watch.is_lost(name)
        ]
        # Slurm may tell the loss of a node before it tells which.
        is_lost = bool(lost) or (job is not None and states.end_of(job).is_lost)
        if is_lost and not self._is_dead(entry, folder):
            return
        if failure is not None:
            failure = (by_name.get(failure[0], ""), failure[1])
        with self.lock:
            entry.started_ms = entry.started_ms or self._start_ms(entry, job, folder)
            entry.end = conclude(entry, job, record, failure, lost, self._clock())
            # Lost in a crash, it is found again; the log above the port is what keeps ends.
            self._files.save(entry)
            self.ports.discard(entry.port)
            self.version += 1

    def _past(self, entry: Entry) -> SlurmJob | None:
        """The job as the accounts have it, if they say that it is over."""
        for job in reversed(self._transport.past(entry.id)):
            if job.id == entry.job_id and states.is_over(job):
                return job
        return None

    def _is_gone(self, entry: Entry, folder: Folder) -> bool:
        """Whether an attempt that Slurm has forgotten, and that left no word, is over."""
        if folder.close():
            return True  # its script never began, and cannot any more
        now_ms = self._clock()
        since_ms = self._retry_ms.setdefault(f"gone {entry.id}", now_ms)
        return now_ms >= since_ms + ORPHAN_MS

    def _is_dead(self, entry: Entry, folder: Folder) -> bool:
        """Whether nothing of an attempt runs any more on nodes that Slurm lost: there may be no
        more than slurmd that is gone. The tasks' own watchers have been told for long enough."""
        folder.give_up()
        now_ms = self._clock()
        since_ms = self._retry_ms.setdefault(f"lost {entry.id}", now_ms)
        return now_ms >= since_ms + FENCE_MS

    def _start_ms(self, entry: Entry, job: SlurmJob | None, folder: Folder) -> int:
        """When an attempt that ended unseen had begun; 0 when it had not."""
        begun = folder.begun()
        if begun is None or begun.job != entry.job_id:
            return 0
        lasted_s = job.end_s - job.start_s if job is not None and job.start_s else 0
        return max(entry.submitted_ms, self._clock() - max(0, lasted_s) * 1000)


def _is_complete(job: SlurmJob, entry: Entry) -> bool:
    """Whether a list tells of a job all that is needed: commands tell no exit codes and no times,
    which matter only for what ended by itself."""
    was_taken_back = entry.stop is not None and not entry.started_ms
    return not states.is_over(job) or job.exit_code is not None or was_taken_back


def _close_for_good(folder: Folder) -> None:
    """Should Slurm have taken what it refused, its script is not to begin."""
    with contextlib.suppress(EngineError):
        folder.close()


def _wants(entry: Entry) -> bool:
    is_to_end = entry.stop is not None or bool(entry.given_up)
    return entry.end is None and (not entry.job_id or is_to_end)
