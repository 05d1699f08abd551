// Pointer, wheel, fingers and keys.

const CLICK_PX = 5;

function onTimeChart(chart, hover, click) {
  const { canvas } = chart, fingers = new Map();
  let dragged = 0, pinch = 0;
  canvas.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event.offsetX);
    dragged = 0;
    pinch = spread(fingers);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId);
    view.pointer = { canvas, x: event.offsetX, y: event.offsetY };
    if (last === undefined) return hoverAt(hover, event);
    fingers.set(event.pointerId, event.offsetX);
    dragged += Math.abs(event.offsetX - last);
    if (fingers.size === 2) {
      zoom(pinch / Math.max(spread(fingers), 1), tOf(chart.box, middle(fingers)));
      pinch = Math.max(spread(fingers), 1);
    } else if (dragged > CLICK_PX) pan((last - event.offsetX) / chart.box.w);
  });
  const up = (event) => {
    if (fingers.delete(event.pointerId) && dragged <= CLICK_PX && event.type === "pointerup") click(event);
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", letGo);
  canvas.addEventListener("dblclick", (event) => zoom(0.4, tOf(chart.box, event.offsetX)));
  canvas.addEventListener("wheel", (event) => onWheel(chart, event), { passive: false });
}

const spread = (fingers) => Math.max(...fingers.values()) - Math.min(...fingers.values());
const middle = (fingers) => (Math.max(...fingers.values()) + Math.min(...fingers.values())) / 2;

// A bare wheel scrolls the page, as it does everywhere else.
function onWheel(chart, event) {
  if (event.ctrlKey || event.metaKey) {
    zoom(Math.exp(event.deltaY * 0.003), tOf(chart.box, event.offsetX));
  } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    pan(event.deltaX / chart.box.w);
  } else return;
  event.preventDefault();
}

function hoverAt(hover, event) {
  setHover(hover ? hover(event.offsetX, event.offsetY) : NOT_TOLD);
  touch();
}

function letGo() {
  view.pointer = null;
  setHover(NOT_TOLD);
  touch();
}

function onFleet(chart) {
  const { canvas } = chart;
  canvas.addEventListener("pointermove", (event) => {
    view.pointer = { canvas, x: event.offsetX, y: event.offsetY };
    hoverAt(fleetHover, event);
  });
  canvas.addEventListener("pointerleave", letGo);
  canvas.addEventListener("click", (event) => {
    fleetOpen(fleetAt(event.offsetX, event.offsetY), event.offsetX);
    setHover(fleetHover(event.offsetX, event.offsetY));
  });
  canvas.addEventListener("keydown", onFleetKey);
  canvas.addEventListener("focus", touch);
  canvas.addEventListener("blur", touch);
}

function fleetHover(x, y) {
  const part = fleetAt(x, y);
  if (!part || part.level !== "node") return NOT_TOLD;
  if (isGpuLevel()) return jobOnGpu(part, x);
  const who = stateNow().who[part.index];
  return who < 0 ? NOT_TOLD : view.run.attempt.job[who];
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function onFleetKey(event) {
  const arrow = ARROWS[event.key];
  if (arrow) fleetStep(...arrow);
  else if (event.key === "Enter" && view.focus >= 0) openFocus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function openFocus() {
  const level = CHILD[view.scope.level], index = view.focus;
  setScope(level, index);
}

const KEYS = {
  " ": () => togglePlay(),
  ArrowLeft: (event) => (event.shiftKey ? pan(-0.25) : step(false)),
  ArrowRight: (event) => (event.shiftKey ? pan(0.25) : step(true)),
  "+": () => zoom(0.5, view.t), "=": () => zoom(0.5, view.t), "-": () => zoom(2, view.t),
  0: () => setWindow(0, view.run.span),
  Home: () => setTime(0),
  End: () => setTime(view.run.span),
  Escape: () => (view.pinned >= 0 ? keepJob(NOT_TOLD) : scopeUp()),
};

function onKeys() {
  document.addEventListener("keydown", (event) => {
    if (["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName) && event.target.id !== "scrub") return;
    if (event.target.tagName === "BUTTON" && event.key === " ") return;
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    if (["Home", "End"].includes(event.key) && event.target === document.body) return;
    KEYS[event.key](event);
    event.preventDefault();
  });
}
