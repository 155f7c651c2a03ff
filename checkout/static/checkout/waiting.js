// Asks how it stands until that changes, for a minute at most; without JavaScript the guest looks again by hand.

const EVERY_MILLISECONDS = 1500;
const TIMES = 40;

const waiting = document.getElementById("waiting");
const { url, state, refusal } = waiting.dataset;
// A guest who presses something while an answer is under way goes where that leads, and is not called back.
let isLeaving = false;
addEventListener("beforeunload", () => {
  isLeaving = true;
});
const pause = () => new Promise((resolve) => setTimeout(resolve, EVERY_MILLISECONDS));

for (let time = 0; time < TIMES; time += 1) {
  await pause();
  let told;
  try {
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (!answer.ok) continue;
    told = await answer.json();
  } catch {
    continue; // the network was away for a moment
  }
  if (isLeaving) break;
  if (told.state !== state || told.refusal !== refusal) {
    location.replace(told.next || location.pathname);
    break;
  }
}
const late = document.getElementById("late");
if (late) late.hidden = false;
