"""The scheduler: one state of integer arrays, one mutator, one decision. Pure.

    state = empty(nodes, rows, placing)             a factory with no job, and its placement policy
    state = apply(state, submit(at_ms, cls, ...))   the only way a state changes
    n = cycle(copy(state), now_ms, out)             who starts now, and where
    explain(state, job, now_ms)                     why a job waits, and what would start it
    never_fits(state, shape)                        why a job must be refused
    forward(state, events, now_ms, until_ms)        the same, run through time
    foresee(state, now_ms, rides, horizon)          the same on copies, until given jobs start
    check(state)                                    what must hold, derived anew
    over_after_cut(state)                           rows that a cut left over their limit

Nothing here knows a name, a clock or a random number: `fleet` translates names to indexes, times
are arguments (milliseconds since the Unix epoch, UTC), and everything a decision compares is an
integer. That is why the same events give the same bytes: rebuilt from the log, replayed in the
twin, interpreted or compiled.

Jobs of one shape are a class; each class keeps its jobs in an ordered tree (`order`). A cycle tries
classes, not jobs: priority first, then submit time; the first job that must wait is the head and
holds concrete nodes and quota at its shadow time (`reservation`), later jobs start beside it
(EASY backfill without a depth limit). A gang goes whole into the smallest domain that fits
(`placement`), on the nodes that the policy scores best (`score`); the GPUs of a node are told apart
where fractions of one are asked (`gpus`). Every rule about who may run where is a file with four
small functions (`mask`, `capacity`, `tree`, `power`, `calendar`, `windows`), listed once in
`constraints`. Beside EASY there is a plan of all waiting jobs (`conservative`).
`docs/scheduler.md` has the rules in full.
"""

from arkwright.sched._jit import INTERPRETED, Kernels, compiled
from arkwright.sched.advance import FORWARD_COLUMNS
from arkwright.sched.codes import (
    ANY,
    ANY_SITE,
    ANY_TYPE,
    ARKWRIGHT,
    BEHIND_HIGHER_PRIORITY,
    BEST_FIT,
    BIG,
    CONSERVATIVE,
    DONE,
    DOT_PRODUCT,
    DOWN,
    DRAINING,
    EASY,
    FEWER_NODES,
    FGD,
    FIRST_FIT,
    GPU_CLUSTERING,
    GPU_PACKING,
    GREEDY,
    HELD,
    IS_ACTIVE,
    IS_DONE,
    IS_HELD,
    LESS_PER_NODE,
    LIMIT_AHEAD,
    NEVER_NO_SUCH_NODE,
    NEVER_NODE_TOO_SMALL,
    NEVER_POWER,
    NEVER_QUOTA,
    NEVER_TOO_MANY_NODES,
    NEVER_TOPOLOGY,
    NODES_DOWN,
    NODES_RETURN,
    NONE,
    NOT_ENOUGH_FREE,
    OTHER_NODES,
    POWER,
    QUEUED,
    QUOTA,
    RANDOM,
    RELEASE_IT,
    RESERVED_FOR_HEAD,
    RESERVED_WINDOW,
    RUNNING,
    SHORTER,
    STARTING,
    STARTS_NOW,
    STOPPING,
    STRICT,
    SUBMIT,
    TOPOLOGY,
    UNLIMITED,
    UP,
    WAIT,
    WEAKER_LEVEL,
)
from arkwright.sched.event import (
    Event,
    add_class,
    announce,
    end,
    hold,
    node_state,
    priority,
    release,
    requeue,
    reserve,
    row_limit,
    run,
    start,
    stop,
    submit,
    unreserve,
    withdraw,
)
from arkwright.sched.foresee import (
    Foreseen,
    Horizon,
    Ride,
    changed,
    foresee,
    most_nodes_now,
    reshaped,
)
from arkwright.sched.forward import Course, forward, timetable
from arkwright.sched.invariants import check, over_after_cut
from arkwright.sched.mutate import apply
from arkwright.sched.placing import Placing, Typical
from arkwright.sched.reason import Reason
from arkwright.sched.save import arrays_of, state_of
from arkwright.sched.schedule import cycle
from arkwright.sched.state import (
    Nodes,
    Rows,
    Shape,
    State,
    copy,
    empty,
    find_class,
    gpus_of,
    nodes_of,
    room,
    same,
    shape_of,
)
from arkwright.sched.why import explain, never_fits

__all__ = [
    "ANY",
    "ANY_SITE",
    "ANY_TYPE",
    "ARKWRIGHT",
    "BEHIND_HIGHER_PRIORITY",
    "BEST_FIT",
    "BIG",
    "CONSERVATIVE",
    "DONE",
    "DOT_PRODUCT",
    "DOWN",
    "DRAINING",
    "EASY",
    "FEWER_NODES",
    "FGD",
    "FIRST_FIT",
    "FORWARD_COLUMNS",
    "GPU_CLUSTERING",
    "GPU_PACKING",
    "GREEDY",
    "HELD",
    "INTERPRETED",
    "IS_ACTIVE",
    "IS_DONE",
    "IS_HELD",
    "LESS_PER_NODE",
    "LIMIT_AHEAD",
    "NEVER_NODE_TOO_SMALL",
    "NEVER_NO_SUCH_NODE",
    "NEVER_POWER",
    "NEVER_QUOTA",
    "NEVER_TOO_MANY_NODES",
    "NEVER_TOPOLOGY",
    "NODES_DOWN",
    "NODES_RETURN",
    "NONE",
    "NOT_ENOUGH_FREE",
    "OTHER_NODES",
    "POWER",
    "QUEUED",
    "QUOTA",
    "RANDOM",
    "RELEASE_IT",
    "RESERVED_FOR_HEAD",
    "RESERVED_WINDOW",
    "RUNNING",
    "SHORTER",
    "STARTING",
    "STARTS_NOW",
    "STOPPING",
    "STRICT",
    "SUBMIT",
    "TOPOLOGY",
    "UNLIMITED",
    "UP",
    "WAIT",
    "WEAKER_LEVEL",
    "Course",
    "Event",
    "Foreseen",
    "Horizon",
    "Kernels",
    "Nodes",
    "Placing",
    "Reason",
    "Ride",
    "Rows",
    "Shape",
    "State",
    "Typical",
    "add_class",
    "announce",
    "apply",
    "arrays_of",
    "changed",
    "check",
    "compiled",
    "copy",
    "cycle",
    "empty",
    "end",
    "explain",
    "find_class",
    "foresee",
    "forward",
    "gpus_of",
    "hold",
    "most_nodes_now",
    "never_fits",
    "node_state",
    "nodes_of",
    "over_after_cut",
    "priority",
    "release",
    "requeue",
    "reserve",
    "reshaped",
    "room",
    "row_limit",
    "run",
    "same",
    "shape_of",
    "start",
    "state_of",
    "stop",
    "submit",
    "timetable",
    "unreserve",
    "withdraw",
]
