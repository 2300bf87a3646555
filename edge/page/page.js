// The page: what the board tells is drawn, what is done here is told to the board.

import { Refused, call, follow, newId } from "./api.js";
import { MODES, ago, card, clipUrl, el, facts, fault, fileName, icon, modeName, playing, reconcile, row, setText, size, time, updateCard, updateRow } from "./cards.js";

const $ = (id) => document.getElementById(id);
const IDEAS = [
  "A red balloon rises over snowy mountains", "A yellow rocket flies through space, sparkles", "A white boat at sunset, watercolour",
  "Two orange fish swim in the deep sea, bubbles", "A green car drives through the city in the rain", "A purple butterfly over a meadow, paper cut",
  "A glowing pink jellyfish rises in the deep sea", "A red kite sways over the beach", "Three lanterns rise into the night sky, fireflies",
  "A blue bird flies through the forest, leaves fall", "Fireworks over the city at night", "A neon heart beats in space",
];
const state = { board: {}, jobs: { unfinished: [], faults: [], clips: [], next: null }, progress: {}, known: new Map(), older: undefined, skew: 0, begun: {}, first: true };
let shown = [], viewed, unsent;

const now = () => Date.now() / 1000 + state.skew;
const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1).replace(/\.$/, "")}.`;
const keep = (name, value) => { try { localStorage.setItem(name, value); } catch { /* a private window */ } };
const hidden = new Set(JSON.parse(sessionStorage.getItem("hidden") ?? "[]")); // faults that were tried again
const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };

// What the board tells

function tell(name, value) {
  $("app").hidden = false;
  $("login").hidden = true;
  state[name] = value;
  if (name === "board" && value.now) drawBoard(value);
  if (name === "jobs") drawJobs(value);
  drawQueue();
}

function drawBoard(board) {
  state.skew = board.now - Date.now() / 1000;
  if (!board.modes.includes(board.mode) && board.mode !== "paused") board.mode = board.modes[1]; // no language model here
  const mode = modeName(board.mode), waits = board.queue?.depth ?? 0;
  $("pill").hidden = false;
  $("pill").className = `pill ${board.mode === "paused" ? "paused" : board.reason ? "eased" : ""}`;
  setText($("pill").lastElementChild, board.mode === "paused" ? "Paused" : `Up to ${mode}`);
  $("pill").setAttribute("aria-label", `The board allows up to ${mode}${board.reason ? `: ${board.reason}` : ""}`);
  setText($("mode-now"), board.mode === "paused" ? "Paused: takes nothing new now" : `Best mode now: ${mode}`);
  setText($("why"), [board.reason ? sentence(board.reason) : "Nothing holds it back.", board.waiting && sentence(`the next job waits: ${board.waiting}`)].filter(Boolean).join(" "));
  const percent = (value) => (value === null || value === undefined ? undefined : `${value.toFixed(1)} %`);
  facts($("facts"), [
    ["Memory free", board.mem?.available_mb && `${board.mem.available_mb} of ${board.mem.total_mb} MiB`],
    ["Memory pressure", percent(board.psi?.memory?.some10)],
    ["Processor pressure", percent(board.psi?.cpu?.some10)],
    ["Temperature", board.temp_c && `${board.temp_c.toFixed(0)} °C${board.throttled ? ", slowed down" : ""}`],
    ["Idle cores", board.cores && `${board.cores.free} of ${board.cores.all}`],
    ["Disk free", board.disk_free_mb && size(board.disk_free_mb * 1048576)],
    ["Queue", `${waits} of ${board.queue?.limit ?? "?"}`],
    ["Takes requests", board.accepting ? "yes" : "not now"],
  ]);
  setText($("about"), `${board.node} · edgereel ${board.version}`);
  if (!$("modes").children.length) drawModes(board.modes);
  sayMode();
}

function drawModes(modes) {
  const before = kept("mode");
  $("modes").append(...modes.map((mode) => {
    const radio = el("input", { type: "radio", name: "mode", value: mode, checked: mode === (modes.includes(before) ? before : "auto") });
    radio.onchange = () => { keep("mode", mode); sayMode(); };
    return el("label", {}, radio, el("span", {}, modeName(mode)));
  }));
}

const chosenMode = () => document.querySelector("[name=mode]:checked")?.value ?? "auto";

function sayMode() {
  const mode = chosenMode(), ladder = Object.keys(MODES), best = state.board.mode;
  const above = mode !== "auto" && best && ladder.indexOf(mode) < ladder.indexOf(best);
  setText($("mode-says"), above ? `The board allows ${modeName(best)} at best now: ${state.board.reason ?? "it has no more"}.` : MODES[mode]?.[1] ?? "");
}

function drawJobs({ clips, next, faults }) {
  const last = clips.at(-1)?.created ?? -Infinity, live = new Set(clips.map((job) => job.id));
  const fresh = state.first ? [] : clips.filter((job) => !state.known.has(job.id));
  for (const [id, job] of state.known) if (job.created >= last && !live.has(id)) state.known.delete(id);
  for (const job of clips) state.known.set(job.id, job);
  if (state.older === undefined) for (const id of [...state.known.keys()]) if (!live.has(id)) state.known.delete(id);
  state.first = false;
  drawClips(fresh);
  $("older").hidden = !(state.older === undefined ? next : state.older);
  reconcile($("faults"), faults.filter((job) => !hidden.has(job.id)), (job) => fault(job, { take }), () => {});
  if (fresh.length) say(`Done: ${fresh[0].prompt}`);
}

function drawClips(fresh = []) {
  shown = [...state.known.values()].sort((a, b) => b.created - a.created);
  reconcile($("grid"), shown, (job) => card(job, { open: view, take }), (node, job) => updateCard(node, job, now()));
  for (const job of fresh) $("grid").querySelector(`[data-id="${job.id}"]`)?.classList.add("fresh");
  $("empty").hidden = shown.length > 0;
  $("motion").hidden = !shown.length;
}

function drawQueue() {
  const { unfinished, faults } = state.jobs;
  let place = 0;
  reconcile($("queue"), unfinished, (job) => row(job, { cancel }), (node, job) => {
    const progress = job.state === "running" && state.progress.id === job.id ? state.progress : undefined;
    updateRow(node, job, { place: job.state === "queued" ? ++place : 0, progress, left: progress && left(job, progress.fraction) });
  });
  setText($("queue-count"), unfinished.length ? String(unfinished.length) : "");
  setText($("queue-title"), unfinished.length ? "In the making" : "Not made");
  $("queue-box").hidden = !(unfinished.length || $("faults").children.length || faults.length);
  const runs = unfinished.find((job) => job.state === "running");
  const share = runs && state.progress.id === runs.id ? `${Math.round(state.progress.fraction * 100)} % · ` : "";
  document.title = `${share}edgereel${state.board.node ? ` · ${state.board.node}` : ""}`;
}

/** Seconds that the running job may still need, by how it went since we saw it; undefined while that says little. */
function left(job, fraction) {
  const begun = (state.begun[job.id] ??= { at: now(), fraction });
  const gone = now() - begun.at, made = fraction - begun.fraction;
  return made > 0.08 && gone > 3 ? (gone / made) * (1 - fraction) : undefined;
}

// What is done here

$("ask").onsubmit = async (event) => {
  event.preventDefault();
  const asked = { prompt: $("prompt").value, mode: chosenMode(), seconds: typed("seconds"), seed: typed("seed") };
  if (unsent?.key !== JSON.stringify(asked)) unsent = { key: JSON.stringify(asked), id: newId() };
  complain();
  await whileOff($("send"), async () => {
    try {
      await call("api/jobs", { v: 1, id: unsent.id, ...asked });
      unsent = undefined;
      $("prompt").value = "";
      keep("draft", "");
      say("The board has taken it.");
    } catch (error) {
      if (error.code === "id_conflict") unsent = undefined;
      complain(error);
    }
  });
};

/** What was typed into a field, as a number where it is one; the board says what is wrong with the rest. */
function typed(id) {
  const text = $(id).value.trim().replace(",", ".");
  return text === "" ? undefined : Number.isFinite(Number(text)) ? Number(text) : text;
}

function complain(error) {
  for (const id of ["prompt", "seconds", "seed"]) $(id).removeAttribute("aria-invalid");
  $("error").replaceChildren(...(error ? [error.message, el("small", {}, error.hint ?? "")] : []));
  if (!error || !(error.status >= 400 && error.status < 500)) return;
  const field = ["seconds", "seed"].find((id) => error.message.startsWith(id)) ?? "prompt";
  $(field).setAttribute("aria-invalid", "true");
  $(field).closest("details")?.setAttribute("open", "");
  $(field).focus();
}

async function cancel(job, button) {
  await whileOff(button, () => told(`api/jobs/${job.id}/cancel`, {}, "Cancelled."));
}

async function take(job, button) {
  sessionStorage.setItem("hidden", JSON.stringify([...hidden.add(job.id)]));
  await whileOff(button, () => told(`api/jobs/${job.id}/again`, { id: newId() }, "Another take is on its way."));
}

async function told(path, body, words) {
  try {
    await call(path, body);
    say(words);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if ($("viewer").open) $("viewer").close();
    complain(error);
    $("error").scrollIntoView({ block: "center" });
  }
}

async function whileOff(button, work) {
  button.disabled = true;
  try { await work(); } finally { button.disabled = false; }
}

function say(words) {
  $("say").textContent = "";
  setTimeout(() => { $("say").textContent = words; }, 50);
}

$("prompt").onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("ask").requestSubmit();
  }
};
$("prompt").oninput = () => { keep("draft", $("prompt").value); complain(); };
$("surprise").onclick = () => {
  const others = IDEAS.filter((idea) => idea !== $("prompt").value);
  $("prompt").value = others[Math.floor(Math.random() * others.length)];
  $("prompt").focus();
};
$("older").onclick = () => whileOff($("older"), async () => {
  try {
    const found = await call(`api/clips?before=${encodeURIComponent(state.older ?? state.jobs.next)}`);
    for (const job of found.clips) state.known.set(job.id, job);
    state.older = found.next;
    drawClips();
    $("older").hidden = !state.older;
  } catch (error) {
    complain(error);
  }
});

// One clip in full

function view(job) {
  viewed = job;
  playing.set(false);
  $("film").src = clipUrl(job);
  $("film").setAttribute("aria-label", job.prompt);
  $("film").play().catch(() => {});
  setText($("viewer-title"), job.prompt);
  setText($("caption"), job.caption && job.caption !== job.prompt ? `Drawn: ${job.caption}` : "");
  Object.assign($("save"), { href: clipUrl(job), download: fileName(job) });
  const [width, height] = [job.width, job.height];
  facts($("details"), [
    ["Mode", job.asked === job.mode ? modeName(job.mode) : `${modeName(job.mode)}, asked for ${modeName(job.asked)}${job.reason ? `: ${job.reason}` : ""}`],
    ["Made", `${ago(now() - job.updated)}${job.took_s ? `, in ${time(job.took_s)}` : ""}`],
    ["Clip", `${job.seconds ?? "?"} s, ${width} × ${height}, ${size(job.bytes ?? 0)}`],
    ["Seed", job.seed], ["Id", job.id],
  ]);
  const at = shown.findIndex((other) => other.id === job.id);
  $("prev").disabled = at <= 0;
  $("next").disabled = at < 0 || at >= shown.length - 1;
  if (!$("viewer").open) $("viewer").showModal();
}

function step(by) {
  const at = shown.findIndex((job) => job.id === viewed.id) + by;
  if (shown[at]) view(shown[at]);
}

$("prev").onclick = () => step(-1);
$("next").onclick = () => step(1);
$("close").onclick = () => $("viewer").close();
$("viewer").onclick = (event) => { if (event.target === $("viewer")) $("viewer").close(); };
$("viewer").onkeydown = (event) => {
  if (event.target === $("film")) return;
  if (event.key === "ArrowLeft") step(-1);
  if (event.key === "ArrowRight") step(1);
};
$("viewer").onclose = () => {
  $("film").removeAttribute("src");
  $("film").load();
  playing.set(moves());
};
$("take").onclick = () => take(viewed, $("take"));
$("reuse").onclick = () => {
  $("prompt").value = viewed.prompt;
  keep("draft", viewed.prompt);
  $("viewer").close();
  $("prompt").focus();
};

// Whether clips move by themselves

const still = matchMedia("(prefers-reduced-motion: reduce)");
const moves = () => (kept("moves") ?? (still.matches || navigator.connection?.saveData ? "no" : "yes")) === "yes";

function showMoves() {
  playing.set(moves() && !$("viewer").open);
  $("motion").replaceChildren(icon(moves() ? "pause" : "play"), moves() ? "Pause all" : "Play all");
}

$("motion").onclick = () => { keep("moves", moves() ? "no" : "yes"); showMoves(); };
still.onchange = showMoves;

// The token

function login() {
  $("app").hidden = true;
  $("login").hidden = false;
  $("pill").hidden = $("logout").hidden = true;
  $("lost").hidden = true;
  keep("asks", "yes");
  $("token").focus();
}

$("login").onsubmit = async (event) => {
  event.preventDefault();
  const button = $("login").querySelector("button");
  $("login-error").replaceChildren();
  await whileOff(button, async () => {
    try {
      await call("api/login", { token: $("token").value });
      location.reload();
    } catch (error) {
      $("login-error").replaceChildren(error.message, el("small", {}, error.hint ?? ""));
      $("token").select();
    }
  });
};
$("logout").onclick = async () => {
  await call("api/logout", {}).catch(() => {});
  location.reload();
};

$("prompt").value = kept("draft") ?? "";
$("logout").hidden = kept("asks") !== "yes";
showMoves();
setInterval(() => { if (!document.hidden) drawClips(); }, 30000);
follow({ tell, reach: (reached) => { $("lost").hidden = reached; }, login });
