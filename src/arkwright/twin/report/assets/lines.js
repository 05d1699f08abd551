// Lines over time: power stacked under its cap, GPUs and queue, and what surrounds the sites.

const POWER_PARTS = [["it_w", "c0", "IT"], ["loss_w", "c2", "losses"], ["cooling_w", "c1", "cooling"]];
const AROUND = [
  ["price_per_mwh", "c2", "price", (v, run) => `${number(v)} ${run.currency}/MWh`],
  ["carbon_g_per_kwh", "c5", "carbon", (v) => `${number(v)} g CO2e/kWh`],
  ["outdoor_c", "c0", "outdoors", (v) => `${number(v)} °C`],
  ["pue", "c3", "PUE", (v) => v.toFixed(3)],
];
const STRIP = 62;

function makeLines() {
  const power = makeChart("power", () => 230, powerBase, powerOver);
  const use = makeChart("use", () => 210, useBase, useOver);
  const around = makeChart("around", () => Math.max(1, aroundStrips().length) * STRIP + 22,
    aroundBase, aroundOver);
  return [power, use, around];
}

// The site looked at, or all of them.
function scopeSites() {
  const { run } = view;
  const part = scopePath().find((p) => p.level === "site");
  return part ? run.sites.filter((s) => s.site === run.fleet.sites[part.index]) : run.sites;
}

// Columns of several sites on the instants of all of them: sums for powers.
function powerSum() {
  const sites = scopeSites();
  const { run } = view, key = sites.map((s) => s.site).join("\n");
  if (run.powerKey === key) return run.powerSum;
  const t = Float64Array.from(new Set(sites.flatMap((s) => Array.from(s.t)))).sort();
  const sum = { t, names: sites.map((s) => s.site) };
  for (const name of ["it_w", "loss_w", "cooling_w", "cap_w"]) {
    if (sites.length && sites.every((s) => s[name])) sum[name] = summedOn(t, sites, name);
  }
  run.powerKey = key;
  run.powerSum = sum;
  return sum;
}

function summedOn(t, sites, name) {
  const total = new Float64Array(t.length);
  for (const site of sites) {
    for (let i = 0, at = 0; i < t.length; i++) {
      while (at + 1 < site.t.length && site.t[at + 1] <= t[i]) at++;
      total[i] += site[name][at];
    }
  }
  return total;
}

// Calls draw(x, x of the next step, i) for every step in the window.
function steps(box, t, draw) {
  const last = lastNotAfter(t, view.t1);
  for (let i = Math.max(0, lastNotAfter(t, view.t0)); i <= last; i++) {
    draw(xOf(box, t[i]), xOf(box, i + 1 < t.length ? t[i + 1] : view.run.span), i);
  }
}

function area(g, box, t, low, high, colour, alpha) {
  const top = [];
  g.beginPath();
  steps(box, t, (x, next, i) => {
    top.push([x, next, low(i)]);
    if (top.length === 1) g.moveTo(x, high(i)); else g.lineTo(x, high(i));
    g.lineTo(next, high(i));
  });
  for (const [x, next, y] of top.reverse()) {
    g.lineTo(next, y);
    g.lineTo(x, y);
  }
  g.closePath();
  g.fillStyle = palette()[colour];
  g.globalAlpha = alpha;
  g.fill();
  g.globalAlpha = 1;
}

function stepLine(g, box, t, y, colour, width) {
  g.strokeStyle = palette()[colour];
  g.lineWidth = width;
  g.beginPath();
  let open = false;
  steps(box, t, (x, next, i) => {
    const at = y(i);
    if (Number.isNaN(at)) { open = false; return; }
    if (open) g.lineTo(x, at); else g.moveTo(x, at);
    g.lineTo(next, at);
    open = true;
  });
  g.stroke();
}

function largest(values) {
  let most = 0;
  for (const value of values || []) if (value > most) most = value;
  return most;
}

const POWER_TOP = 10, POWER_BOTTOM = 208;

function powerBase(g, box) {
  const sum = powerSum();
  const parts = POWER_PARTS.filter(([name]) => sum[name]);
  const totals = sum.t.map((_, i) => parts.reduce((w, [name]) => w + sum[name][i], 0));
  const most = roundTop(Math.max(largest(totals), largest(sum.cap_w)) * 1.02);
  const y = (w) => POWER_BOTTOM - (POWER_BOTTOM - POWER_TOP) * w / most;
  valueAxis(g, box, POWER_TOP, POWER_BOTTOM, most, watts);
  timeAxis(g, box, POWER_TOP, POWER_BOTTOM);
  clipped(g, box, () => {
    const below = new Float64Array(sum.t.length);
    for (const [name, colour] of parts) {
      const value = sum[name];
      area(g, box, sum.t, (i) => y(below[i]), (i) => y(below[i] + value[i]), colour, 0.8);
      for (let i = 0; i < below.length; i++) below[i] += value[i];
    }
    if (sum.cap_w) stepLine(g, box, sum.t, (i) => y(sum.cap_w[i]), "c4", 2);
  });
}

function powerOver(g, box) {
  drawClock(g, box, POWER_TOP, POWER_BOTTOM);
  const chart = charts.power;
  if (!isOver(chart)) return;
  const t = tOf(box, view.pointer.x), sum = powerSum(), i = Math.max(0, lastNotAfter(sum.t, t));
  const parts = POWER_PARTS.filter(([name]) => sum[name]);
  const lines = parts.map(([name, , words]) => `${words} ${watts(sum[name][i])}`);
  const total = parts.reduce((w, [name]) => w + sum[name][i], 0);
  lines.push(`together ${watts(total)}`);
  if (sum.cap_w && sum.cap_w[i] > 0) {
    lines.push(`cap ${watts(sum.cap_w[i])}, ${share(total / sum.cap_w[i])} used`);
  }
  drawTip(g, box, [instant(view.run, t), ...lines]);
}

const USE_TOP = 8, USE_MIDDLE = 92, USE_LOW = 104, USE_BOTTOM = 188;

function useBase(g, box) {
  const { run } = view, { held, out, queue_gpus: asked } = run.line, whole = run.capacity_milli;
  const y = (milli) => USE_MIDDLE - (USE_MIDDLE - USE_TOP) * milli / Math.max(whole, 1);
  const queues = [asked, ...otherLines().map((other) => other.queue_gpus)];
  const most = roundTop(Math.max(...queues.map((line) => largest(line.value))) / 1000) * 1000;
  const yq = (milli) => USE_BOTTOM - (USE_BOTTOM - USE_LOW) * milli / most;
  valueAxis(g, box, USE_TOP, USE_MIDDLE, 1, share);
  valueAxis(g, box, USE_LOW, USE_BOTTOM, most / 1000, number);
  timeAxis(g, box, USE_TOP, USE_BOTTOM);
  clipped(g, box, () => {
    area(g, box, held.t, () => y(0), (i) => y(held.value[i]), "c1", 0.75);
    area(g, box, out.t, () => y(whole), (i) => y(whole - out.value[i]), "c3", 0.75);
    area(g, box, asked.t, () => yq(0), (i) => yq(asked.value[i]), "c4", 0.6);
    otherLines().forEach((other, n) => {
      g.setLineDash(n ? [2 + 2 * n, 3] : []);
      stepLine(g, box, other.held.t, (i) => y(other.held.value[i]), "ink", 1);
      stepLine(g, box, other.queue_gpus.t, (i) => yq(other.queue_gpus.value[i]), "ink", 1);
    });
    g.setLineDash([]);
  });
}

// The other runs over the same time and fleet: their lines are laid over this one's areas.
function otherLines() {
  const { run } = view;
  return overlays.filter((other) => other.index !== run.index && other.from_ms === run.from_ms &&
    other.until_ms === run.until_ms && other.capacity_milli === run.capacity_milli);
}

function useOver(g, box) {
  drawClock(g, box, USE_TOP, USE_BOTTOM);
  if (!isOver(charts.use)) return;
  const { run } = view, t = tOf(box, view.pointer.x), whole = Math.max(run.capacity_milli, 1);
  const at = (name) => lineAt(run.line[name], t);
  drawTip(g, box, [
    instant(run, t), `busy ${gpus(at("held"))} GPUs, ${share(at("held") / whole)}`,
    `out of service ${gpus(at("out"))} GPUs`,
    `waiting ${number(Math.round(at("queue")))} jobs for ${gpus(at("queue_gpus"))} GPUs`,
  ]);
}

// Each of price, carbon, weather and PUE has a strip and a scale of its own; sites are lines in it.
function aroundStrips() {
  return AROUND.filter(([name]) => scopeSites().some((site) => site[name]));
}

function strip(name) {
  const sites = scopeSites().filter((site) => site[name]);
  let low = Infinity, high = -Infinity;
  for (const site of sites) {
    for (const value of site[name]) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return { sites, low, high: high > low ? high : low + 1 };
}

function aroundBase(g, box) {
  const strips = aroundStrips();
  timeAxis(g, box, 4, strips.length * STRIP);
  strips.forEach(([name, colour, words], at) => {
    const { sites, low, high } = strip(name), top = at * STRIP + 20, bottom = (at + 1) * STRIP - 6;
    const y = (v) => bottom - (bottom - top) * (v - low) / (high - low);
    stroke(g, box.x, bottom + 0.5, box.x + box.w, bottom + 0.5, "rule");
    write(g, number(high), box.x - 6, top, "soft", "right");
    write(g, number(low), box.x - 6, bottom, "soft", "right");
    write(g, words, box.x + 4, top - 10, "ink");
    clipped(g, box, () => sites.forEach((site, n) => {
      g.setLineDash(n ? [2 + 3 * n, 3] : []);
      stepLine(g, box, site.t, (i) => y(site[name][i]), colour, 1.5);
    }));
    g.setLineDash([]);
  });
}

function aroundOver(g, box) {
  const strips = aroundStrips();
  drawClock(g, box, 4, strips.length * STRIP);
  if (!isOver(charts.around)) return;
  const t = tOf(box, view.pointer.x), at = Math.floor(view.pointer.y / STRIP);
  const [name, , words, say] = strips[Math.min(at, strips.length - 1)];
  const lines = scopeSites().filter((site) => site[name]).map((site) =>
    `${site.site}: ${words} ${say(site[name][Math.max(0, lastNotAfter(site.t, t))], view.run)}`);
  drawTip(g, box, [instant(view.run, t), ...lines]);
}
