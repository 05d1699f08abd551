// Words beside the pictures: the job in hand, the legends, the way through the fleet, the clock.

function element(name, text, attributes) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  return made;
}

const WAIT_LEFT = 42, WAIT_RIGHT = 312;
const nameOf = (names, code) => (code < 0 ? "not told" : names[code]);

function jobLines(job) {
  const { run } = view;
  return [
    `job ${run.job.id[job]}, ${gpus(run.job.gpus_milli[job])} GPUs`,
    nameOf(run.projects, run.job.project[job]),
  ];
}

function jobFacts(job) {
  const { run } = view, mine = run.job, attempts = [...run.attemptsOf(job)];
  const submit = mine.submit_ms[job];
  const facts = [
    ["GPUs", gpus(mine.gpus_milli[job])],
    ["project", nameOf(run.projects, mine.project[job])],
    ["pool", nameOf(run.pools, mine.pool[job])],
    ["kind", nameOf(run.kinds, mine.kind[job])],
    ["submitted", instant(run, submit, true)],
    ["asked for", mine.estimate_ms[job] < 0 ? "no limit told" : duration(mine.estimate_ms[job])],
    ["waited", attempts.length ? duration(run.attempt.start_ms[attempts[0]] - submit) : "never started"],
  ];
  if (mine.outcome[job] >= 0) facts.push(["in the trace", run.outcomes[mine.outcome[job]]]);
  return facts;
}

function attemptText(run, a) {
  const nodes = run.attempt.first[a + 1] - run.attempt.first[a];
  const lost = run.attempt.lost_ms[a] ? `, ${duration(run.attempt.lost_ms[a])} lost` : "";
  const first = nodes ? run.fleet.path[run.attempt.node[run.attempt.first[a]]] : "no node";
  return `${instant(run, run.attempt.start_ms[a])}, ${duration(run.attempt.run_ms[a])} on ` +
    `${nodes === 1 ? first : `${nodes} nodes from ${first}`}: ` +
    `${run.endings[run.attempt.ending[a]]}${lost}`;
}

function showJob() {
  const job = chosenJob(), box = document.getElementById("job");
  const key = [view.run.index, job, view.pinned].join();
  if (showJob.key === key) return;
  showJob.key = key;
  box.replaceChildren();
  if (job < 0) {
    box.append(element("p", "Point at a job, in any picture, to see it in all of them.", { class: "soft" }));
    return;
  }
  const title = element("h3", `job ${view.run.job.id[job]}`);
  title.style.borderLeft = `6px solid var(--${colourOf(view.run, job)})`;
  const list = element("dl");
  for (const [name, value] of jobFacts(job)) list.append(element("dt", name), element("dd", value));
  box.append(title, list, attemptList(job));
  box.append(element("p", job === view.pinned ? "Kept; Escape lets it go." : "", { class: "soft" }));
}

function attemptList(job) {
  const { run } = view, list = element("ol"), attempts = [...run.attemptsOf(job)];
  for (const a of attempts.slice(0, 8)) list.append(element("li", attemptText(run, a)));
  if (attempts.length > 8) list.append(element("li", `and ${attempts.length - 8} more attempts`));
  return list;
}

// The wait of the job in hand, in the panels of its size: the scale is that of panels.py.
function markWait() {
  const { run } = view, job = chosenJob(), key = [run.index, job].join();
  if (markWait.key === key) return;
  markWait.key = key;
  const [first] = job < 0 ? [] : run.attemptsOf(job);
  const milli = job < 0 ? 0 : run.job.gpus_milli[job];
  for (const panel of document.querySelectorAll(".wait")) {
    const { low, high, lastH } = panel.dataset, mark = panel.querySelector("i");
    const isMine = first !== undefined && milli > Number(low) && milli <= Number(high);
    mark.style.display = isMine ? "block" : "none";
    if (!isMine) continue;
    const hours = Math.max((run.attempt.start_ms[first] - run.job.submit_ms[job]) / HOUR, 1 / 60);
    const part = Math.min(Math.log(hours * 60) / Math.log(Number(lastH) * 60), 1);
    const width = panel.querySelector("svg").clientWidth / 320;
    mark.style.left = `${(WAIT_LEFT + (WAIT_RIGHT - WAIT_LEFT) * part) * width}px`;
    mark.style.background = `var(--${colourOf(run, job)})`;
  }
}

function keepJob(job) {
  view.pinned = job;
  touch();
}

function findJob(text) {
  const { run } = view, wanted = text.trim().replace(/^job\s+/, "");
  let job = NOT_TOLD;
  for (let j = 0; j < run.job.submit_ms.length && job < 0; j++) {
    if (String(run.job.id[j]) === wanted) job = j;
  }
  const input = document.getElementById("find-id");
  const why = run.is_exact ? "No job has this id." : "No job shown has this id: only the largest are.";
  input.setCustomValidity(job < 0 && wanted ? why : "");
  input.reportValidity();
  if (job < 0) return;
  keepJob(job);
  const [first] = run.attemptsOf(job);
  if (first !== undefined) setTime(run.attempt.start_ms[first]);
}

// Chips of [colour, words].
function legend(id, entries) {
  const box = document.getElementById(id);
  box.replaceChildren(...entries.map(([colour, words]) => {
    const chip = element("span");
    const mark = element("i");
    mark.style.background = `var(--${colour})`;
    chip.append(mark, words);
    return chip;
  }));
}

function showLegends() {
  const { run } = view, key = [run.index, view.scope.level, view.scope.index].join();
  if (showLegends.key === key) return;
  showLegends.key = key;
  const sum = powerSum();
  const cap = sum.cap_w ? [["c4", "cap"]] : [];
  legend("power-legend", [...POWER_PARTS.filter(([name]) => sum[name]).map(([, c, w]) => [c, w]), ...cap]);
  const beside = otherLines().length ? [["ink", `lines: ${otherLines().map((o) => o.name).join(", ")}`]] : [];
  legend("use-legend", [["c1", "GPUs busy"], ["c3", "out of service"], ["c4", "GPUs waited for"], ...beside]);
  legend("around-legend", scopeSites().length > 1
    ? [["bg", "lines: " + scopeSites().map((s, n) => s.site + (n ? " (dashed)" : "")).join(", ")]] : []);
  legend("heat-legend", [["pale", "idle"], ["c1", "busy"], ["c4", "out of service"]]);
  const projects = run.colours.order.slice(0, PROJECT_COLOURS.length).map((p) => [run.colours.of[p], run.projects[p]]);
  if (run.colours.order.length > PROJECT_COLOURS.length || run.nodeHeat) projects.push([OTHER_COLOUR, "others"]);
  legend("gantt-legend", [...projects, ["ink", "node out of service"]]);
  legend("fleet-legend", [...projects, ["ink", "node out of service"]]);
  showPresence();
}

// What is not modelled is said, not drawn as zero.
function showPresence() {
  const sum = powerSum(), isTold = Boolean(sum.it_w), part = scopePath().find((p) => p.level === "site");
  document.getElementById("power").parentElement.hidden = !isTold;
  const none = document.getElementById("power-none");
  none.hidden = isTold;
  none.textContent = "Power was not modelled" + (part ? ` at ${part.name}.` : " in this run.");
  const missing = POWER_PARTS.filter(([name]) => !sum[name]).map(([, , words]) => words);
  document.getElementById("power-title").textContent = "Power at the sites' meters" +
    (part ? `: ${part.name}` : "") + (isTold && missing.length ? ` (not modelled: ${missing.join(", ")})` : "");
  const hasAround = aroundStrips().length > 0;
  document.getElementById("around").parentElement.hidden = !hasAround;
  document.getElementById("around-title").hidden = !hasAround;
}

function showCrumbs() {
  const path = scopePath(), key = JSON.stringify(path);
  if (showCrumbs.key === key) return;
  showCrumbs.key = key;
  const box = document.getElementById("crumbs");
  box.replaceChildren(...path.map((part, at) => {
    const button = element("button", part.name, { type: "button" });
    if (at === path.length - 1) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => setScope(part.level, part.index));
    return button;
  }));
  const words = path.length > 1 ? "of " + path.slice(1).map((p) => p.name).join(" / ") : "";
  document.getElementById("heat-scope").textContent = words;
  document.getElementById("gantt-scope").textContent = words;
}

function showClock() {
  const { run, t } = view;
  document.getElementById("clock").textContent = instant(run, t, view.t1 - view.t0 < 2 * DAY) +
    (run.is_dated ? " UTC" : "");
  const scrub = document.getElementById("scrub");
  scrub.value = String(Math.round(t / run.span * 10000));
  scrub.setAttribute("aria-valuetext", instant(run, t));
  document.getElementById("window").textContent =
    `${instant(run, view.t0)} to ${instant(run, view.t1)}, ${duration(view.t1 - view.t0)}`;
  const at = (name) => lineAt(run.line[name], Math.min(t, run.span - 1));
  const running = run.is_exact ? `${counted(stateNow().running, "attempt")} running on ` : "";
  document.getElementById("now").textContent =
    `${running}${gpus(at("held"))} of ${gpus(run.capacity_milli)} GPUs ` +
    `(${share(at("held") / Math.max(run.capacity_milli, 1))}); ${counted(Math.round(at("queue")), "job")} ` +
    `waiting for ${gpus(at("queue_gpus"))} GPUs; ${gpus(at("out"))} GPUs out of service`;
}
