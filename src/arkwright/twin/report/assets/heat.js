// Racks against time: how much of each was busy, and how much was out.

const HEAT_FULL = 250, HEAT_BOTTOM_ROOM = 20;

function heatHeight() {
  return Math.min(420, Math.max(70, scopeRacks().length * 14)) + HEAT_BOTTOM_ROOM;
}

// A picture of one pixel per row and bin, in the window's colours.
function heatImage(rows, bins, first, last, busy, out) {
  const picture = document.createElement("canvas");
  picture.width = Math.max(1, last - first);
  picture.height = Math.max(1, rows.length);
  const g = picture.getContext("2d");
  const image = g.createImageData(picture.width, picture.height);
  const [none, full, gone] = [rgb(palette().pale), rgb(palette().c1), rgb(palette().c4)];
  for (let y = 0, at = 0; y < rows.length; y++) {
    for (let x = first; x < last; x++, at += 4) {
      const cell = rows[y] * bins + x;
      const used = busy[cell] / HEAT_FULL, lost = out ? out[cell] / HEAT_FULL : 0;
      for (let c = 0; c < 3; c++) {
        const shade = none[c] + (full[c] - none[c]) * used;
        image.data[at + c] = shade + (gone[c] - shade) * lost;
      }
      image.data[at + 3] = 255;
    }
  }
  g.putImageData(image, 0, 0);
  return picture;
}

// Draws the part of the map that the window shows into the band from `top` to `bottom`.
function drawHeat(g, box, top, bottom, rows, bins, busy, out) {
  const { run, t0, t1 } = view, bin = run.span / bins;
  const first = Math.max(0, Math.floor(t0 / bin)), last = Math.min(bins, Math.ceil(t1 / bin));
  if (last <= first || !rows.length) return;
  clipped(g, box, () => {
    g.imageSmoothingEnabled = rows.length > bottom - top;
    const x = xOf(box, first * bin);
    g.drawImage(heatImage(rows, bins, first, last, busy, out), x, top,
      xOf(box, last * bin) - x, bottom - top);
  });
}

function heatBase(g, box) {
  const { run } = view, racks = scopeRacks(), bottom = box.h - HEAT_BOTTOM_ROOM;
  timeAxis(g, box, 0, bottom);
  drawHeat(g, box, 0, bottom, racks, run.heat.bins, run.heat.busy, run.heat.out);
  bands(racks.map((rack) => run.fleet.rackHall[rack]), bottom).forEach(({ key, from, until }) => {
    stroke(g, box.x - 4, until, box.x + box.w, until, "bg");
    if (until - from > 12) {
      write(g, bandName(run.fleet.halls[key]), box.x - 6, (from + until) / 2, "soft", "right");
    }
  });
}

// As much of a path, from its end, as stands in the margin.
function bandName(path) {
  const parts = path.split("/"), room = leftMargin() < 60 ? 6 : 10;
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
