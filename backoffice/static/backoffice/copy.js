// A button that names a text by its id (data-copies) puts it into the clipboard, and says so beside itself.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copies);
  const status = document.querySelector(`[data-copied-from="${text.id}"]`);
  try {
    await navigator.clipboard.writeText(text.value);
    status.textContent = "Copied.";
  } catch {
    // Without https a browser has no clipboard for pages: the text is marked, and the person copies it.
    text.select();
    status.textContent = "Marked: copy it with your keyboard.";
  }
});
