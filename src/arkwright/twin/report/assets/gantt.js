// Jobs on nodes over time, nodes in the order in which they stand: rows of racks are bands.

const GANTT_BOTTOM_ROOM = 20;

function ganttHeight() {
  const nodes = scopeNodes().length;
  return Math.min(innerWidth < 600 ? 420 : 560, Math.max(90, nodes * 18)) + GANTT_BOTTOM_ROOM;
}

// Where each node of the scope stands; NOT_TOLD for the others.
function ganttPlaces() {
  const { run, scope } = view, key = [run.index, scope.level, scope.index].join();
  if (ganttPlaces.key !== key) {
    ganttPlaces.key = key;
    ganttPlaces.nodes = ganttNodes();
    ganttPlaces.place = new Int32Array(run.fleet.size).fill(NOT_TOLD);
    ganttPlaces.nodes.forEach((node, at) => { ganttPlaces.place[node] = at; });
  }
  return ganttPlaces;
}

// By row, and within a row as racks and nodes are numbered.
function ganttNodes() {
  const { fleet } = view.run;
  return [...scopeNodes()].sort((a, b) => fleet.row[a] - fleet.row[b] || a - b);
}

function ganttBase(g, box) {
  const { run } = view, { nodes } = ganttPlaces(), bottom = box.h - GANTT_BOTTOM_ROOM;
  g.fillStyle = palette().pale;
  g.fillRect(box.x, 0, box.w, bottom);
  if (run.nodeHeat) ganttShade(g, box, bottom, nodes);
  timeAxis(g, box, 0, bottom);
  clipped(g, box, () => {
    drawAttempts(g, box, bottom);
    drawOutages(g, box, bottom);
  });
  ganttBands(g, box, bottom, nodes);
}

function ganttShade(g, box, bottom, nodes) {
  const { run } = view;
  g.globalAlpha = 0.45;
  drawHeat(g, box, 0, bottom, "nodes", nodes, run.node_bins, run.nodeHeat.busy, null);
  g.globalAlpha = 1;
}

function ganttBands(g, box, bottom, nodes) {
  const { fleet } = view.run;
  const isDeep = ["rack", "node"].includes(view.scope.level);
  const keys = nodes.map((node) => (isDeep ? node : fleet.row[node]));
  for (const { key, from, until } of bands(keys, bottom)) {
    stroke(g, box.x - 4, until, box.x + box.w, until, "rule");
    const name = isDeep ? lastPart(fleet.path[key]) : bandName(fleet.rows[key]);
    if (until - from > 11) write(g, name, box.x - 6, (from + until) / 2, "soft", "right");
  }
}

// Neighbouring nodes of one attempt are one box.
function drawAttempts(g, box, bottom) {
  const { run } = view, { attempt } = run, { place, nodes } = ganttPlaces();
  const row = bottom / nodes.length, colours = palette();
  const last = lastNotAfter(attempt.start_ms, view.t1);
  for (let a = 0; a <= last; a++) {
    if (attempt.end_ms[a] < view.t0) continue;
    const x = xOf(box, attempt.start_ms[a]), width = xOf(box, attempt.end_ms[a]) - x;
    const job = attempt.job[a];
    g.fillStyle = colours[colourOf(run, job)];
    g.globalAlpha = strengthOf(job);
    attemptBoxes(run, a, place, row, (y, h) => {
      g.fillRect(x, y, Math.max(width - (width > 3 ? 0.6 : 0), 0.3), Math.max(h, 0.2));
      if (h > 13 && width > 60) label(g, run, job, x, y + h / 2, width);
    });
  }
  g.globalAlpha = 1;
}

function label(g, run, job, x, y, width) {
  const alpha = g.globalAlpha, colour = g.fillStyle, left = Math.max(x, leftMargin());
  const text = String(run.job.id[job]);
  g.globalAlpha = 1;
  if (g.measureText(text).width < x + width - left - 8) write(g, text, left + 4, y, "bg");
  g.globalAlpha = alpha;
  g.fillStyle = colour;
}

// draw(y, height) per stretch of whole nodes that stand together, and per part of a node.
function attemptBoxes(run, a, place, row, draw) {
  const { attempt, fleet } = run;
  let first = NOT_TOLD, last = NOT_TOLD;
  for (let p = attempt.first[a]; p < attempt.first[a + 1]; p++) {
    const node = attempt.node[p], at = place[node], whole = fleet.gpus[node] * 1000;
    if (at < 0) continue;
    if (attempt.gpu_milli[p] < whole) {
      for (const [low, high] of run.pieces.get(p)) draw((at + low / whole) * row, (high - low) / whole * row);
    } else if (first >= 0 && at === last + 1) last = at;
    else {
      if (first >= 0) draw(first * row, (last - first + 1) * row);
      first = last = at;
    }
  }
  if (first >= 0) draw(first * row, (last - first + 1) * row);
}

function drawOutages(g, box, bottom) {
  const { run } = view, { outage } = run, { place, nodes } = ganttPlaces(), row = bottom / nodes.length;
  g.fillStyle = palette().ink;
  g.globalAlpha = 0.65;
  for (let o = 0; o < outage.size; o++) {
    const at = place[outage.node[o]], until = outage.from_ms[o] + outage.out_ms[o];
    if (at < 0 || until < view.t0 || outage.from_ms[o] > view.t1) continue;
    const x = xOf(box, outage.from_ms[o]);
    g.fillRect(x, at * row, Math.max(xOf(box, until) - x, 0.7), row);
  }
  g.globalAlpha = 1;
}

function ganttOver(g, box) {
  const bottom = box.h - GANTT_BOTTOM_ROOM;
  drawClock(g, box, 0, bottom);
  outlineJob(g, box, bottom);
  if (!isOver(charts.gantt) || view.pointer.y > bottom) return;
  const { run } = view, node = ganttNodeAt(view.pointer.y), t = tOf(box, view.pointer.x);
  const lines = view.hover >= 0 ? jobLines(view.hover) : [];
  const out = outageAt(run, node, t);
  if (out >= 0) lines.push(`out of service: ${run.causes[run.outage.cause[out]]}`);
  drawTip(g, box, [run.fleet.path[node], instant(run, t), ...lines]);
}

function outlineJob(g, box, bottom) {
  const job = chosenJob();
  if (job < 0) return;
  const { run } = view, { place, nodes } = ganttPlaces(), row = bottom / nodes.length;
  g.fillStyle = palette()[colourOf(run, job)];
  g.strokeStyle = palette().ink;
  g.lineWidth = row > 4 ? 1.6 : 0.8;
  clipped(g, box, () => {
    for (const a of run.attemptsOf(job)) {
      const x = xOf(box, run.attempt.start_ms[a]), w = xOf(box, run.attempt.end_ms[a]) - x;
      attemptBoxes(run, a, place, row, (y, h) => {
        g.fillRect(x, y, Math.max(w, 2), Math.max(h, 1.5));
        g.strokeRect(x, y, Math.max(w, 2), Math.max(h, 1.5));
      });
    }
  });
}

function outageAt(run, node, t) {
  const { outage } = run;
  for (let o = 0; o < outage.size; o++) {
    if (outage.node[o] === node && outage.from_ms[o] <= t && t < outage.from_ms[o] + outage.out_ms[o]) {
      return o;
    }
  }
  return NOT_TOLD;
}

function ganttNodeAt(y) {
  const { nodes } = ganttPlaces(), bottom = charts.gantt.height() - GANTT_BOTTOM_ROOM;
  return nodes[Math.min(Math.max(Math.floor(y / bottom * nodes.length), 0), nodes.length - 1)];
}

function ganttHover(x, y) {
  const bottom = charts.gantt.height() - GANTT_BOTTOM_ROOM;
  if (y > bottom) return NOT_TOLD;
  const { run } = view, { nodes } = ganttPlaces(), node = ganttNodeAt(y);
  const part = y / bottom * nodes.length % 1 * run.fleet.gpus[node] * 1000;
  const here = holdersAt(run, node, tOf(charts.gantt.box, x));
  const hit = here.find((one) => one.pieces.some(([low, high]) => low <= part && part < high));
  return hit ? hit.job : here.length && run.fleet.size > 200 ? here[0].job : NOT_TOLD;
}
