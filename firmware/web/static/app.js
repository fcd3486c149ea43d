// uMeter - what the pages do beyond their plain forms
"use strict";
const $ = (id) => document.getElementById(id);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function ask(path, form) {
  const cut = new AbortController();
  const timer = setTimeout(() => cut.abort(), 8000);
  try {
    const answer = await fetch(path, {
      headers: { Accept: "application/json" },
      method: form ? "POST" : "GET",
      body: form ? new URLSearchParams(new FormData(form)) : undefined,
      signal: cut.signal,
    });
    if (answer.status === 401) location.href = "/login";
    // Numbers stay text as they came: 32.10 is not 32.1.
    return JSON.parse((await answer.text()).replace(/("value":)(-?[\d.]+)/g, '$1"$2"'));
  } finally {
    clearTimeout(timer);
  }
}

function make(tag, kind, text) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (text !== undefined) element.textContent = text;
  return element;
}

const show = $("show");
if (show) {
  show.hidden = false;
  show.onclick = () => {
    const open = $("password").type === "password";
    $("password").type = open ? "text" : "password";
    show.textContent = open ? "Hide" : "Show";
    show.setAttribute("aria-pressed", String(open));
  };
}

// -- networks --

function draw(networks) {
  const list = $("nets");
  const radios = [...list.querySelectorAll("input")];
  const chosen = radios.find((radio) => radio.checked);
  const focused = radios.find((radio) => radio === document.activeElement);
  const known = new Map(radios.map((radio) => [radio.value, radio.closest("label")]));
  networks.forEach((network, i) => {
    let label = known.get(network.ssid);
    if (!label) {
      label = make("label", "net");
      const radio = make("input");
      radio.type = "radio";
      radio.name = "ssid";
      radio.value = network.ssid;
      label.append(radio, make("span", "name", network.ssid), make("span", "lock"));
      const bars = make("span", "bars");
      bars.setAttribute("aria-hidden", "true");
      for (let n = 0; n < 4; n++) bars.append(make("i"));
      label.append(bars, make("span", "sr"));
    }
    const lock = label.querySelector(".lock");
    lock.className = network.secured ? "lock on" : "lock";
    lock.textContent = network.secured ? "" : "open";
    label.querySelector(".bars").className = "bars b" + network.bars;
    const told = label.querySelector(".sr");
    told.id = "net-" + i;
    told.textContent = `signal ${network.bars} of 4, ${network.secured ? "with password" : "open"}`;
    label.querySelector("input").setAttribute("aria-describedby", told.id);
    known.delete(network.ssid);
    if (list.children[i] !== label) list.insertBefore(label, list.children[i] || null);
  });
  for (const [name, label] of known) {
    if (!chosen || name !== chosen.value) label.remove(); // what somebody chose stays
  }
  if (focused && focused !== document.activeElement) focused.focus();
  // The stored network was typed in while the list was empty: now it is one of it.
  const typed = $("ssid_other");
  if (document.querySelector("[name=ssid][value='*']").checked && document.activeElement !== typed) {
    const same = [...list.querySelectorAll("input")].find((radio) => radio.value === typed.value);
    if (same) same.checked = true;
  }
}

async function search() {
  for (;;) {
    if (!$("setup").hidden && !document.hidden) {
      try {
        const found = (await ask("/networks.json")).networks;
        $("scan").hidden = found.length > 0;
        draw(found);
      } catch (gone) {
        $("scan").hidden = false;
      }
    }
    await wait($("nets").children.length ? 8000 : 1500);
  }
}

// -- saving --

function mark(errors) {
  document.querySelectorAll("p.error").forEach((line) => (line.textContent = ""));
  document.querySelectorAll("[aria-invalid]").forEach((field) => {
    field.setAttribute("aria-invalid", "false");
  });
  let first = null;
  for (const [name, text] of Object.entries(errors)) {
    const line = $(name + "-error");
    if (line) line.textContent = text;
    const field = name === "ssid" ? document.querySelector("[name=ssid]") : $(name);
    if (!field) continue;
    if (name !== "ssid") field.setAttribute("aria-invalid", "true");
    const details = field.closest("details");
    if (details) details.open = true;
    first = first || field;
  }
  if (first) first.focus();
}

function tell(report, lost) {
  const title = { testing: "One moment", saved: "Saved", failed: "That did not work" };
  $("state").className = "card state " + report.state;
  $("state-title").textContent = title[report.state] || "Saving";
  $("state-bar").hidden = report.state !== "testing";
  $("state-bar").value = 30 - report.left;
  let text = `Trying ${report.ssid}. This takes up to half a minute.`;
  if (lost) {
    text = report.left
      ? text + " Your phone may lose this network meanwhile and comes back by itself."
      : `The device does not answer here any more: it may be part of ${report.ssid} by now. If not, join its own network again.`;
  }
  if (report.state === "failed") text = report.text;
  const there = report.state === "saved" && report.address && report.address !== "0.0.0.0";
  if (report.state === "saved") {
    text = there
      ? `The device is part of ${report.ssid} now. This set-up network ends soon; there, its pages are at`
      : `The device joins ${report.ssid} as soon as it can.`;
  }
  if ($("state-text").textContent !== text) $("state-text").textContent = text;
  $("address").hidden = !there;
  $("address").href = $("address").textContent = `http://${report.address}/`;
  $("anyway").hidden = report.state !== "failed";
}

async function follow(report) {
  $("setup").hidden = true;
  document.querySelector(".lead").hidden = true;
  $("state").hidden = false;
  $("state").focus();
  tell(report);
  const end = Date.now() + report.left * 1000;
  while (report.state === "testing") {
    await wait(1000);
    try {
      report = await ask("/status.json");
      tell(report);
    } catch (gone) {
      // The radio changes its channel with the new network: the phone comes back by itself.
      report.left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      tell(report, true);
    }
  }
}

if ($("setup")) {
  $("setup").onsubmit = async (event) => {
    event.preventDefault();
    $("submit").disabled = true;
    $("news").textContent = "";
    try {
      const report = await ask("/setup", $("setup"));
      mark(report.errors || {});
      if (report.errors) $("news").textContent = "Not saved: please look at the marked fields.";
      else if (report.error) $("news").textContent = "This form is too old. Please load the page again.";
      else await follow(report);
    } catch (gone) {
      $("news").textContent = "The device does not answer. Is this still its network?";
    }
    $("submit").disabled = false;
  };
  $("anyway").onsubmit = async (event) => {
    event.preventDefault();
    try {
      await follow(await ask("/save", $("anyway")));
    } catch (gone) {
      $("state-text").textContent = "The device does not answer. Is this still its network?";
    }
  };
  $("back").onclick = () => {
    $("state").hidden = true;
    $("setup").hidden = false;
    document.querySelector(".lead").hidden = false;
    $("submit").focus();
  };
  search();
}

// -- live values --

const UNITS = { C: "\u00b0C", m3: "m\u00b3", "m3/h": "m\u00b3/h" };

async function watch() {
  for (;;) {
    try {
      const data = await ask("/data.json");
      if (data.values) {
        $("serial").textContent = data.serial;
        $("age").textContent = data.age_s + " s ago";
        const rows = Object.entries(data.values).map(([name, entry]) => {
          const tile = make("div");
          const value = make("dd", "", entry.value + " ");
          value.append(make("span", "unit", UNITS[entry.unit] || entry.unit));
          const ending = "_" + (entry.unit || "_").toLowerCase();
          const text = (name.endsWith(ending) ? name.slice(0, -ending.length) : name).replaceAll("_", " ");
          tile.append(make("dt", "", text[0].toUpperCase() + text.slice(1)), value);
          const notes = "age_s" in entry ? [entry.age_s + " s ago"] : [];
          if (entry.derived) notes.push("computed");
          if (notes.length) tile.append(make("dd", "note", notes.join(", ")));
          return tile;
        });
        $("rows").replaceChildren(...rows);
      }
      const valve = data.device.valve || "\u2013";
      $("valve").textContent = valve === "close" ? "closed" : valve;
    } catch (gone) {
      $("age").textContent = "no answer";
    }
    await wait(5000);
  }
}
if ($("rows")) watch();
