// The public calls of @adyen/adyen-web 6 that a page makes: AdyenCheckout, Dropin, submitDetails and their callbacks.

// The script is two folders below what Adyen calls the environment's address.
const api = new URL("../../", base);
const KEPT = "adyen-checkout__session";

class Checkout {
  constructor(options) {
    this.options = options;
  }

  async ask(what, body) {
    const { session, clientKey } = this.options;
    const url = new URL(`v1/sessions/${session.id}/${what}?clientKey=${clientKey}`, api);
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ sessionData: this.sessionData, ...body }),
    });
    const told = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(told.message), { name: "NETWORK_ERROR" });
    this.sessionData = told.sessionData;
    return told;
  }

  async setUp() {
    const { session } = this.options;
    // After a redirect only the id is at hand; the rest was left in the browser.
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    this.sessionData = session.sessionData ?? (kept.id === session.id ? kept.sessionData : undefined);
    await this.ask("setup", {});
    localStorage.setItem(KEPT, JSON.stringify({ id: session.id, sessionData: this.sessionData }));
  }

  async submitDetails(details) {
    try {
      this.take(await this.ask("paymentDetails", details));
    } catch (error) {
      this.options.onError?.(error);
    }
  }

  take(result) {
    if (result.action?.type === "redirect") {
      location.assign(result.action.url);
      return;
    }
    const isGood = ["Authorised", "Received", "Pending"].includes(result.resultCode);
    (isGood ? this.options.onPaymentCompleted : this.options.onPaymentFailed)?.(result, this);
  }
}

class Dropin {
  constructor(checkout) {
    this.checkout = checkout;
  }

  mount(target) {
    const { session, clientKey } = this.checkout.options;
    const url = new URL(`securedfields/${clientKey}/card/${session.id}`, api);
    mountFrame(target, url, ({ type, answer }) => {
      if (type === "answer") this.checkout.take(answer);
    });
    return this;
  }
}

window.AdyenWeb = {
  async AdyenCheckout(options) {
    const checkout = new Checkout(options);
    await checkout.setUp();
    return checkout;
  },
  Dropin,
};
