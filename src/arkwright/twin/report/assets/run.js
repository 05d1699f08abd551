// One run, ready to be asked: what holds which node when, and what every line is at an instant.

const PROJECT_COLOURS = ["c0", "c1", "c2", "c3", "c4"];
const OTHER_COLOUR = "c5";
const NOT_TOLD = -1;
// A whole share in a heat map, as heat.py writes it.
const HEAT_FULL = 250;

function buildRun(head, column, index) {
  const run = { ...head.runs[index], index, endings: head.endings };
  const of = (name) => column(run.prefix + name);
  run.span = run.until_ms - run.from_ms;
  run.fleet = buildFleet(head.fleets[run.fleet], column);
  run.job = jobColumns(of);
  run.attempt = attemptColumns(of);
  run.outage = outageColumns(of);
  run.line = buildLines(run, column);
  run.sites = run.power.map((site) => siteColumns(site, column));
  run.heat = { busy: of("heat.rack_busy"), out: of("heat.rack_out"), bins: run.rack_bins };
  run.nodeHeat = run.node_bins ? { busy: of("heat.node_busy"), bins: run.node_bins } : null;
  run.pieces = layPieces(run);
  run.colours = projectColours(run);
  run.attemptsOf = attemptsByJob(run);
  run.gpu_hours = gpuHours(run);
  return run;
}

function buildLines(run, column) {
  const lines = {};
  for (const name of Object.keys(run.line_width_ms)) {
    const prefix = `${run.prefix}line.${name}.`;
    lines[name] = { t: column(prefix + "t_ms"), value: column(prefix + "value") };
  }
  return lines;
}

function buildFleet(head, column) {
  const fleet = { ...head };
  for (const name of ["path", "site", "hall", "row", "rack", "gpus", "gpu_type"]) {
    fleet[name] = column(head.prefix + name);
  }
  fleet.size = fleet.path.length;
  fleet.rackNodes = grouped(fleet.rack, fleet.racks.length);
  fleet.rackRow = fleet.rackNodes.map((nodes) => fleet.row[nodes[0]]);
  fleet.rackHall = fleet.rackNodes.map((nodes) => fleet.hall[nodes[0]]);
  fleet.rowRacks = grouped(fleet.rackRow, fleet.rows.length);
  fleet.rowHall = fleet.rowRacks.map((racks) => fleet.rackHall[racks[0]]);
  fleet.hallRows = grouped(fleet.rowHall, fleet.halls.length);
  fleet.hallSite = new Array(fleet.halls.length).fill(0);
  for (let n = 0; n < fleet.size; n++) fleet.hallSite[fleet.hall[n]] = fleet.site[n];
  fleet.siteHalls = grouped(fleet.hallSite, fleet.sites.length);
  return fleet;
}

function grouped(keys, count) {
  const groups = Array.from({ length: count }, () => []);
  for (let i = 0; i < keys.length; i++) groups[keys[i]].push(i);
  return groups;
}

function jobColumns(of) {
  const names = ["id", "submit_ms", "estimate_ms", "gpus_milli", "project", "pool", "kind", "outcome"];
  return Object.fromEntries(names.map((name) => [name, of("job." + name)]));
}

function attemptColumns(of) {
  const names = ["job", "start_ms", "run_ms", "ending", "lost_ms", "node", "gpu_milli"];
  const attempt = Object.fromEntries(names.map((name) => [name, of("attempt." + name)]));
  const nodes = of("attempt.nodes");
  attempt.size = nodes.length;
  attempt.first = new Uint32Array(nodes.length + 1);
  attempt.end_ms = new Float64Array(nodes.length);
  for (let a = 0; a < nodes.length; a++) {
    attempt.first[a + 1] = attempt.first[a] + nodes[a];
    attempt.end_ms[a] = attempt.start_ms[a] + attempt.run_ms[a];
  }
  return attempt;
}

function outageColumns(of) {
  const names = ["node", "from_ms", "out_ms", "cause"];
  const outage = Object.fromEntries(names.map((name) => [name, of("outage." + name)]));
  outage.size = outage.node.length;
  return outage;
}

function siteColumns(site, column) {
  const found = { site: site.site, t: column(site.prefix + "t_ms") };
  for (const name of site.columns) found[name] = column(site.prefix + name);
  return found;
}

function gpuHours(run) {
  const hours = new Float64Array(run.projects.length + 1);
  const { attempt, job } = run;
  for (let a = 0; a < attempt.size; a++) {
    const project = job.project[attempt.job[a]];
    hours[project < 0 ? run.projects.length : project] +=
      job.gpus_milli[attempt.job[a]] * attempt.run_ms[a] / 3.6e9;
  }
  return hours;
}

// The five projects with most GPU-time have a colour of their own.
function projectColours(run) {
  const hours = gpuHours(run);
  const order = run.projects.map((_, p) => p).sort((a, b) => hours[b] - hours[a] || a - b);
  const colours = new Array(run.projects.length).fill(OTHER_COLOUR);
  order.slice(0, PROJECT_COLOURS.length).forEach((p, at) => { colours[p] = PROJECT_COLOURS[at]; });
  return { of: colours, order };
}

function attemptsByJob(run) {
  const { attempt, job } = run;
  const first = new Uint32Array(job.submit_ms.length + 1);
  for (let a = 0; a < attempt.size; a++) first[attempt.job[a] + 1]++;
  for (let j = 0; j < job.submit_ms.length; j++) first[j + 1] += first[j];
  const place = first.slice();
  const list = new Uint32Array(attempt.size);
  for (let a = 0; a < attempt.size; a++) list[place[attempt.job[a]]++] = a;
  return (j) => list.subarray(first[j], first[j + 1]);
}

const colourOf = (run, job) => {
  const project = run.job.project[job];
  return project < 0 ? OTHER_COLOUR : run.colours.of[project];
};

// The place of the last entry that is not above `t`; -1 where all are.
function lastNotAfter(sorted, t) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= t) low = middle + 1; else high = middle;
  }
  return low - 1;
}

function lineAt(line, t) {
  const at = lastNotAfter(line.t, t);
  return at < 0 ? 0 : line.value[at];
}

// Who holds which node at `t`: per node the attempt that holds most of it, how much is held, and
// the outage it is in. A hundred thousand attempts are looked through in less than a millisecond.
function stateAt(run, t) {
  const { attempt, outage, fleet } = run;
  const state = {
    t, who: new Int32Array(fleet.size).fill(NOT_TOLD), most: new Float64Array(fleet.size),
    held: new Float64Array(fleet.size), out: new Int32Array(fleet.size).fill(NOT_TOLD), running: 0,
  };
  const last = lastNotAfter(attempt.start_ms, t);
  for (let a = 0; a <= last; a++) {
    if (attempt.end_ms[a] <= t) continue;
    state.running++;
    for (let p = attempt.first[a]; p < attempt.first[a + 1]; p++) holdNode(state, attempt, a, p);
  }
  for (let o = 0; o < outage.size; o++) {
    if (outage.from_ms[o] <= t && t < outage.from_ms[o] + outage.out_ms[o]) state.out[outage.node[o]] = o;
  }
  return state;
}

function holdNode(state, attempt, a, pair) {
  const node = attempt.node[pair], milli = attempt.gpu_milli[pair];
  state.held[node] += milli;
  if (milli > state.most[node]) {
    state.most[node] = milli;
    state.who[node] = a;
  }
}

// Where on its node each part of an attempt is drawn: [from, until] in milli-GPU from the first GPU
// on, the lowest gaps that are free all the while. A record says how much is held, not which GPU.
// Pairs that hold a whole node have no entry.
function layPieces(run) {
  const { attempt, fleet } = run, pieces = new Map(), live = new Map();
  for (let a = 0; a < attempt.size; a++) {
    for (let p = attempt.first[a]; p < attempt.first[a + 1]; p++) {
      const node = attempt.node[p], whole = fleet.gpus[node] * 1000;
      if (attempt.gpu_milli[p] >= whole) continue;
      const here = (live.get(node) || []).filter((one) => one.end > attempt.start_ms[a]);
      const mine = lowestGaps(here, attempt.gpu_milli[p], whole);
      for (const piece of mine) here.push({ end: attempt.end_ms[a], piece });
      pieces.set(p, mine);
      live.set(node, here.sort((one, other) => one.piece[0] - other.piece[0]));
    }
  }
  return pieces;
}

function lowestGaps(here, milli, whole) {
  const found = [];
  let low = 0;
  for (const { piece } of [...here, { piece: [whole, whole] }]) {
    const free = Math.min(piece[0] - low, milli);
    if (free > 0) {
      found.push([low, low + free]);
      milli -= free;
    }
    low = Math.max(low, piece[1]);
  }
  return found;
}

// The share of a node that is busy at `t`: of all jobs, also of those too small to be shown.
function busyShare(run, state, node) {
  state.busy = state.busy || busyShares(run, state);
  return state.busy[node];
}

function busyShares(run, state) {
  const { fleet, nodeHeat, node_bins: bins } = run, busy = new Float64Array(fleet.size);
  const bin = Math.min(bins - 1, Math.floor(state.t / run.span * bins));
  for (let node = 0; node < fleet.size; node++) {
    const held = state.held[node] / Math.max(fleet.gpus[node] * 1000, 1);
    busy[node] = nodeHeat ? Math.max(held, nodeHeat.busy[node * bins + bin] / HEAT_FULL) : held;
  }
  return busy;
}

// The next instant at which anything starts or ends, or the last one before.
function nextEvent(run, t, forward) {
  const { attempt } = run;
  let best = forward ? run.span : 0;
  for (let a = 0; a < attempt.size; a++) {
    for (const at of [attempt.start_ms[a], attempt.end_ms[a]]) {
      if (forward ? at > t && at < best : at < t && at > best) best = at;
    }
  }
  return best;
}
