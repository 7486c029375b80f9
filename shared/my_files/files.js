/* The page's script: search, progress, several and large files, and a listing that refreshes itself.

   It sends a file straight to storage, by a URL that the app signs for one blob. It shows only HTML that comes from the
   app, which escapes it; whatever the script itself adds to the page is text. */

"use strict";

(() => {
  const base = document.currentScript.src.replace(/script$/, "");
  const byId = (id) => document.getElementById(id);

  // -- words --

  const said = byId("said");

  /** Say the words to people who use a screen reader. */
  function say(words) {
    said.textContent = words;
  }

  function warn(element, words) {
    element.textContent = words;
    element.hidden = !words;
  }

  /** The same words for a size as the app has. */
  function sizeText(bytes) {
    if (bytes < 1024) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
    return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  }

  function inOwnZone(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    }
  }

  // -- requests to the app --

  const SIGNED_OUT = "You are signed out. Load this page again and sign in.";
  const NO_ANSWER = "The app does not answer. Check your connection.";
  const LONGEST_ANSWER = 60_000;

  /** A request failed. The message is for the person. *passing*: it may succeed a moment later; *unsure*: the file may
      have come all the same. */
  class Trouble extends Error {
    constructor(words, { passing = false, signedOut = false, unsure = false } = {}) {
      super(words);
      this.passing = passing;
      this.signedOut = signedOut;
      this.unsure = unsure;
    }
  }

  /** Send a request to the app. Returns its reply if it succeeded; a redirect, to which a form leads, counts as success.
      Throws Trouble. */
  async function ask(path, options = {}) {
    let reply;
    try {
      const signal = AbortSignal.timeout(LONGEST_ANSWER);
      reply = await fetch(new URL(path, base), { redirect: "manual", signal, ...options });
    } catch {
      throw new Trouble(NO_ANSWER, { passing: true });
    }
    if (reply.ok || reply.type === "opaqueredirect") return reply;
    if (reply.status === 401) throw new Trouble(SIGNED_OUT, { signedOut: true });
    const words = await problemOf(reply);
    throw new Trouble(words || `The app could not do that (${reply.status}).`, { passing: reply.status >= 500 });
  }

  async function askJson(path, body) {
    const headers = { "content-type": "application/json" };
    const reply = await ask(path, { method: "POST", headers, body: JSON.stringify(body) });
    return reply.json();
  }

  /** The app's own words for what went wrong, from a JSON reply or from a page. */
  async function problemOf(reply) {
    try {
      const text = await reply.text();
      if (reply.headers.get("content-type")?.startsWith("application/json")) return JSON.parse(text).problem;
      // Only this part of the page: its style is not the one that this page's security policy allows.
      const [part = ""] = text.match(/<p id="problem">[^<]*<\/p>/) ?? [];
      return new DOMParser().parseFromString(part, "text/html").body.textContent;
    } catch {
      return "";
    }
  }

  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  // -- the task --

  const list = byId("list");
  const form = byId("send");
  const tasks = byId("tasks");
  const search = byId("search");

  function choices() {
    return [...tasks.querySelectorAll(".choice")];
  }

  /** The text without case and accents, which make no difference to the search. */
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

  const isChosen = (choice) => choice.querySelector("input").checked;

  function filter() {
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    const all = choices();
    for (const choice of all) {
      const title = plain(choice.querySelector(".title").textContent);
      // The chosen task is never hidden: nobody should send a file to a task that they do not see.
      choice.hidden = !isChosen(choice) && !words.every((word) => title.includes(word));
    }
    const shown = all.filter((choice) => !choice.hidden);
    byId("found").textContent = words.length ? `${shown.length} of ${all.length} tasks` : "";
  }

  let loads = 0;

  async function loadTasks() {
    loads += 1;
    const mine = loads;
    form.elements.list.value = list.value;
    tasks.setAttribute("aria-busy", "true");
    tasks.textContent = "Loading the tasks of this list";
    let html = "";
    let words = "";
    try {
      const reply = await ask(`tasks?list=${encodeURIComponent(list.value)}`);
      html = await reply.text();
    } catch (trouble) {
      words = trouble.message;
    }
    // The person has chosen another list meanwhile.
    if (mine !== loads) return;
    if (words) tasks.textContent = words;
    else tasks.innerHTML = html;
    tasks.removeAttribute("aria-busy");
    filter();
    say(words || `${choices().length} tasks`);
  }

  function readyToChoose() {
    byId("lists").querySelector("button").hidden = true;
    byId("find").hidden = false;
    // On the keyboard each arrow key is a change: request the tasks only of the list at which the person stops.
    let later;
    list.addEventListener("change", () => {
      clearTimeout(later);
      later = setTimeout(loadTasks, 300);
    });
    search.addEventListener("input", filter);
    search.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // Enter would send the form
      const shown = choices().filter((choice) => !choice.hidden);
      if (shown.length === 1) shown[0].querySelector("input").checked = true;
    });
    tasks.addEventListener("change", filter);
    // When a browser goes back to the page, or reloads it, it selects the list that was chosen before.
    if (list.value !== form.elements.list.value) loadTasks();
  }

  // -- the files --

  const picker = byId("file");
  const drop = byId("drop");
  const mostBytes = Number(form?.dataset.maxBytes);

  const isTooLarge = (file) => file.size > mostBytes;

  function checkSizes(folders = []) {
    const words = [...picker.files]
      .filter(isTooLarge)
      .map((file) => `${file.name} is larger than the ${sizeText(mostBytes)} that To Do takes.`);
    words.push(...folders.map((name) => `${name} is a folder: choose the files in it.`));
    warn(byId("refused"), words.length ? `Not sent: ${words.join(" ")}` : "");
  }

  function addDropped(transfer) {
    const together = new DataTransfer();
    const folders = [];
    for (const file of picker.files) together.items.add(file);
    for (const item of transfer.items) {
      if (item.kind !== "file") continue;
      const file = item.getAsFile();
      // A folder looks like a small file that nobody can read.
      if (item.webkitGetAsEntry?.()?.isDirectory) folders.push(file.name);
      else together.items.add(file);
    }
    picker.files = together.files;
    checkSizes(folders);
    say(`${picker.files.length} files chosen`);
  }

  function readyForFiles() {
    picker.multiple = true;
    byId("drop-hint").hidden = false;
    byId("form-hint").hidden = true;
    drop.querySelector("label").textContent = "Files";
    picker.addEventListener("change", () => checkSizes());
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    // On the whole page: a browser leaves the page, and shows the file, where one is dropped outside a drop zone.
    addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      drop.classList.add("over-it");
    });
    addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) drop.classList.remove("over-it");
    });
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      drop.classList.remove("over-it");
      addDropped(event.dataTransfer);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      sendChosen();
    });
  }

  // -- sending --

  const AT_ONCE = 3;
  const TRIES = 6;
  const UNSURE = "The app could not be asked whether it has come. Look among your files before you send it again.";
  // Without any progress for this long, the connection is dead, even if the browser has not noticed.
  const STALLED = 60_000;

  const rows = byId("sending");
  const waiting = [];
  let sending = 0;

  function sendChosen() {
    const task = form.elements.task;
    const chosen = choices().find(isChosen);
    const files = [...picker.files].filter((file) => !isTooLarge(file));
    if (!task || !chosen || tasks.hasAttribute("aria-busy")) return say("Choose a task first.");
    if (!files.length) return say(byId("refused").textContent);
    const target = {
      list: form.elements.list.value,
      list_name: list.selectedOptions[0].text,
      task: chosen.querySelector("input").value,
      task_title: chosen.querySelector(".title").textContent,
    };
    for (const file of files) enqueue(new Row(file, target));
    picker.value = "";
    checkSizes();
    return say(files.length === 1 ? `Sending ${files[0].name}` : `Sending ${files.length} files`);
  }

  function enqueue(row) {
    waiting.push(row);
    sendNext();
  }

  async function sendNext() {
    if (sending === AT_ONCE || !waiting.length) return;
    const row = waiting.shift();
    sending += 1;
    try {
      row.begin();
      await send(row);
      row.end("Sent", "good");
      sent.push({ name: row.file.name.normalize("NFC"), row, at: Date.now() });
      lookSoon();
    } catch (trouble) {
      // A file that was stopped may have arrived whole: then the listing shows it, and the person can withdraw it there.
      if (row.isStopped) lookSoon();
      else row.end(trouble.unsure ? "Perhaps sent" : "Not sent", "bad", trouble.message);
    }
    sending -= 1;
    sendNext();
  }

  /** Send the whole file by one Put Blob, and again after a broken connection. Throws Trouble. */
  async function send(row) {
    let signed = await sign(row);
    let isSignedAnew = false;
    for (let tries = 1; ; tries += 1) {
      // The person may have stopped it while it was signed for, or waited for another try.
      if (row.isStopped) throw new Trouble("Stopped.");
      const status = await put(row, signed);
      if (status >= 200 && status < 300) {
        // The app also notices the file by itself; to ask lets it notice sooner, and frees the signature.
        await isThere(signed).catch(() => {});
        return;
      }
      if (row.isStopped) throw new Trouble("Stopped.");
      await readable(row.file);
      // An earlier try may have arrived, its answer lost; then storage refuses to overwrite it. Chromium itself makes a
      // second try where a kept-alive connection was closed.
      const found = await isThere(signed).catch((trouble) => (trouble.signedOut ? "signed out" : "unknown"));
      if (found === true) return;
      // Another try needs no session, and may succeed. But without one it cannot be found out what a refusal means.
      if (found === "signed out" && status >= 400 && status < 500) throw new Trouble(UNSURE, { unsure: true });
      if (found === false && status === 403 && !isSignedAnew) {
        signed = await sign(row); // the signature may have expired
        isSignedAnew = true;
        continue;
      }
      if (found === false && status >= 400 && status < 500 && status !== 408 && status !== 429) {
        throw new Trouble(`The storage does not take the file (${status}).`);
      }
      if (tries === TRIES && found === false) throw new Trouble(`The connection broke ${TRIES} times.`);
      if (tries === TRIES) throw new Trouble(UNSURE, { unsure: true });
      row.say("Being sent again");
      row.progress(0);
      await pause(1000 * 2 ** (tries - 1) * (0.75 + Math.random() / 2));
    }
  }

  async function sign(row) {
    const body = { ...row.target, name: row.file.name, size: row.file.size };
    for (let tries = 1; ; tries += 1) {
      try {
        return await askJson("sign", body);
      } catch (trouble) {
        if (!trouble.passing || tries === 3) throw trouble;
      }
      await pause(2000 * tries);
    }
  }

  async function isThere(signed) {
    return (await askJson("sent", { token: signed.token })).state === "there";
  }

  /** Throws Trouble where the file was changed, moved or deleted since it was chosen: the browser can then not read it. */
  async function readable(file) {
    try {
      await file.slice(0, 1).arrayBuffer();
    } catch {
      throw new Trouble("The file was changed or moved since you chose it: choose it again.");
    }
  }

  /** The status of the reply; 0 where none came. */
  function put(row, signed) {
    return new Promise((resolve) => {
      const request = new XMLHttpRequest();
      let stalled;
      const watch = () => {
        clearTimeout(stalled);
        stalled = setTimeout(() => request.abort(), STALLED);
      };
      request.upload.onprogress = (event) => {
        watch();
        row.progress(event.loaded / Math.max(event.total, 1));
      };
      request.onloadend = () => {
        clearTimeout(stalled);
        resolve(request.status);
      };
      row.stop = () => request.abort();
      request.open("PUT", signed.url);
      for (const [name, value] of Object.entries(signed.headers)) request.setRequestHeader(name, value);
      watch();
      request.send(row.file);
    });
  }

  function element(kind, className, ...children) {
    const made = document.createElement(kind);
    made.className = className;
    made.append(...children);
    return made;
  }

  /** A file that is being sent, as it is shown. */
  class Row {
    constructor(file, target) {
      this.file = file;
      this.target = target;
      this.isStopped = false;
      this.stop = () => {};
      this.saidQuarters = 0;
      this.state = element("p", "state", "Waiting");
      this.detail = element("p", "detail");
      this.bar = element("progress", "");
      this.bar.max = 100;
      this.bar.value = 0;
      this.bar.setAttribute("aria-label", `How much of ${file.name} is sent`);
      this.percent = element("span", "", "0 %");
      this.whole = element("div", "bar", this.bar, this.percent);
      this.actions = element("div", "actions", this.button("Stop", () => this.remove()));
      const about = `${target.task_title}, in ${target.list_name} \u00b7 ${sizeText(file.size)}`;
      this.item = element("li", "", element("h3", "", file.name), this.state, element("p", "about", about));
      this.item.append(this.detail, this.whole, this.actions);
      rows.append(this.item);
    }

    button(words, onPress) {
      const made = element("button", "quiet small", words, element("span", "unseen", ` ${this.file.name}`));
      made.type = "button";
      made.addEventListener("click", onPress);
      return made;
    }

    say(state, tone = "") {
      this.state.textContent = state;
      this.state.className = `state ${tone}`;
    }

    begin() {
      this.say("Being sent");
      this.progress(0);
    }

    progress(part) {
      const percent = Math.floor(part * 100);
      this.bar.value = percent;
      this.percent.textContent = `${percent} %`;
      const quarters = Math.floor(part * 4);
      if (quarters > this.saidQuarters && quarters < 4) say(`${this.file.name}: ${percent} %`);
      this.saidQuarters = quarters;
    }

    end(state, tone, detail = "") {
      const hadFocus = this.item.contains(document.activeElement);
      this.say(state, tone);
      this.detail.textContent = detail;
      this.whole.hidden = true;
      this.actions.replaceChildren();
      if (tone === "bad") {
        const again = this.button("Send again", () => {
          const anew = new Row(this.file, this.target);
          this.item.remove();
          enqueue(anew);
          anew.actions.querySelector("button").focus();
        });
        this.actions.append(again, this.button("Dismiss", () => this.remove()));
        if (hadFocus) again.focus();
      } else if (hadFocus) {
        byId("sent").focus();
      }
      say([`${this.file.name}: ${state}.`, detail].join(" "));
    }

    /** Out of the list, and no longer sent. */
    remove() {
      this.isStopped = true;
      const at = waiting.indexOf(this);
      if (at >= 0) waiting.splice(at, 1);
      this.stop();
      if (this.item.contains(document.activeElement)) form.querySelector("[type=submit]").focus();
      this.item.remove();
    }
  }

  // -- the listing --

  // An open tab must not keep an instance of the app alive for ever. The listing is requested only while the page is
  // visible, and something is under way or an action was less than a minute ago; and for no longer than ten minutes after
  // the last change.
  const SHORTEST = 2_000;
  const LONGEST = 60_000;
  const AFTER_ACTION = 60_000;
  const AFTER_CHANGE = 600_000;

  const uploads = byId("uploads");
  const looked = byId("looked");
  const sent = []; // rows of files that the listing does not show yet
  let html = "";
  let delay = SHORTEST;
  let actedAt = -Infinity;
  let changedAt = Date.now();
  let nextLook = 0;
  let isLooking = false;
  let isSignedOut = false;

  const states = () => new Map([...uploads.querySelectorAll("li[id]")].map((item) => [item.id, item.dataset.state]));

  function replaceListing(newHtml) {
    const focused = uploads.contains(document.activeElement) ? document.activeElement : null;
    const places = focused ? [focused.id, focused.closest("li")?.id, "sent"].filter(Boolean) : [];
    const before = states();
    uploads.innerHTML = newHtml;
    inOwnZone(uploads);
    places.map(byId).find(Boolean)?.focus({ preventScroll: true });
    const news = [...uploads.querySelectorAll("li[id]")].filter((item) => before.get(item.id) !== item.dataset.state);
    for (const item of news) if (!before.has(item.id)) dropSent(item.dataset.name);
    if (news.length) say(news.map((item) => `${item.dataset.name}: ${item.dataset.state}.`).join(" "));
  }

  /** Remove the row of a sent file that the listing now shows. */
  function dropSent(name) {
    const at = sent.findIndex((each) => each.name === name);
    if (at >= 0) sent.splice(at, 1)[0].row.item.remove();
  }

  async function look() {
    clearTimeout(nextLook);
    if (isLooking) return;
    isLooking = true;
    try {
      const reply = await ask(`listing${location.search}`);
      const newHtml = await reply.text();
      looked.textContent = `As of ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}.`;
      if (newHtml === html) {
        delay = Math.min(delay * 1.5, LONGEST);
      } else {
        if (html) changedAt = Date.now();
        html = newHtml;
        delay = SHORTEST;
        replaceListing(html);
      }
    } catch (trouble) {
      delay = Math.min(delay * 2, LONGEST);
      looked.textContent = trouble.message;
      isSignedOut = trouble.signedOut === true;
    }
    isLooking = false;
    waitToLook();
  }

  function waitToLook() {
    clearTimeout(nextLook);
    if (document.hidden || isSignedOut) return;
    const now = Date.now();
    const isUnderWay = Number(uploads.querySelector("[data-under-way]")?.dataset.underWay) > 0;
    const isWorthIt = (isUnderWay || now - actedAt < AFTER_ACTION) && now - changedAt < AFTER_CHANGE;
    if (isWorthIt) nextLook = setTimeout(look, delay);
    else if (isUnderWay) looked.textContent += " Press Refresh to see more.";
  }

  /** After an action: something is about to change. */
  function lookSoon() {
    delay = SHORTEST;
    actedAt = changedAt = Date.now();
    look();
  }

  async function act(actionForm) {
    const notDone = byId("not-done");
    warn(notDone, "");
    try {
      await ask(actionForm.action, { method: "POST", body: new URLSearchParams(new FormData(actionForm)) });
    } catch (trouble) {
      warn(notDone, trouble.message);
    }
    lookSoon();
  }

  function readyToLook() {
    inOwnZone(document);
    uploads.addEventListener("submit", (event) => {
      // Otherwise the browser would leave the page, and stop what is being sent.
      event.preventDefault();
      act(event.target);
    });
    byId("refresh").addEventListener("click", (event) => {
      event.preventDefault();
      lookSoon();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) clearTimeout(nextLook);
      else lookSoon();
    });
    addEventListener("pageshow", (event) => {
      if (event.persisted) lookSoon();
    });
    addEventListener("beforeunload", (event) => {
      if (sending || waiting.length) event.preventDefault();
    });
    waitToLook();
  }

  readyToLook();
  if (form) {
    readyToChoose();
    readyForFiles();
  }
})();
