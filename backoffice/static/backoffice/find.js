// The theme asks its search by an address; what staff type may be a card number, so it goes in the body instead.
document.addEventListener("htmx:configRequest", (event) => {
  if (!new URL(event.detail.path, location.href).pathname.endsWith("/search/")) return;
  event.detail.verb = "post";
  event.detail.headers["X-CSRFToken"] = document.querySelector("[name=csrfmiddlewaretoken]").value;
});
