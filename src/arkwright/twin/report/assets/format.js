// Numbers and instants as a person reads them, and the ticks of axes.

const MINUTE = 60e3, HOUR = 3600e3, DAY = 86400e3;
const TIME_STEPS = [
  1e3, 5e3, 15e3, 30e3, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR,
  12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY,
];
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

const two = (n) => String(n).padStart(2, "0");

// `ms` counts from the start of the run; the run says what day that was.
function instant(run, ms, withSeconds) {
  const at = run.from_ms + ms;
  const time = new Date(at);
  const clock = two(time.getUTCHours()) + ":" + two(time.getUTCMinutes()) +
    (withSeconds ? ":" + two(time.getUTCSeconds()) : "");
  if (!run.is_dated) return `day ${Math.floor(at / DAY)} ${clock}`;
  return `${time.getUTCFullYear()}-${two(time.getUTCMonth() + 1)}-${two(time.getUTCDate())} ${clock}`;
}

function tickText(run, ms, step) {
  const at = run.from_ms + ms;
  const time = new Date(at);
  if (step < DAY && at % DAY !== 0) {
    const seconds = step < MINUTE ? ":" + two(time.getUTCSeconds()) : "";
    return two(time.getUTCHours()) + ":" + two(time.getUTCMinutes()) + seconds;
  }
  if (!run.is_dated) return "day " + Math.floor(at / DAY);
  return time.getUTCDate() + " " + MONTHS[time.getUTCMonth()];
}

// Instants at which a clock strikes, so many that their words fit.
function timeTicks(run, t0, t1, room) {
  const most = Math.max(2, Math.floor(room / 74));
  const step = TIME_STEPS.find((s) => (t1 - t0) / s <= most) || 2 * 365 * DAY;
  const ticks = [];
  const first = Math.ceil((run.from_ms + t0) / step) * step - run.from_ms;
  for (let t = first; t <= t1; t += step) ticks.push({ t, text: tickText(run, t, step) });
  return ticks;
}

// A round number at or above `value`, and how many ticks suit it.
function roundTop(value) {
  if (!(value > 0)) return 1;
  const power = Math.pow(10, Math.floor(Math.log10(value)));
  return [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((m) => m * power >= value * 0.999) * power;
}

function number(value) {
  if (!isFinite(value)) return "–";
  if (Math.abs(value) >= 100 || Number.isInteger(value)) {
    return Math.round(value).toLocaleString("en-US");
  }
  return String(Number(value.toPrecision(3)));
}

function watts(value) {
  for (const [scale, unit] of [[1e9, "GW"], [1e6, "MW"], [1e3, "kW"]]) {
    if (Math.abs(value) >= scale) return `${Number((value / scale).toPrecision(3))} ${unit}`;
  }
  return Math.round(value) + " W";
}

function share(value) {
  const percent = 100 * value;
  return (percent > 0 && percent < 10 ? percent.toFixed(1) : Math.round(percent)) + " %";
}

function duration(ms) {
  if (ms < MINUTE) return `${Number((ms / 1e3).toPrecision(3))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h ${two(Math.floor((ms % HOUR) / MINUTE))} min`;
  return `${Math.floor(ms / DAY)} d ${Math.floor((ms % DAY) / HOUR)} h`;
}

const counted = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

const gpus = (milli) => number(milli / 1000);
