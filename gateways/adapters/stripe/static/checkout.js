// Mounts Stripe's Payment Element. Source: docs.stripe.com, "Accept a payment", Payment Element.

export async function mount(page) {
  const intent = page.client.paymentIntent;
  const stripe = window.Stripe(intent.publishableKey, { locale: page.locale });
  const elements = stripe.elements({ clientSecret: intent.clientSecret });
  const element = elements.create("payment");
  element.on("loaderror", ({ error }) => page.fail(error));
  element.mount(page.place);
  page.offerToPay(async () => {
    // Where all is well the guest is sent to the return address, by way of the bank if need be.
    const { error } = await stripe.confirmPayment({ elements, confirmParams: { return_url: page.returnUrl } });
    // What is missing or mistyped, the form says beside its fields.
    if (error.type === "validation_error") return;
    // Only a card that was refused is known to be: after a lost answer the intent itself must be asked about.
    const goOn = error.type === "card_error" ? page.refuse : page.finish;
    goOn({ payment_intent: intent.id });
  });
}
