// Mounts Adyen's Drop-in. Source: docs.adyen.com, "Web Drop-in integration guide", sessions flow, adyen-web 6.

export async function mount(page) {
  const { AdyenCheckout, Dropin } = window.AdyenWeb;
  // After a bank's page Drop-in finds the rest of the session where it left it, in the browser.
  const session = page.resume ? { id: page.resume.sessionId } : page.client.session;
  const brought = (result) => ({ sessionId: session.id, sessionResult: result.sessionResult });
  let sayThatItFailed = page.fail;
  const options = {
    session,
    environment: page.client.environment,
    clientKey: page.client.clientKey,
    locale: page.locale,
    onPaymentCompleted: (result) => page.finish(brought(result)),
    onPaymentFailed: (result) => page.refuse(brought(result)),
    onError: (error) => {
      if (error.name !== "CANCEL") sayThatItFailed(error);
    },
  };
  if (page.client.countryCode) options.countryCode = page.client.countryCode;
  if (page.settings.environmentUrls) options._environmentUrls = page.settings.environmentUrls;
  const checkout = await AdyenCheckout(options);
  // From here on the answer that is lost may be that to a payment.
  sayThatItFailed = page.doubt;
  if (page.resume) {
    checkout.submitDetails({ details: { redirectResult: page.resume.redirectResult } });
    return;
  }
  new Dropin(checkout, { paymentMethodsConfiguration: page.client.paymentMethodsConfiguration }).mount(page.place);
}
