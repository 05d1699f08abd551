// Opens the page: unpacks, joins the charts to the hands, and plays.

const charts = {};
const runs = [];
const overlays = [];
const WHOLE_IN_S = [15, 30, 60, 180];
const SPEEDS_PER_S = [[MINUTE, "1 min"], [10 * MINUTE, "10 min"], [HOUR, "1 h"], [6 * HOUR, "6 h"], [DAY, "1 day"]];

async function open() {
  let data;
  try {
    data = await unpacked();
  } catch (error) {
    document.getElementById("now").textContent = "The data of this page cannot be read: " + error.message;
    throw error;
  }
  const pick = document.getElementById("run");
  const choose = (index) => {
    runs[index] = runs[index] || buildRun(data.head, data.column, index);
    showRun(runs[index]);
  };
  data.head.runs.forEach((run, index) => overlays.push({ ...run, index, ...buildLines(run, data.column) }));
  choose(0);
  makeCharts();
  painters.push(showJob, markWait, showLegends, showCrumbs, showClock);
  pick.addEventListener("change", () => choose(Number(pick.value)));
  wire();
  touch();
}

// Another run is shown at the same instant and in the same place, where it has them.
function showRun(run) {
  const isSameFleet = view.run && view.run.fleet.prefix === run.fleet.prefix;
  const isSameTime = view.run && view.run.from_ms === run.from_ms && view.run.span === run.span;
  view.run = run;
  view.hover = view.pinned = NOT_TOLD;
  if (!isSameFleet) view.scope = { level: "fleet", index: 0 };
  if (!isSameTime) Object.assign(view, { t: run.clock_ms, t0: 0, t1: run.span });
  for (const box of document.querySelectorAll(".of-run")) {
    box.hidden = Number(box.dataset.run) !== run.index;
  }
  showSpeeds();
  touch();
}

function makeCharts() {
  [charts.power, charts.use, charts.around] = makeLines();
  charts.heat = makeChart("heat", heatHeight, heatBase, heatOver);
  charts.gantt = makeChart("gantt", ganttHeight, ganttBase, ganttOver);
  charts.fleet = makeChart("fleet", () => fleetLayout(fleetWidth()).height + 4, () => {}, fleetOver);
}

function wire() {
  const clock = (chart) => (event) => setTime(tOf(chart.box, event.offsetX));
  for (const chart of [charts.power, charts.use, charts.around]) onTimeChart(chart, null, clock(chart));
  onTimeChart(charts.heat, null, clock(charts.heat));
  onTimeChart(charts.gantt, ganttHover, (event) => {
    keepJob(ganttHover(event.offsetX, event.offsetY));
    clock(charts.gantt)(event);
  });
  onFleet(charts.fleet);
  onKeys();
  wireTools();
  wireTheme();
  new ResizeObserver(touch).observe(document.getElementById("main"));
}

const TOOLS = {
  closer: () => zoom(0.5, view.t), wider: () => zoom(2, view.t), earlier: () => pan(-0.5),
  later: () => pan(0.5), whole: () => setWindow(0, view.run.span),
  back: () => step(false), on: () => step(true),
};

function wireTools() {
  for (const button of document.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => TOOLS[button.dataset.do]());
  }
  for (const button of document.querySelectorAll("[data-at]")) {
    button.addEventListener("click", () => {
      setTime(Number(button.dataset.at));
      document.getElementById("replay").scrollIntoView();
    });
  }
  document.getElementById("play").addEventListener("click", togglePlay);
  const scrub = document.getElementById("scrub");
  scrub.addEventListener("input", () => setTime(scrub.value / 10000 * view.run.span));
  const speed = document.getElementById("speed");
  speed.addEventListener("change", () => { view.speed = Number(speed.value); });
  document.getElementById("find").addEventListener("submit", (event) => {
    event.preventDefault();
    findJob(document.getElementById("find-id").value);
  });
  document.getElementById("find-id").addEventListener("input", (event) => event.target.setCustomValidity(""));
}

// Milliseconds of the run per millisecond of the reader.
function showSpeeds() {
  const select = document.getElementById("speed"), { span } = view.run;
  const whole = WHOLE_IN_S.map((s) => [span / (s * 1e3), `whole run in ${s} s`]);
  const fixed = SPEEDS_PER_S.filter(([ms]) => ms * 5 < span && ms * 3600 > span)
    .map(([ms, words]) => [ms / 1e3, `${words} a second`]);
  const entries = [...whole, ...fixed];
  select.replaceChildren(...entries.map(([speed, words]) => element("option", words, { value: speed })));
  select.selectedIndex = 2;
  view.speed = entries[2][0];
}

function togglePlay() {
  view.playing = !view.playing;
  document.getElementById("play").textContent = view.playing ? "❚❚ pause" : "▶ play";
  if (!view.playing) return;
  if (view.t >= view.run.span) setTime(0);
  requestAnimationFrame((now) => play(now, now));
}

function play(last, now) {
  if (!view.playing) return;
  // A page in the background gets no frames: it does not leap when it comes back.
  setTime(view.t + Math.min(now - last, 200) * view.speed);
  if (view.t >= view.run.span) return togglePlay();
  requestAnimationFrame((next) => play(now, next));
}

// To the next event where all events are known, else by one bin.
function step(forward) {
  const { run } = view;
  if (run.is_exact) return setTime(nextEvent(run, view.t, forward));
  const bin = run.span / run.node_bins;
  setTime(view.t + (forward ? bin : -bin));
}

const THEMES = ["system", "light", "dark"];

function wireTheme() {
  const button = document.getElementById("theme"), root = document.documentElement;
  const changed = () => { paletteCache = null; touch(); };
  button.addEventListener("click", () => {
    const now = THEMES[(THEMES.indexOf(root.dataset.theme || "system") + 1) % THEMES.length];
    if (now === "system") delete root.dataset.theme; else root.dataset.theme = now;
    button.textContent = "theme: " + now;
    changed();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

open();
