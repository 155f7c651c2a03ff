// Stands before each stand-in's script: where it was loaded from, and a frame with a card's form in the shop's page.

const base = new URL(".", document.currentScript.src);

function mountFrame(target, url, hear) {
  const place = typeof target === "string" ? document.querySelector(target) : target;
  const frame = document.createElement("iframe");
  frame.title = "Card details";
  Object.assign(frame.style, { display: "block", width: "100%", border: "0" });
  addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow) return;
    if (event.data.type === "height") frame.style.height = `${event.data.height}px`;
    else hear(event.data);
  });
  frame.src = url;
  place.replaceChildren(frame);
  return frame;
}
