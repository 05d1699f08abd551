// The fleet at one instant: sites, their halls, rows of racks, nodes, GPUs.

const NODES_DRAWN_MAX = 6000, ROOMY_NODES_MAX = 200, HALL_WIDTH_MIN = 230, LABEL = 20, GAP = 12;
const CHILD = { fleet: "hall", site: "hall", hall: "rack", rack: "node", node: "node" };

// What is drawn where: [{level, index, x, y, w, h}], and how high all of it is.
function fleetLayout(width) {
  const { run, scope } = view, key = [run.index, scope.level, scope.index, width].join();
  if (fleetLayout.key === key) return fleetLayout.kept;
  const layout = { parts: [], height: 0, width, drawsNodes: scopeNodes().length <= NODES_DRAWN_MAX };
  if (isGpuLevel()) layOutNodes(layout);
  else layOutSites(layout);
  fleetLayout.key = key;
  fleetLayout.kept = layout;
  return layout;
}

function layOutSites(layout) {
  const { fleet } = view.run, { level, index } = view.scope;
  const halls = new Set(scopeNodes().map((node) => fleet.hall[node]));
  fleet.sites.forEach((_, site) => {
    const mine = fleet.siteHalls[site].filter((hall) => halls.has(hall));
    if (!mine.length) return;
    layout.parts.push({ level: "site", index: site, x: 0, y: layout.height, w: layout.width, h: LABEL });
    layout.height += LABEL;
    layOutHalls(layout, level === "hall" ? [index] : mine);
    layout.height += GAP;
  });
}

function layOutHalls(layout, halls) {
  const columns = Math.max(1, Math.min(halls.length, Math.floor(layout.width / HALL_WIDTH_MIN)));
  const w = (layout.width - GAP * (columns - 1)) / columns;
  for (let at = 0; at < halls.length; at += columns) {
    const highs = halls.slice(at, at + columns).map((hall, column) =>
      layOutHall(layout, hall, column * (w + GAP), layout.height, w));
    layout.height += Math.max(...highs) + GAP;
  }
}

// Rows of racks below each other, a row that is too long in several lines. Gives the height.
function layOutHall(layout, hall, x, y, w) {
  const { fleet } = view.run;
  const isAlone = view.scope.level === "hall" || scopeNodes().length <= ROOMY_NODES_MAX;
  const rows = fleet.hallRows[hall];
  const longest = Math.max(...rows.map((row) => fleet.rowRacks[row].length));
  const perLine = Math.max(1, Math.min(longest, Math.floor(w / (isAlone ? 22 : 7))));
  const rackW = Math.min(w / perLine, isAlone ? 110 : 60);
  const part = { level: "hall", index: hall, x, y, w, h: 0 };
  layout.parts.push(part);
  let top = y + LABEL;
  for (const row of rows) {
    const racks = fleet.rowRacks[row];
    for (let at = 0; at < racks.length; at += perLine) {
      const highs = racks.slice(at, at + perLine).map((rack, column) =>
        layOutRack(layout, rack, x + column * rackW, top, rackW - (rackW > 9 ? 3 : 1), isAlone));
      top += Math.max(...highs) + 4;
    }
    top += 5;
  }
  part.h = top - y;
  return part.h;
}

function layOutRack(layout, rack, x, y, w, isAlone) {
  const nodes = view.run.fleet.rackNodes[rack];
  if (!layout.drawsNodes) {
    layout.parts.push({ level: "rack", index: rack, x, y, w, h: 16 });
    return 16;
  }
  const step = isAlone ? 12 : nodes.length > 24 || scopeNodes().length > 3000 ? 3 : 5;
  layout.parts.push({ level: "rack", index: rack, x, y, w, h: nodes.length * step });
  nodes.forEach((node, at) =>
    layout.parts.push({ level: "node", index: node, x, y: y + at * step, w, h: step - 1 }));
  return nodes.length * step;
}

function layOutNodes(layout) {
  const nodes = scopeNodes(), step = nodes.length === 1 ? 64 : 34;
  nodes.forEach((node, at) => layout.parts.push(
    { level: "node", index: node, x: 0, y: at * step, w: layout.width, h: step - 8 }));
  layout.height = nodes.length * step;
}

// The state at the clock, kept until the clock moves.
function stateNow() {
  const key = [view.run.index, view.t].join();
  if (stateNow.key !== key) {
    stateNow.key = key;
    stateNow.kept = stateAt(view.run, view.t);
  }
  return stateNow.kept;
}

const fleetWidth = () => document.getElementById("fleet").parentElement.clientWidth - 2;

function fleetOver(g) {
  const layout = fleetLayout(fleetWidth()), state = stateNow();
  const job = chosenJob(), mine = job >= 0 ? jobNodesAt(view.run, job, view.t) : null;
  const isDeep = isGpuLevel();
  for (const part of layout.parts) {
    if (part.level === "site" || part.level === "hall") drawName(g, part, state);
    else if (part.level === "rack") drawRack(g, part, state, layout.drawsNodes);
    else if (isDeep) drawWideNode(g, part, state);
    else drawNode(g, part, state);
  }
  if (mine && !isDeep) outlineNodes(g, layout, mine);
  drawFocus(g, layout);
  if (isOver(charts.fleet)) drawTip(g, { width: layout.width, h: layout.height }, fleetTip(state));
}

function drawName(g, part, state) {
  const { fleet } = view.run, isSite = part.level === "site";
  const name = isSite ? fleet.sites[part.index] : lastPart(fleet.halls[part.index]);
  g.font = isSite ? FONT_BOLD : FONT;
  write(g, name, part.x, part.y + LABEL / 2, "ink");
  const used = placeShares(part.level, state)[part.index];
  const text = `${share(used.busy)} busy` + (used.out ? ` · ${counted(used.out, "node")} out` : "");
  const x = part.x + g.measureText(name).width + 10;
  g.font = FONT;
  write(g, text, x, part.y + LABEL / 2, "soft");
}

// Per site or hall: share of GPUs busy, and nodes out, at the clock.
function placeShares(level, state) {
  state.shares = state.shares || {};
  if (state.shares[level]) return state.shares[level];
  const { run } = view, { fleet } = run;
  const found = fleet[level + "s"].map(() => ({ held: 0, whole: 0, out: 0 }));
  for (let node = 0; node < fleet.size; node++) {
    const place = found[fleet[level][node]];
    place.held += busyShare(run, state, node) * fleet.gpus[node];
    place.whole += fleet.gpus[node];
    if (state.out[node] >= 0) place.out++;
  }
  for (const place of found) place.busy = place.whole ? place.held / place.whole : 0;
  state.shares[level] = found;
  return found;
}

function drawRack(g, part, state, drawsNodes) {
  if (drawsNodes) return;
  const used = placeShares("rack", state)[part.index];
  g.fillStyle = palette().pale;
  g.fillRect(part.x, part.y, part.w, part.h);
  g.fillStyle = palette().c1;
  g.globalAlpha = 0.9;
  g.fillRect(part.x, part.y + part.h * (1 - used.busy), part.w, part.h * used.busy);
  g.globalAlpha = 1;
  if (!used.out) return;
  const high = part.h * used.out / view.run.fleet.rackNodes[part.index].length;
  g.fillStyle = palette().ink;
  g.fillRect(part.x, part.y, part.w, Math.max(2, high));
}

// As wide as it is busy, in the colour of the job that holds most of it.
function drawNode(g, part, state) {
  const { run } = view, node = part.index, who = state.who[node];
  g.fillStyle = palette().pale;
  g.fillRect(part.x, part.y, part.w, part.h);
  if (state.out[node] >= 0) {
    g.fillStyle = palette().ink;
    g.globalAlpha = 0.75;
    g.fillRect(part.x, part.y, part.w, part.h);
    g.globalAlpha = 1;
    return;
  }
  const job = who < 0 ? NOT_TOLD : run.attempt.job[who];
  g.fillStyle = palette()[job < 0 ? OTHER_COLOUR : colourOf(run, job)];
  g.globalAlpha = job < 0 ? 0.6 : strengthOf(job);
  g.fillRect(part.x, part.y, part.w * Math.min(busyShare(run, state, node), 1), part.h);
  g.globalAlpha = 1;
}

const isGpuLevel = () => ["rack", "node"].includes(view.scope.level);
const gpuWidth = (part, count) => Math.min(46, Math.max(4, (part.w - leftMargin()) * 0.6 / count));

// The job on the GPU below the pointer; beside the GPUs, the one that holds most of the node.
function jobOnGpu(part, x) {
  const { run } = view, at = (x - leftMargin()) / gpuWidth(part, Math.max(1, run.fleet.gpus[part.index])) * 1000;
  const isOn = ({ pieces }) => pieces.some(([low, high]) => low <= at && at < high);
  const here = holdersAt(run, part.index, view.t).find(isOn), who = stateNow().who[part.index];
  if (here) return here.job;
  return who < 0 || (at >= 0 && at < run.fleet.gpus[part.index] * 1000) ? NOT_TOLD : run.attempt.job[who];
}

// A node with its GPUs and the names of the jobs on it.
function drawWideNode(g, part, state) {
  const { run } = view, { fleet } = run, node = part.index, count = Math.max(1, fleet.gpus[node]);
  const left = leftMargin(), cell = gpuWidth(part, count);
  write(g, lastPart(fleet.path[node]), 0, part.y + part.h / 2, "ink");
  const out = state.out[node];
  for (let gpu = 0; gpu < count; gpu++) {
    g.fillStyle = palette()[out >= 0 ? "ink" : "pale"];
    g.globalAlpha = out >= 0 ? 0.75 : 1;
    g.fillRect(left + gpu * cell, part.y, cell - 2, part.h);
  }
  g.globalAlpha = 1;
  const here = holdersAt(run, node, state.t);
  const held = state.held[node], rest = busyShare(run, state, node) * count * 1000 - held;
  // Smaller jobs are known as a mean over a bin, and stand behind those that are known.
  if (rest > 20) fillGpus(g, part, left, cell, 0, held + rest, OTHER_COLOUR);
  for (const { job, pieces } of here) {
    g.globalAlpha = strengthOf(job);
    for (const [low, high] of pieces) fillGpus(g, part, left, cell, low, high, colourOf(run, job));
    g.globalAlpha = 1;
    if (job === chosenJob()) outlineGpus(g, part, left, cell, pieces);
  }
  const said = out >= 0 ? `out: ${run.causes[run.outage.cause[out]]}`
    : here.map(({ job }) => run.job.id[job]).join(", ") || (rest > 20 ? "smaller jobs, in the mean" : "idle");
  g.save();
  g.beginPath();
  g.rect(0, part.y, part.w, part.h);
  g.clip();
  write(g, said, left + count * cell + 8, part.y + part.h / 2, "soft");
  g.restore();
}

function outlineGpus(g, part, left, cell, pieces) {
  g.strokeStyle = palette().ink;
  g.lineWidth = 1.6;
  for (const [low, high] of pieces) {
    g.strokeRect(left + low / 1000 * cell - 1, part.y - 1, (high - low) / 1000 * cell, part.h + 2);
  }
}

function fillGpus(g, part, left, cell, low, high, colour) {
  g.fillStyle = palette()[colour];
  for (let at = low; at < high - 1e-6;) {
    const gpu = Math.floor(at / 1000 + 1e-9), until = Math.min((gpu + 1) * 1000, high);
    const x = left + gpu * cell + (at / 1000 - gpu) * (cell - 2);
    g.fillRect(x, part.y, (until - at) / 1000 * (cell - 2), part.h);
    at = until;
  }
}

function holdersAt(run, node, t) {
  const { attempt } = run, found = [];
  const last = lastNotAfter(attempt.start_ms, t);
  for (let a = 0; a <= last; a++) {
    if (attempt.end_ms[a] <= t) continue;
    for (let p = attempt.first[a]; p < attempt.first[a + 1]; p++) {
      if (attempt.node[p] !== node) continue;
      const pieces = run.pieces.get(p) || [[0, run.fleet.gpus[node] * 1000]];
      found.push({ job: attempt.job[a], pieces });
    }
  }
  return found;
}

function jobNodesAt(run, job, t) {
  const nodes = new Set();
  for (const a of run.attemptsOf(job)) {
    if (run.attempt.start_ms[a] > t || run.attempt.end_ms[a] <= t) continue;
    for (let p = run.attempt.first[a]; p < run.attempt.first[a + 1]; p++) nodes.add(run.attempt.node[p]);
  }
  return nodes;
}

function outlineNodes(g, layout, mine) {
  const { fleet } = view.run, racks = new Set([...mine].map((node) => fleet.rack[node]));
  g.strokeStyle = palette().ink;
  g.lineWidth = 1.6;
  for (const part of layout.parts) {
    const isMine = part.level === "node" ? mine.has(part.index)
      : part.level === "rack" && !layout.drawsNodes && racks.has(part.index);
    if (isMine) g.strokeRect(part.x - 0.5, part.y - 0.5, part.w + 1, part.h + 1);
  }
}

function drawFocus(g, layout) {
  if (document.activeElement !== charts.fleet.canvas || view.focus < 0) return;
  const part = layout.parts.find((p) => p.level === CHILD[view.scope.level] && p.index === view.focus);
  if (!part) return;
  g.strokeStyle = palette().c0;
  g.lineWidth = 2;
  g.strokeRect(part.x - 2, part.y - 2, part.w + 3, part.h + 3);
}

// What lies under a point: the smallest part, and the part that a click opens.
function fleetAt(x, y) {
  const found = fleetLayout(fleetWidth()).parts.filter((p) =>
    x >= p.x && x < p.x + p.w && y >= p.y && y < p.y + p.h);
  return found.length ? found[found.length - 1] : null;
}

function fleetTip(state) {
  const { run } = view, part = fleetAt(view.pointer.x, view.pointer.y);
  if (!part) return [];
  if (part.level !== "node") {
    const used = placeShares(part.level, state)[part.index];
    return [run.fleet[part.level + "s"][part.index], `${share(used.busy)} of GPUs busy`,
      ...(used.out ? [`${counted(used.out, "node")} out of service`] : [])];
  }
  const node = part.index, out = state.out[node];
  const lines = [run.fleet.path[node], `${share(busyShare(run, state, node))} of GPUs busy`];
  if (out >= 0) lines.push(`out of service: ${run.causes[run.outage.cause[out]]}`);
  if (view.hover >= 0) lines.push(...jobLines(view.hover));
  return lines;
}

function fleetOpen(part, x) {
  if (!part) return;
  const { fleet } = view.run, { level } = view.scope;
  if (isGpuLevel()) return keepJob(jobOnGpu(part, x));
  if (part.level === "site") return setScope("site", part.index);
  const node = part.level === "node" ? part.index : NOT_TOLD;
  const rack = part.level === "rack" ? part.index : node < 0 ? NOT_TOLD : fleet.rack[node];
  if (level === "hall" && rack >= 0) return setScope("rack", rack);
  return setScope("hall", part.level === "hall" ? part.index : fleet.rackHall[rack]);
}

// The part of the level below that lies nearest in a direction.
function fleetStep(dx, dy) {
  const level = CHILD[view.scope.level];
  const parts = fleetLayout(fleetWidth()).parts.filter((p) => p.level === level);
  const here = parts.find((p) => p.index === view.focus);
  if (!here) {
    view.focus = parts.length ? parts[0].index : NOT_TOLD;
    return touch();
  }
  const away = (p) => {
    const x = p.x - here.x, y = p.y - here.y, along = x * dx + y * dy;
    return along > 0.5 ? along + 3 * Math.abs(x * dy + y * dx) : Infinity;
  };
  const next = parts.reduce((best, p) => (away(p) < away(best) ? p : best), here);
  view.focus = next.index;
  touch();
}
