// Racks against time: how much of each was busy, and how much was out.

const HEAT_BOTTOM_ROOM = 20, HEAT_ROWS_MAX = 1024;
const heatImages = new Map();

function heatHeight() {
  return Math.min(420, Math.max(70, scopeRacks().length * 14)) + HEAT_BOTTOM_ROOM;
}

// The whole map as a picture, one pixel per bin; rows that are more than a screen has lines of
// pixels are drawn as their mean. Kept while scope and colours are.
function heatImage(name, rows, bins, busy, out) {
  const { run, scope } = view, key = [run.index, scope.level, scope.index, palette().key].join();
  const kept = heatImages.get(name);
  if (kept && kept.key === key) return kept.picture;
  const picture = document.createElement("canvas");
  picture.width = bins;
  picture.height = Math.max(1, Math.min(rows.length, HEAT_ROWS_MAX));
  const g = picture.getContext("2d"), image = g.createImageData(bins, picture.height);
  const colours = [rgb(palette().pale), rgb(palette().c1), rgb(palette().c4)];
  for (let y = 0; y < picture.height; y++) {
    const from = Math.floor(y * rows.length / picture.height);
    const until = Math.max(from + 1, Math.floor((y + 1) * rows.length / picture.height));
    heatLine(image.data, y * bins * 4, rows.slice(from, until), bins, busy, out, colours);
  }
  g.putImageData(image, 0, 0);
  heatImages.set(name, { key, picture });
  return picture;
}

function heatLine(data, start, rows, bins, busy, out, [none, full, gone]) {
  for (let x = 0, at = start; x < bins; x++, at += 4) {
    let used = 0, lost = 0;
    for (const row of rows) {
      used += busy[row * bins + x];
      if (out) lost += out[row * bins + x];
    }
    used /= HEAT_FULL * rows.length;
    lost /= HEAT_FULL * rows.length;
    for (let c = 0; c < 3; c++) {
      const shade = none[c] + (full[c] - none[c]) * used;
      data[at + c] = shade + (gone[c] - shade) * lost;
    }
    data[at + 3] = 255;
  }
}

// Draws the part of the map that the window shows into the band from `top` to `bottom`.
function drawHeat(g, box, top, bottom, name, rows, bins, busy, out) {
  const { run, t0, t1 } = view, bin = run.span / bins;
  const first = Math.max(0, Math.floor(t0 / bin)), last = Math.min(bins, Math.ceil(t1 / bin));
  if (last <= first || !rows.length) return;
  const picture = heatImage(name, rows, bins, busy, out), x = xOf(box, first * bin);
  clipped(g, box, () => {
    g.imageSmoothingEnabled = picture.height > bottom - top;
    g.drawImage(picture, first, 0, last - first, picture.height,
      x, top, xOf(box, last * bin) - x, bottom - top);
  });
}

function heatBase(g, box) {
  const { run } = view, racks = scopeRacks(), bottom = box.h - HEAT_BOTTOM_ROOM;
  timeAxis(g, box, 0, bottom);
  drawHeat(g, box, 0, bottom, "racks", racks, run.heat.bins, run.heat.busy, run.heat.out);
  bands(racks.map((rack) => run.fleet.rackHall[rack]), bottom).forEach(({ key, from, until }) => {
    stroke(g, box.x - 4, until, box.x + box.w, until, "bg");
    if (until - from > 12) {
      write(g, bandName(run.fleet.halls[key]), box.x - 6, (from + until) / 2, "soft", "right");
    }
  });
}

// As much of a path, from its end, as stands in the margin.
function bandName(path) {
  const parts = path.split("/"), room = Math.floor(leftMargin() / 6.2);
  while (parts.length > 1 && parts.join("/").length > room) parts.shift();
  return parts.join("/");
}

// Runs of equal keys as [from, until] of a band of that height.
function bands(keys, height) {
  const found = [];
  keys.forEach((key, at) => {
    const until = (at + 1) * height / keys.length;
    const last = found[found.length - 1];
    if (last && last.key === key) last.until = until;
    else found.push({ key, from: at * height / keys.length, until });
  });
  return found;
}

function heatOver(g, box) {
  const bottom = box.h - HEAT_BOTTOM_ROOM;
  drawClock(g, box, 0, bottom);
  markRacks(g, box, bottom);
  if (!isOver(charts.heat) || view.pointer.y > bottom) return;
  const { run } = view, rack = heatRackAt(view.pointer.y), t = tOf(box, view.pointer.x);
  const bin = Math.min(run.heat.bins - 1, Math.max(0, Math.floor(t / run.span * run.heat.bins)));
  const cell = rack * run.heat.bins + bin;
  drawTip(g, box, [
    run.fleet.racks[rack], instant(run, t), `busy ${share(run.heat.busy[cell] / HEAT_FULL)}`,
    `out of service ${share(run.heat.out[cell] / HEAT_FULL)}`,
  ]);
}

function heatRackAt(y) {
  const racks = scopeRacks(), at = Math.floor(y / (charts.heat.height() - HEAT_BOTTOM_ROOM) * racks.length);
  return racks[Math.min(Math.max(at, 0), racks.length - 1)];
}

// The racks of the job in hand, at its left edge.
function markRacks(g, box, bottom) {
  const job = chosenJob();
  if (job < 0) return;
  const { run } = view, racks = scopeRacks();
  const mine = new Set();
  for (const a of run.attemptsOf(job)) {
    for (let p = run.attempt.first[a]; p < run.attempt.first[a + 1]; p++) {
      mine.add(run.fleet.rack[run.attempt.node[p]]);
    }
  }
  g.fillStyle = palette()[colourOf(run, job)];
  racks.forEach((rack, at) => {
    if (mine.has(rack)) {
      g.fillRect(box.x - 4, at * bottom / racks.length, 4, Math.max(1, bottom / racks.length));
    }
  });
}
