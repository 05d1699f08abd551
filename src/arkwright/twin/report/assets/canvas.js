// A canvas that keeps what rarely changes, and draws the clock and the job in hand over it.

const FONT = "11px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const FONT_BOLD = "600 " + FONT;
let paletteCache = null;

function palette() {
  if (paletteCache) return paletteCache;
  const style = getComputedStyle(document.documentElement);
  paletteCache = { key: Math.random() };
  for (const name of ["bg", "ink", "soft", "rule", "pale", "c0", "c1", "c2", "c3", "c4", "c5"]) {
    paletteCache[name] = style.getPropertyValue("--" + name).trim();
  }
  return paletteCache;
}

function rgb(hex) {
  const value = parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

const leftMargin = () => (innerWidth < 600 ? 46 : innerWidth < 1000 ? 66 : 92);
const RIGHT_MARGIN = 10;

// `height()` in px; `base(g, box)` draws what depends on window, scope, run, theme and size alone,
// `over(g, box)` the rest.
function makeChart(id, height, base, over) {
  const canvas = document.getElementById(id);
  const chart = { canvas, height, base, over, kept: document.createElement("canvas"), key: "" };
  painters.push(() => paint(chart));
  return chart;
}

function paint(chart) {
  const { canvas, kept } = chart;
  if (canvas.parentElement.hidden) return;
  const width = canvas.parentElement.clientWidth, high = chart.height();
  const scale = window.devicePixelRatio || 1;
  const { run, t0, t1, scope } = view;
  const key = [width, high, scale, run.index, t0, t1, scope.level, scope.index, palette().key].join();
  chart.box = { x: leftMargin(), y: 0, w: width - leftMargin() - RIGHT_MARGIN, h: high, width };
  if (key !== chart.key) {
    chart.key = key;
    resize(canvas, width, high, scale);
    resize(kept, width, high, scale);
    chart.base(context(kept, scale), chart.box);
  }
  const g = context(canvas, scale);
  g.clearRect(0, 0, width, high);
  g.drawImage(kept, 0, 0, width, high);
  chart.over(g, chart.box);
}

function resize(canvas, width, height, scale) {
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.height = height + "px";
}

function context(canvas, scale) {
  const g = canvas.getContext("2d");
  g.setTransform(scale, 0, 0, scale, 0, 0);
  g.font = FONT;
  g.textBaseline = "middle";
  return g;
}

const xOf = (box, t) => box.x + (t - view.t0) / (view.t1 - view.t0) * box.w;
const tOf = (box, x) => view.t0 + (x - box.x) / box.w * (view.t1 - view.t0);

function write(g, text, x, y, colour, align) {
  g.fillStyle = palette()[colour || "soft"];
  g.textAlign = align || "left";
  g.fillText(text, x, y);
}

function stroke(g, x1, y1, x2, y2, colour, width) {
  g.strokeStyle = palette()[colour || "rule"];
  g.lineWidth = width || 1;
  g.beginPath();
  g.moveTo(x1, y1);
  g.lineTo(x2, y2);
  g.stroke();
}

function clipped(g, box, draw) {
  g.save();
  g.beginPath();
  g.rect(box.x, 0, box.w, box.h);
  g.clip();
  draw();
  g.restore();
}

// Words of the hours below `bottom`, fine lines above them.
function timeAxis(g, box, top, bottom) {
  for (const tick of timeTicks(view.run, view.t0, view.t1, box.w)) {
    const x = Math.round(xOf(box, tick.t)) + 0.5;
    stroke(g, x, top, x, bottom, "rule");
    if (x > box.x + 12 && x < box.x + box.w - 12) write(g, tick.text, x, bottom + 10, "soft", "center");
  }
}

function valueAxis(g, box, top, bottom, most, say) {
  for (let part = 0; part <= 2; part++) {
    const y = Math.round(bottom - (bottom - top) * part / 2) + 0.5;
    stroke(g, box.x, y, box.x + box.w, y, "rule");
    write(g, say(most * part / 2), box.x - 6, y, "soft", "right");
  }
}

// The clock, and when the job in hand waited (pale) and ran.
function drawClock(g, box, top, bottom) {
  clipped(g, box, () => {
    drawJobSpans(g, box, top, bottom);
    const x = xOf(box, view.t);
    stroke(g, x, top, x, bottom, "ink", 1.5);
  });
}

function drawJobSpans(g, box, top, bottom) {
  const job = chosenJob();
  if (job < 0) return;
  const { run } = view;
  g.fillStyle = palette()[colourOf(run, job)];
  let since = run.job.submit_ms[job];
  for (const a of run.attemptsOf(job)) {
    const from = xOf(box, run.attempt.start_ms[a]), until = xOf(box, run.attempt.end_ms[a]);
    g.globalAlpha = 0.12;
    g.fillRect(xOf(box, since), top, from - xOf(box, since), bottom - top);
    g.globalAlpha = 0.32;
    g.fillRect(from, top, Math.max(until - from, 1.5), bottom - top);
    since = run.attempt.end_ms[a];
  }
  g.globalAlpha = 1;
}

// Jobs of one project have its colour in different strengths, so that neighbours can be told apart.
const strengthOf = (job) => 0.55 + 0.4 * ((job * 7) % 11) / 10;

// A box of words by the pointer, inside the canvas.
function drawTip(g, box, lines) {
  if (!lines.length || !view.pointer) return;
  g.font = FONT;
  const w = Math.max(...lines.map((line) => g.measureText(line).width)) + 16, h = lines.length * 16 + 8;
  const x = Math.max(2, Math.min(view.pointer.x + 14, box.width - w - 2));
  const y = Math.max(2, Math.min(view.pointer.y + 14, box.h - h - 2));
  g.fillStyle = palette().bg;
  g.strokeStyle = palette().soft;
  g.lineWidth = 1;
  g.globalAlpha = 0.95;
  g.fillRect(x, y, w, h);
  g.globalAlpha = 1;
  g.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
  lines.forEach((line, at) => write(g, line, x + 8, y + 12 + 16 * at, at ? "soft" : "ink"));
}

const isOver = (chart) => view.pointer && view.pointer.canvas === chart.canvas;
