// What the reader looks at: one run, one clock, one window of time, one part of the fleet, one job.
// Everything drawn is a function of this; whoever changes it calls `touch`.

const view = {
  run: null, t: 0, t0: 0, t1: 1, scope: { level: "fleet", index: 0 },
  hover: NOT_TOLD, pinned: NOT_TOLD, playing: false, speed: 1, focus: NOT_TOLD, pointer: null,
};
const painters = [];
let waiting = false;

function touch() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    for (const paint of painters) paint();
  });
}

// The job in hand: the one kept by a click, else the one under the pointer.
const chosenJob = () => (view.hover >= 0 ? view.hover : view.pinned);

function setTime(t) {
  view.t = Math.min(Math.max(t, 0), view.run.span);
  const width = view.t1 - view.t0;
  if (view.t < view.t0 || view.t > view.t1) setWindow(view.t - width / 2, view.t + width / 2);
  touch();
}

function setWindow(t0, t1) {
  const span = view.run.span;
  const width = Math.min(Math.max(t1 - t0, Math.min(span, 10e3)), span);
  const from = Math.min(Math.max((t0 + t1) / 2 - width / 2, 0), span - width);
  view.t0 = from;
  view.t1 = from + width;
  touch();
}

function zoom(factor, around) {
  const at = around === undefined ? (view.t0 + view.t1) / 2 : around;
  setWindow(at - (at - view.t0) * factor, at + (view.t1 - at) * factor);
}

const pan = (part) => setWindow(
  view.t0 + part * (view.t1 - view.t0), view.t1 + part * (view.t1 - view.t0));

function setScope(level, index) {
  view.scope = { level, index };
  view.focus = NOT_TOLD;
  touch();
}

function setHover(job) {
  if (job === view.hover) return;
  view.hover = job;
  touch();
}

// Nodes and racks of the part of the fleet that is looked at, in their order; kept while it is.
const scopeNodes = () => scopeParts().nodes;
const scopeRacks = () => scopeParts().racks;

function scopeParts() {
  const { run, scope } = view, key = [run.index, scope.level, scope.index].join();
  if (scopeParts.key !== key) {
    const nodes = findNodes(run.fleet, scope.level, scope.index);
    const racks = [...new Set(nodes.map((node) => run.fleet.rack[node]))];
    scopeParts.key = key;
    scopeParts.kept = { nodes, racks };
  }
  return scopeParts.kept;
}

function findNodes(fleet, level, index) {
  if (level === "node") return [index];
  if (level === "rack") return fleet.rackNodes[index];
  const every = Array.from({ length: fleet.size }, (_, node) => node);
  return level === "fleet" ? every : every.filter((node) => fleet[level][node] === index);
}

// The place looked at, and what it lies in: [{level, index, name}], the whole fleet first.
function scopePath() {
  const { fleet } = view.run, { level, index } = view.scope;
  const path = [{ level: "fleet", index: 0, name: "all sites" }];
  if (level === "fleet") return path;
  const node = level === "node" ? index : scopeNodes()[0];
  for (const at of ["site", "hall", "rack", "node"]) {
    const place = at === "node" ? node : fleet[at][node];
    const name = at === "node" ? fleet.path[node] : fleet[at + "s"][place];
    path.push({ level: at, index: place, name: lastPart(name) });
    if (at === level) break;
  }
  return path;
}

const lastPart = (path) => path.slice(path.lastIndexOf("/") + 1);

function scopeUp() {
  const path = scopePath();
  if (path.length > 1) setScope(path[path.length - 2].level, path[path.length - 2].index);
}
