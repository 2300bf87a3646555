// What the page draws of a job: a card with its clip, a row of the queue, words for figures. And which clips play.

export const MODES = {
  auto: ["Auto", "The board takes the best mode that it has memory and time for."],
  think: ["Think", "Thinks first: a story of up to four shots. The slowest."],
  no_think: ["No think", "A language model writes one shot."],
  direct: ["Direct", "No language model: your words as they are. Quick."],
  lite: ["Lite", "As direct, two seconds long."],
  spare: ["Spare", "A small, rough sketch of two seconds. The quickest."],
  paused: ["Paused", "Takes nothing new until it is better."],
};
const PHASES = {
  expand: "Thinking up the shots", text: "Opening the models", denoise: "Drawing", decode: "Painting the frames",
  encode: "Writing the clip",
};
const MAX_PLAYING = 6;
const START_MS = 4000;
const RETRIES = 3;

export const modeName = (mode) => MODES[mode]?.[0] ?? mode ?? "";
export const clipUrl = (job) => `c/${job.id}.mp4`;
const posterUrl = (job) => `c/${job.id}.jpg`;

/** An element with properties, children and listeners (`onclick`). Text is never read as markup. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name in node && name !== "ariaLabel") node[name] = value;
    else node.setAttribute(name === "ariaLabel" ? "aria-label" : name, value);
  }
  node.append(...children.filter((child) => child !== undefined));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export function time(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}

export const ago = (seconds) => (seconds < 45 ? "just now" : `${time(seconds)} ago`);
export const size = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

export function fileName(job) {
  const words = job.prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return `edgereel-${words.slice(0, 6).join("-").slice(0, 60) || job.id}.mp4`;
}

/** Make the children of `list` those of `jobs`, in order, leaving alone what stands where it belongs. */
export function reconcile(list, jobs, make, update) {
  const known = new Map([...list.children].map((node) => [node.dataset.id, node]));
  jobs.forEach((job, at) => {
    const node = known.get(job.id) ?? make(job);
    known.delete(job.id);
    node.dataset.id = job.id;
    if (list.children[at] !== node) list.insertBefore(node, list.children[at] ?? null);
    update(node, job);
  });
  for (const node of known.values()) {
    playing.forget(node.querySelector("video"));
    node.remove();
  }
}

export function card(job, { open, take }) {
  const image = el("img", { alt: "", loading: "lazy", decoding: "async", width: 848, height: 480 });
  const video = el("video", { muted: true, loop: true, playsInline: true, preload: "none", tabIndex: -1, "aria-hidden": "true" });
  video.dataset.src = clipUrl(job);
  let tries = 0;
  image.onerror = () => (++tries <= RETRIES ? setTimeout(() => { image.src = `${posterUrl(job)}?${tries}`; }, 2000 * tries) : poster.classList.add("gone"));
  image.src = posterUrl(job);
  const poster = el("button", { type: "button", className: "poster", ariaLabel: `Play: ${job.prompt}`, onclick: () => open(job) },
    image, video, el("span", { className: "start" }, icon("play")), el("span", { className: "length" }, time(job.seconds ?? 0)));
  const again = el("button", { type: "button", className: "ghost", ariaLabel: `New take: ${job.prompt}`, title: "The same with another seed", onclick: () => take(job, again) }, icon("again"), "New take");
  const save = el("a", { className: "ghost button icon", href: clipUrl(job), download: fileName(job), ariaLabel: `Download: ${job.prompt}`, title: "Download" }, icon("down"));
  playing.watch(video);
  return el("li", { className: "card" }, poster, el("div", { className: "body" },
    el("p", { className: "what", title: job.prompt }, job.prompt), el("p", { className: "meta" }), el("div", { className: "actions" }, again, save)));
}

export function updateCard(node, job, now) {
  const took = job.took_s ? ` · made in ${time(job.took_s)}` : "";
  setText(node.querySelector(".meta"), `${modeName(job.mode)}${took} · ${ago(now - job.updated)}`);
}

export function row(job, { cancel }) {
  const stop = el("button", { type: "button", className: "ghost icon", ariaLabel: `Cancel: ${job.prompt}`, title: "Cancel", onclick: () => cancel(job, stop) }, icon("stop"));
  const state = el("p", { className: "state" }, el("span"), el("span"));
  return el("li", {}, el("div", { className: "row" }, el("p", { className: "what", title: job.prompt }, job.prompt), stop, state));
}

/** Where a job of the queue stands; `progress` is that of the one that runs, `left` the seconds that it may still need. */
export function updateRow(node, job, { place, progress, left }) {
  const runs = job.state === "running";
  const [what, figure] = node.querySelectorAll(".state span");
  node.classList.toggle("running", runs);
  node.querySelector("button").disabled = Boolean(job.cancelling);
  let bar = node.querySelector("progress");
  if (!runs) {
    bar?.remove();
    setText(what, place === 1 ? "Next" : `Number ${place} in the queue`);
    return setText(figure, job.asked === "auto" ? "" : modeName(job.asked));
  }
  if (!bar) node.querySelector(".state").before(bar = el("progress", { max: 1, ariaLabel: `Progress: ${job.prompt}` }));
  if (progress) bar.value = progress.fraction;
  else bar.removeAttribute("value");
  const phase = job.cancelling ? "Cancelling" : progress ? PHASES[progress.phase] ?? progress.phase : "Beginning";
  setText(what, `${phase} · ${modeName(job.mode)}`);
  setText(figure, progress ? `${Math.round(progress.fraction * 100)} %${left ? ` · ${time(left)} left` : ""}` : "");
}

export function fault(job, { take }) {
  const button = el("button", { type: "button", className: "ghost", ariaLabel: `Try again: ${job.prompt}`, onclick: () => take(job, button) }, "Try again");
  const why = job.state === "cancelled" ? "Cancelled" : [job.error?.message, job.error?.hint].filter(Boolean).join(" ");
  return el("li", { className: "fault" }, el("div", { className: "row" }, el("p", { className: "what" }, job.prompt), button, el("p", { className: "state" }, why)));
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Term and value pairs; those without a value are left out. */
export function facts(list, pairs) {
  const given = pairs.filter(([, value]) => value !== undefined && value !== null && value !== "");
  if (list.dataset.now === JSON.stringify(given)) return;
  list.dataset.now = JSON.stringify(given);
  list.replaceChildren(...given.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))]));
}

/**
 * The clips that are in sight play; each begins when the one before it is there, so that a small board is not asked for
 * six at once.
 */
export const playing = new (class {
  on = true;
  #seen = new Set();
  #turn = Promise.resolve();
  #eye = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      isIntersecting ? this.#seen.add(target) : this.#seen.delete(target);
      isIntersecting ? this.#enqueue(target) : this.#stop(target);
    }
  }, { threshold: 0.55 });

  watch(video) { this.#eye.observe(video); }

  forget(video) {
    if (!video) return;
    this.#eye.unobserve(video);
    this.#seen.delete(video);
    video.removeAttribute("src");
    video.load();
  }

  set(on) {
    this.on = on;
    for (const video of this.#seen) on ? this.#enqueue(video) : this.#stop(video);
  }

  #enqueue(video) { this.#turn = this.#turn.then(() => this.#start(video)); }

  async #start(video) {
    const busy = [...this.#seen].filter((other) => !other.paused).length;
    if (!this.on || !this.#seen.has(video) || busy >= MAX_PLAYING || video.failed) return;
    if (!video.src) video.src = video.dataset.src;
    video.onplaying = () => video.parentNode?.classList.add("plays");
    video.onerror = () => { video.failed = true; };
    const wait = new Promise((done) => setTimeout(done, START_MS));
    await Promise.race([video.play().catch(() => {}), wait]);
  }

  #stop(video) {
    video.pause();
    video.parentNode?.classList.remove("plays");
  }
})();
