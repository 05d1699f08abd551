// The page's block of bytes, back into columns: what pack.py wrote. A column is read when it is
// first asked for, so that a page of a million jobs opens before all of it is decoded.

function bytesOf(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Integers: planes of bytes, lowest first, above `low`; of differences where `rises`.
function integers(bytes, entry) {
  const { n, width, low, rises } = entry;
  if (width === 1 && low === 0 && !rises) return bytes;
  const values = new Float64Array(n).fill(low);
  for (let plane = 0, scale = 1; plane < width; plane++, scale *= 256) {
    const from = plane * n;
    for (let i = 0; i < n; i++) values[i] += bytes[from + i] * scale;
  }
  if (rises) for (let i = 1; i < n; i++) values[i] += values[i - 1];
  return values;
}

function decoded(block, entry) {
  const bytes = block.subarray(entry.at, entry.at + entry.bytes);
  if (entry.kind === "int") return integers(bytes, entry);
  if (entry.kind === "float") return new Float32Array(bytes.slice().buffer);
  return entry.n ? new TextDecoder().decode(bytes).split("\n") : [];
}

// Gives {head, column(name)}; `column` remembers what it decoded.
async function unpacked() {
  const head = JSON.parse(document.getElementById("head").textContent);
  const element = document.getElementById("block");
  const block = await inflated(bytesOf(element.textContent));
  element.textContent = "";
  const known = new Map();
  function column(name) {
    if (!known.has(name)) known.set(name, decoded(block, head.columns[name]));
    return known.get(name);
  }
  return { head, column };
}
