// Shows the gateway's form. Each gateway brings a module with `mount(page)`; what it may use of ours is made here.

const data = JSON.parse(document.getElementById("page-data").textContent);
const failed = document.getElementById("failed");
const unsure = document.getElementById("unsure");
const loading = document.getElementById("loading");
const payButton = document.getElementById("pay");

function show(notice, error) {
  loading.hidden = true;
  notice.hidden = false;
  // The kind of it, for whoever looks over the guest's shoulder; its words may hold what was typed.
  console.warn("card form:", error?.name ?? "unknown");
}

function fail(error) {
  show(failed, error);
}

function doubt(error) {
  show(unsure, error);
}

function goBackWith(values) {
  const url = new URL(data.returnUrl);
  for (const [name, value] of Object.entries(values)) {
    if (value) url.searchParams.set(name, value);
  }
  location.assign(url);
}

const page = {
  client: data.client,
  settings: data.settings,
  resume: data.resume,
  locale: data.locale,
  amount: data.amount,
  operator: data.operator,
  accept: data.accept,
  returnUrl: data.returnUrl,
  place: document.getElementById("form"),

  /** Say that the form could not be shown; only before anybody could pay in it. */
  fail,

  /** Say that nobody knows how it ended: what went wrong may have been the answer to a payment. */
  doubt,

  /** Go on with what proves or names how it ended. */
  finish: goBackWith,

  /** Go on after a refusal that the form was told of. */
  refuse: (values) => goBackWith({ ...values, refused: "1" }),

  /** Say whether the guest agreed to have the card kept. */
  isCardToBeKept: () => document.getElementById("keep-card")?.checked ?? false,

  /** Show our own button, for a form that has none; `pay` is awaited with the button out of reach. */
  offerToPay(pay) {
    payButton.hidden = false;
    payButton.addEventListener("click", async () => {
      payButton.disabled = true;
      try {
        await pay();
      } catch (error) {
        doubt(error);
      } finally {
        payButton.disabled = false;
      }
    });
  },

  /** Have the card charged for which the form got a token. */
  async charge(values) {
    payButton.disabled = true;
    loading.hidden = false;
    try {
      const answer = await fetch(data.chargeUrl, { method: "POST", body: new URLSearchParams(values) });
      const { next } = await answer.json();
      location.assign(next);
    } catch {
      // Whether it was charged is in the books: the page of the link says so.
      location.assign(data.returnUrl);
    }
  },
};

try {
  const { mount } = await import(data.script);
  await mount(page);
  loading.hidden = !data.resume;
} catch (error) {
  fail(error);
}
