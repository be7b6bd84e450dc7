// The page of heatpose: a photo to the service of this host, its answer drawn over it.
"use strict";

const at = (id) => document.getElementById(id);
const state = { models: [], limits: {}, photo: null, answer: null, picked: null, stream: null, asked: 0 };

function say(text, wrong = false) {
  at("status").textContent = text;
  at("status").classList.toggle("error", wrong);
}

function headers() {
  const key = at("key").value.trim();
  return key ? { Authorization: `Bearer ${key}` } : {};
}

async function problemOf(answer) {
  try {
    return (await answer.json()).detail || answer.statusText;
  } catch {
    return answer.statusText || `status ${answer.status}`;
  }
}

function fill(select, values, keep) {
  select.replaceChildren(...values.map((value) => new Option(value, value)));
  if (values.includes(keep)) select.value = keep;
}

function showModels() {
  const task = at("task").value;
  fill(at("model"), state.models.filter((one) => one.task === task).map((one) => one.name), at("model").value);
}

async function loadModels() {
  const answer = await fetch("/v1/models", { headers: headers() });
  if (answer.status === 401) {
    say("This service asks for an API key: enter it above.", true);
    return false;
  }
  if (!answer.ok) throw new Error(await problemOf(answer));
  const { models, limits } = await answer.json();
  Object.assign(state, { models, limits });
  fill(at("task"), [...new Set(models.map((one) => one.task))], at("task").value);
  showModels();
  return true;
}

// As the service sees it: the browser turns photos by their EXIF orientation, as the service does.
async function takePhoto(blob) {
  if (state.limits.body_bytes && blob.size > state.limits.body_bytes - 4096) {
    say(`The photo has ${blob.size} bytes; the service takes ${state.limits.body_bytes}.`, true);
    return;
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    say("The browser cannot read this file as a photo.", true);
    return;
  }
  Object.assign(state, { photo: { blob, bitmap }, answer: null, picked: null });
  draw();
  await ask();
}

async function ask() {
  if (!state.photo) return;
  const number = ++state.asked;
  try {
    if (!state.models.length && !(await loadModels())) return;
    say("Looking …");
    const form = new FormData();
    form.append("file", state.photo.blob, "photo");
    form.append("task", at("task").value);
    form.append("model", at("model").value);
    const started = performance.now();
    const answer = await fetch("/v1/poses", { method: "POST", body: form, headers: headers() });
    if (number !== state.asked) return; // another photo or model came meanwhile
    if (!answer.ok) throw new Error(await problemOf(answer));
    state.answer = await answer.json();
    state.picked = null;
    const count = figures().length;
    say(`${count || "No"} found in ${Math.round(performance.now() - started)} ms.`);
  } catch (error) {
    if (number !== state.asked) return;
    state.answer = null;
    say(error.message || "The service cannot be reached.", true);
  }
  list();
  draw();
}

// People and hands of the answer as one list of things to draw.
function figures() {
  if (!state.answer) return [];
  const { result, model } = state.answer;
  const served = state.models.find((one) => one.name === model) || {};
  const found = [];
  const noun = state.answer.task === "face" ? "Face" : "Person";
  (result.people || []).forEach((person, index) => found.push({
    title: `${noun} ${index + 1}`, ...person,
    skeleton: result.hands ? served.people_skeleton : served.skeleton,
  }));
  (result.hands || []).forEach((hand, index) => {
    if (!hand.keypoints.some(Boolean)) return;
    const side = hand.side ? `${hand.side} hand` : `hand ${index + 1}`;
    const whose = hand.person === null || hand.person === undefined ? "" : ` of person ${hand.person + 1}`;
    found.push({ title: side[0].toUpperCase() + side.slice(1) + whose, ...hand, skeleton: served.skeleton });
  });
  return found;
}

function draw() {
  const canvas = at("canvas");
  const brush = canvas.getContext("2d");
  if (!state.photo) return;
  const { bitmap } = state.photo;
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  brush.drawImage(bitmap, 0, 0);
  const least = Number(at("threshold").value);
  const all = figures();
  all.forEach((figure, index) => {
    if (state.picked === null || state.picked === index) drawFigure(brush, figure, least);
  });
  canvas.setAttribute("aria-label", all.length ? `Photo with ${all.map((one) => one.title).join(", ")}` : "Photo");
}

function drawFigure(brush, figure, least) {
  if (!figure.skeleton) return;
  const points = figure.keypoints.map((point) => (point && point[2] >= least ? point : null));
  const shown = points.filter(Boolean);
  if (!shown.length) return;
  const xs = shown.map((point) => point[0]);
  const ys = shown.map((point) => point[1]);
  const extent = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  const width = Math.max(1.5, Math.min(extent / 60, 12));
  brush.lineCap = "round";
  for (const [a, b, red, green, blue] of figure.skeleton.limbs) {
    if (!points[a] || !points[b]) continue;
    brush.beginPath();
    brush.moveTo(points[a][0], points[a][1]);
    brush.lineTo(points[b][0], points[b][1]);
    brush.lineWidth = width * 1.6;
    brush.strokeStyle = "#0008";
    brush.stroke();
    brush.lineWidth = width;
    brush.strokeStyle = `rgb(${red} ${green} ${blue})`;
    brush.stroke();
  }
  points.forEach((point, index) => {
    if (!point) return;
    brush.beginPath();
    brush.arc(point[0], point[1], width * 0.9, 0, 2 * Math.PI);
    brush.fillStyle = `rgb(${figure.skeleton.colors[index].join(" ")})`;
    brush.fill();
    brush.lineWidth = Math.max(1, width / 4);
    brush.strokeStyle = "#fff";
    brush.stroke();
  });
}

function list() {
  const all = figures();
  at("found").hidden = !state.answer;
  at("list").replaceChildren(...all.map((figure, index) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", String(state.picked === index));
    const count = figure.keypoints.filter(Boolean).length;
    button.textContent = `${figure.title}: ${count} keypoints, score ${figure.score.toFixed(2)}`;
    button.addEventListener("click", () => {
      state.picked = state.picked === index ? null : index;
      [...at("list").querySelectorAll("button")].forEach((one, row) =>
        one.setAttribute("aria-pressed", String(state.picked === row)));
      draw();
    });
    item.append(button);
    return item;
  }));
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function closeCamera() {
  if (state.stream) state.stream.getTracks().forEach((track) => track.stop());
  state.stream = null;
  for (const id of ["video", "shoot", "stop"]) at(id).hidden = true;
  at("canvas").hidden = false;
  at("camera").hidden = false;
}

async function openCamera() {
  if (!navigator.mediaDevices) {
    say("The browser gives the camera to https or localhost pages only.", true);
    return;
  }
  try {
    state.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    say(`No camera: ${error.message}`, true);
    return;
  }
  at("video").srcObject = state.stream;
  await at("video").play();
  for (const id of ["video", "shoot", "stop"]) at(id).hidden = false;
  at("canvas").hidden = true;
  at("camera").hidden = true;
  at("shoot").focus();
  say("Take a photo when you are ready.");
}

function shoot() {
  const video = at("video");
  const still = document.createElement("canvas");
  still.width = video.videoWidth;
  still.height = video.videoHeight;
  still.getContext("2d").drawImage(video, 0, 0);
  closeCamera();
  at("camera").focus();
  still.toBlob((blob) => takePhoto(blob), "image/jpeg", 0.92);
}

at("controls").addEventListener("submit", (event) => event.preventDefault());
at("file").addEventListener("change", () => {
  const [file] = at("file").files;
  at("file").value = ""; // the same file may be chosen again
  if (file) takePhoto(file);
});
at("task").addEventListener("change", () => { showModels(); ask(); });
at("model").addEventListener("change", ask);
at("key").addEventListener("change", () => loadModels().then((known) => {
  if (known) say("The key fits.");
}).catch((error) => say(error.message, true)));
at("camera").addEventListener("click", openCamera);
at("shoot").addEventListener("click", shoot);
at("stop").addEventListener("click", () => { closeCamera(); at("camera").focus(); say("Camera closed."); });
at("threshold").addEventListener("input", () => {
  at("threshold-value").textContent = at("threshold").value;
  draw();
});
at("save-json").addEventListener("click", () =>
  save(new Blob([JSON.stringify(state.answer.result, null, 1)], { type: "application/json" }), "poses.json"));
at("save-png").addEventListener("click", () => at("canvas").toBlob((blob) => save(blob, "poses.png")));
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    at("stage").classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) takePhoto(event.dataTransfer.files[0]);
  });
}
document.addEventListener("paste", (event) => {
  const [file] = event.clipboardData.files;
  if (file) takePhoto(file);
});
loadModels().catch((error) => say(error.message, true));
