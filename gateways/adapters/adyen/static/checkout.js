// Mounts Adyen's Drop-in. Source: docs.adyen.com, "Web Drop-in integration guide", sessions flow, adyen-web 6.

export async function mount(page) {
  const { AdyenCheckout, Dropin } = window.AdyenWeb;
  // After a bank's page Drop-in finds the rest of the session where it left it, in the browser.
  const session = page.resume ? { id: page.resume.sessionId } : page.client.session;
  const brought = (result) => ({ sessionId: session.id, sessionResult: result.sessionResult });
  const options = {
    session,
    environment: page.client.environment,
    clientKey: page.client.clientKey,
    locale: page.locale,
    onPaymentCompleted: (result) => page.finish(brought(result)),
    onPaymentFailed: (result) => page.refuse(brought(result)),
    onError: (error) => {
      if (error.name !== "CANCEL") page.fail(error);
    },
  };
  if (page.client.countryCode) options.countryCode = page.client.countryCode;
  if (page.settings.environmentUrls) options._environmentUrls = page.settings.environmentUrls;
  const checkout = await AdyenCheckout(options);
  if (page.resume) {
    checkout.submitDetails({ details: { redirectResult: page.resume.redirectResult } });
    return;
  }
  new Dropin(checkout, { paymentMethodsConfiguration: page.client.paymentMethodsConfiguration }).mount(page.place);
}
