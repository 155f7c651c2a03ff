// In the frame of a card's form: sends what was typed to the sandbox, and tells the shop's page what came of it.
// What it tells holds nothing that was typed, so any page may hear it.

const form = document.querySelector("form");
const notice = document.getElementById("notice");

function tell(type, told = {}) {
  parent.postMessage({ type, ...told }, "*");
}

async function send(values) {
  if (!form.reportValidity()) {
    tell("incomplete");
    return;
  }
  const body = new URLSearchParams([...new FormData(form), ...Object.entries(values)]);
  const answer = await fetch(location.href, { method: "POST", body });
  const told = await answer.json();
  notice.hidden = answer.status !== 422;
  if (notice.hidden) {
    tell("answer", { answer: told });
  } else {
    notice.textContent = told.message;
    tell("incomplete", { message: told.message });
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send({});
});
addEventListener("message", (event) => {
  if (event.source === parent && event.data.type === "submit") send(event.data.values);
});
new ResizeObserver(() => tell("height", { height: document.documentElement.offsetHeight })).observe(
  document.documentElement,
);
