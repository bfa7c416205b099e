// Shows what the watcher says, and sends back what is clicked. The HTML of the parts comes from the kit's own
// renderer, which escapes whatever a learner's code says.
"use strict";

const at = (id) => document.getElementById(id);
const shown = {}; // The HTML of each part, as it came last.
let state = null;

// The address bar keeps no token: it could be copied or shared.
history.replaceState(null, "", location.pathname + location.hash);
// The map is open where there is room for it; a narrow window it would fill.
const wide = matchMedia("(min-width: 60rem)");
const openMap = () => { at("map").open = wide.matches; };
wide.addEventListener("change", openMap);
openMap();

// Parts

/** Makes one element's content like another's, and leaves alone what is the same: focus, open details, inputs. */
function patch(target, source) {
  let present = target.firstChild;
  const fresh = [...source.childNodes];
  fresh.forEach((node, i) => {
    while (present && !alike(present, node) && !fresh.slice(i + 1).some((later) => alike(present, later))) {
      const gone = present;
      present = present.nextSibling;
      gone.remove();
    }
    if (!present || !alike(present, node)) {
      target.insertBefore(node, present);
      return;
    }
    if (node.nodeType === Node.ELEMENT_NODE) {
      patchAttributes(present, node);
      patch(present, node);
    } else if (present.data !== node.data) {
      present.data = node.data;
    }
    present = present.nextSibling;
  });
  while (present) {
    const gone = present;
    present = present.nextSibling;
    gone.remove();
  }
}

function alike(one, other) {
  return one.nodeName === other.nodeName && one.dataset?.key === other.dataset?.key;
}

function patchAttributes(present, node) {
  for (const name of present.getAttributeNames()) {
    // These two belong to the reader.
    if (name !== "open" && name !== "tabindex" && !node.hasAttribute(name)) present.removeAttribute(name);
  }
  for (const name of node.getAttributeNames()) {
    if (present.getAttribute(name) !== node.getAttribute(name)) present.setAttribute(name, node.getAttribute(name));
  }
}

function put(id, html) {
  if (shown[id] === html) return;
  shown[id] = html;
  const template = document.createElement("template");
  template.innerHTML = html;
  patch(at(id), template.content);
}

/** Lets the keyboard scroll code that is wider than its box. */
function reachable() {
  for (const block of document.querySelectorAll("pre, .work")) {
    const scrolls = block.scrollWidth > block.clientWidth ||
      (block.className === "work" && block.scrollHeight > block.clientHeight);
    if (scrolls) block.tabIndex = 0;
    else block.removeAttribute("tabindex");
  }
}
addEventListener("resize", reachable);
document.addEventListener("toggle", reachable, true);

// The verdict in one line takes the place of the result when that is scrolled away, but not before it is reached.
new IntersectionObserver(([seen]) => {
  const isAbove = seen.boundingClientRect.top < at("brief").getBoundingClientRect().top;
  at("brief").classList.toggle("stuck", !seen.isIntersecting && isAbove);
}).observe(at("result-title"));

// What the watcher says

let lesson = "";

async function show(next) {
  const before = state;
  state = next;
  const top = at("lesson").getBoundingClientRect().top;
  document.title = next.title;
  for (const [id, html] of Object.entries(next.parts)) put(id, html);
  if (before && before.step !== next.step) begin();
  if (top < 0 && before?.step === next.step) {
    // What is read stays where it is, though the result above it has become longer or shorter.
    scrollBy({ top: at("lesson").getBoundingClientRect().top - top, behavior: "instant" });
  }
  if (next.said && (next.judged !== before?.judged || next.said !== before?.said)) say(next.said);
  reachable();
  if (next.lesson !== lesson) {
    lesson = next.lesson;
    const answer = await fetch(next.lesson);
    if (!answer.ok || lesson !== next.lesson) return;
    put("lesson", await answer.text());
    if (before && before.step !== next.step) {
      // What was linked to in the other lesson is not to be marked in this one.
      if (location.hash) location.replace("#");
      history.replaceState(null, "", location.pathname);
      begin();
    }
    reachable();
  }
}

/** Shows the top of the page and of the column that scrolls by itself. */
function begin() {
  for (const box of [window, document.querySelector(".work")]) box.scrollTo({ top: 0, behavior: "instant" });
}

/** Lets a screen reader say a sentence, also if it is the same as before. */
function say(sentence) {
  at("said").textContent = "";
  setTimeout(() => { at("said").textContent = sentence; }, 100);
}

function ended() {
  const box = at("ended");
  if (box.childElementCount) return;
  const words = document.createElement("p");
  const typed = document.createElement("code");
  typed.textContent = state?.command ?? "make watch PAGE=1";
  words.append("The watcher has ended, so this page does not change any more. To go on, type in a terminal: ", typed,
    ". If you have done so already, open the address that it shows.");
  box.append(words);
}

const events = new EventSource("/events");
events.onmessage = (event) => {
  at("ended").replaceChildren();
  show(JSON.parse(event.data));
};
events.addEventListener("end", ended);
events.onerror = ended;

// What is clicked

async function act(action) {
  try {
    return await fetch("/act", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(action),
    });
  } catch {
    ended();
    return null;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (button) act({ ...button.dataset });
});

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const typed = event.submitter?.value || form.elements.typed?.value || "";
  if (!typed.trim()) {
    form.elements.typed?.focus();
    return;
  }
  const answer = await act({ act: "answer", step: state.step, question: form.dataset.question, typed });
  if (!answer?.ok) return;
  const template = document.createElement("template");
  template.innerHTML = (await answer.json()).html;
  const reply = form.parentElement.querySelector(".reply");
  reply.replaceChildren(template.content);
  reachable();
  reply.scrollIntoView({ block: "nearest" });
});
