// Opens Spreedly's Express form over our page. Source: docs.spreedly.com, "Express" and "3DS2 web guide".

// The size of the window in which the bank may ask: as large as the page.
const WHOLE_PAGE = "05";

export async function mount(page) {
  const express = window.SpreedlyExpress;
  const { env, nonce, timestamp, certificateToken, signature } = page.client;
  express.init(
    env,
    { amount: page.amount, company_name: page.operator, nonce, timestamp, certificateToken, signature },
    {},
  );
  express.onPaymentMethod((token) =>
    page.charge({
      token,
      keepCard: String(page.isCardToBeKept()),
      browserInfo: window.Spreedly.ThreeDS.serialize(WHOLE_PAGE, page.accept),
    }),
  );
  page.offerToPay(async () => express.openView());
}
