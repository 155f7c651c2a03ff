// The public calls of Stripe.js that a page makes: elements, the Payment Element, confirmPayment, retrievePaymentIntent.

class PaymentElement {
  constructor(clientSecret) {
    this.url = new URL(`card/${clientSecret}`, base);
    this.heard = { ready: [], change: [], loaderror: [] };
    this.answers = [];
  }

  on(event, act) {
    this.heard[event].push(act);
    return this;
  }

  mount(target) {
    this.frame = mountFrame(target, this.url, (told) => this.answers.splice(0).forEach((answer) => answer(told)));
    this.frame.addEventListener("load", () => this.heard.ready.forEach((act) => act({ elementType: "payment" })));
  }

  submit(values) {
    return new Promise((answer) => {
      this.answers.push(answer);
      this.frame.contentWindow.postMessage({ type: "submit", values }, base.origin);
    });
  }
}

class Elements {
  constructor({ clientSecret }) {
    this.clientSecret = clientSecret;
  }

  create() {
    this.element = new PaymentElement(this.clientSecret);
    return this.element;
  }
}

window.Stripe = () => ({
  elements: (options) => new Elements(options),

  async confirmPayment({ elements, confirmParams, redirect }) {
    const told = await elements.element.submit({ return_url: confirmParams.return_url });
    if (told.type === "incomplete") {
      return { error: { type: "validation_error", code: "incomplete", message: told.message } };
    }
    const { error, paymentIntent, url } = told.answer;
    if (error) return { error };
    if (redirect === "if_required" && paymentIntent.status !== "requires_action") return { paymentIntent };
    location.assign(url);
    return new Promise(() => {}); // as Stripe's: the page is being left
  },

  async retrievePaymentIntent(clientSecret) {
    const answer = await fetch(new URL(`intents/${clientSecret}`, base));
    return answer.json();
  },
});
