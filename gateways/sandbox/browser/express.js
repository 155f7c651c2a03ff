// The public calls of Spreedly's Express that a page makes: init, openView, onPaymentMethod and their like.

const acts = { paymentMethod: [], viewClosed: [], errors: [], init: [] };
let query;
let dialog;

window.SpreedlyExpress = {
  init(environmentKey, displayOptions, paymentMethodParams) {
    query = new URLSearchParams({ env: environmentKey, ...paymentMethodParams });
    for (const [name, value] of Object.entries(displayOptions)) {
      if (value !== null && value !== undefined) query.set(name, value);
    }
    acts.init.forEach((act) => act());
  },
  onInit: (act) => acts.init.push(act),
  onPaymentMethod: (act) => acts.paymentMethod.push(act),
  onViewClosed: (act) => acts.viewClosed.push(act),
  onErrors: (act) => acts.errors.push(act),
  unload: () => dialog?.remove(),

  openView() {
    dialog?.remove();
    dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", "Card details");
    Object.assign(dialog.style, { width: "min(26rem, 94vw)", padding: "0", border: "0", borderRadius: "1rem" });
    const place = document.createElement("div");
    dialog.append(place);
    dialog.addEventListener("close", () => acts.viewClosed.forEach((act) => act()));
    document.body.append(dialog);
    mountFrame(place, new URL(`card?${query}`, base), ({ type, answer, message }) => {
      if (type !== "answer") {
        acts.errors.forEach((act) => act([{ message }]));
        return;
      }
      dialog.close();
      acts.paymentMethod.forEach((act) => act(answer.token, answer.payment_method));
    });
    dialog.showModal();
  },
};
