"""The request bodies of Checkout v72 that the sandbox accepts, field by field.

Source: Checkout v72 request schemas; where those give prose limits only (reference, metadata, origin), the prose.
"""

from gateways.sandbox.adyen.validation import (
    Anything,
    Choice,
    Many,
    Moment,
    Rule,
    Shape,
    Sum,
    Text,
    Texts,
    Truth,
    Whole,
)

TEXT, TRUTH, ANY = Text(), Truth(), Anything()
REFERENCE = Text(longest=80, code="130")
INTERACTION = Choice(("Ecommerce", "ContAuth", "Moto", "POS"))
MODEL = Choice(("CardOnFile", "Subscription", "UnscheduledCardOnFile"))
SHOPPER_REFERENCE = Text(longest=256, shortest=3, code="180")
CHANNEL = Choice(("iOS", "Android", "Web"))


def _texts(names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), TEXT)


BILLING_ADDRESS = Shape(
    "BillingAddress",
    _texts("city country houseNumberOrName postalCode stateOrProvince street"),
    ("city", "street", "houseNumberOrName", "country", "postalCode"),
)
DELIVERY_ADDRESS = Shape(
    "DeliveryAddress",
    _texts("city country firstName houseNumberOrName lastName postalCode stateOrProvince street"),
    ("city", "street", "houseNumberOrName", "country", "postalCode"),
)
SHOPPER_NAME = Shape("ShopperName", _texts("firstName lastName"), ("firstName", "lastName"))
COMPANY = Shape("Company", _texts("homepage name registrationNumber registryLocation taxId type"))
LINE_ITEM = Shape(
    "LineItem",
    {
        **_texts("brand color description id imageUrl itemCategory manufacturer marketplaceSellerId productUrl"),
        **_texts("receiverEmail size sku upc"),
        **dict.fromkeys(
            ("amountExcludingTax", "amountIncludingTax", "quantity", "taxAmount", "taxPercentage"), Whole()
        ),
    },
)
APPLICATION_INFO = Shape(
    "ApplicationInfo",
    dict.fromkeys(
        (
            "adyenLibrary",
            "adyenPaymentSource",
            "externalPlatform",
            "merchantApplication",
            "merchantDevice",
            "shopperInteractionDevice",
        ),
        ANY,
    ),
)
BROWSER_INFO = Shape(
    "BrowserInfo",
    {
        **_texts("acceptHeader language userAgent"),
        "colorDepth": Whole(1, 48),
        "javaEnabled": TRUTH,
        "javaScriptEnabled": TRUTH,
        "screenHeight": Whole(),
        "screenWidth": Whole(),
        "timeZoneOffset": Whole(),
    },
    (
        "acceptHeader",
        "colorDepth",
        "javaEnabled",
        "language",
        "screenHeight",
        "screenWidth",
        "timeZoneOffset",
        "userAgent",
    ),
)
AUTHENTICATION_DATA = Shape(
    "AuthenticationData",
    {
        "attemptAuthentication": Choice(("always", "never")),
        "authenticationOnly": TRUTH,
        "threeDSRequestData": Shape(
            "ThreeDSRequestData",
            {
                "challengeWindowSize": Choice(("01", "02", "03", "04", "05")),
                "dataOnly": TEXT,
                "nativeThreeDS": Choice(("preferred", "disabled")),
                "threeDSVersion": Choice(("2.1.0", "2.2.0")),
            },
        ),
    },
)
CARD = Shape(
    "CardDetails",
    {
        **_texts("billingSequenceNumber brand checkoutAttemptId cvc expiryMonth expiryYear holderName number"),
        **_texts("encryptedCardNumber encryptedExpiryMonth encryptedExpiryYear encryptedSecurityCode encryptedCard"),
        **_texts("encryptedPassword networkPaymentReference recurringDetailReference sdkData threeDS2SdkVersion"),
        "fundingSource": Choice(("credit", "debit", "prepaid")),
        "storedPaymentMethodId": Text(longest=64),
        "type": TEXT,
    },
)
CARD_TO_STORE = Shape(
    "PaymentMethodToStore",
    _texts(
        "brand cvc encryptedCard encryptedCardNumber encryptedExpiryMonth encryptedExpiryYear encryptedSecurityCode "
        "expiryMonth expiryYear holderName number type"
    ),
)

_SHARED: dict[str, Rule] = {
    **_texts("countryCode mcc merchantAccount merchantOrderReference recurringExpiry recurringFrequency dateOfBirth"),
    **_texts("redirectFromIssuerMethod redirectToIssuerMethod shopperEmail shopperIP shopperLocale shopperStatement"),
    **_texts("socialSecurityNumber store telephoneNumber"),
    **dict.fromkeys(
        (
            "enableOneClick",
            "enablePayOut",
            "enableRecurring",
            "storePaymentMethod",
            "threeDSAuthenticationOnly",
            "trustedShopper",
        ),
        TRUTH,
    ),
    **dict.fromkeys(
        ("accountInfo", "fundOrigin", "fundRecipient", "mandate", "mpiData", "platformChargebackLogic", "riskData"),
        ANY,
    ),
    "additionalAmount": Sum(),
    "additionalData": Texts(),
    "amount": Sum(),
    "applicationInfo": APPLICATION_INFO,
    "authenticationData": AUTHENTICATION_DATA,
    "billingAddress": BILLING_ADDRESS,
    "captureDelayHours": Whole(0, 672, "164"),
    "channel": CHANNEL,
    "company": COMPANY,
    "deliverAt": Moment(),
    "deliveryAddress": DELIVERY_ADDRESS,
    "lineItems": Many(LINE_ITEM),
    "metadata": Texts(is_metadata=True),
    "recurringProcessingModel": MODEL,
    "reference": REFERENCE,
    "returnUrl": Text(longest=1024, code="14_030"),
    "shopperInteraction": INTERACTION,
    "shopperName": SHOPPER_NAME,
    "shopperReference": SHOPPER_REFERENCE,
    "splits": Many(ANY),
}

SESSION = Shape(
    "CreateCheckoutSessionRequest",
    {
        **_SHARED,
        "allowedPaymentMethods": Many(TEXT),
        "blockedPaymentMethods": Many(TEXT),
        "expiresAt": Moment(),
        "installmentOptions": ANY,
        "mode": Choice(("embedded", "hosted")),
        "showInstallmentAmount": TRUTH,
        "showRemovePaymentMethodButton": TRUTH,
        "splitCardFundingSources": TRUTH,
        "storeFiltrationMode": Choice(("exclusive", "inclusive", "skipFilter")),
        "storePaymentMethodMode": Choice(("askForConsent", "disabled", "enabled")),
        "themeId": TEXT,
        "threeDS2RequestData": ANY,
    },
    ("merchantAccount", "amount", "reference", "returnUrl"),
)

PAYMENT = Shape(
    "PaymentRequest",
    {
        **_SHARED,
        **_texts("checkoutAttemptId deviceFingerprint orderReference sessionValidity shopperConversionId"),
        **dict.fromkeys(
            (
                "bankAccount",
                "dccQuote",
                "enhancedSchemeData",
                "installments",
                "localizedShopperStatement",
                "merchantRiskIndicator",
                "order",
                "paymentValidations",
                "shopperTaxInfo",
                "surcharge",
                "threeDS2RequestData",
            ),
            ANY,
        ),
        "browserInfo": BROWSER_INFO,
        "deliveryDate": Moment(),
        "entityType": Choice(("NaturalPerson", "CompanyName")),
        "fraudOffset": Whole(),
        "industryUsage": Choice(("delayedCharge", "installment", "noShow")),
        "origin": Text(longest=80),
        "paymentMethod": CARD,
        "subMerchants": Many(ANY),
    },
    ("merchantAccount", "amount", "reference", "paymentMethod", "returnUrl"),
)

DETAILS = Shape(
    "PaymentDetailsRequest",
    {
        "authenticationData": ANY,
        "details": Shape(
            "PaymentCompletionDetails",
            {
                **_texts("MD PaReq PaRes authorization_token billingToken cupsecureplus.smscode"),
                **_texts("facilitatorAccessToken oneTimePasscode orderID payerID payload paymentID paymentStatus"),
                **_texts("redirectResult resultCode returnUrlQueryString threeDSResult threeds2.challengeResult"),
                **_texts("threeds2.fingerprint vaultToken"),
            },
        ),
        "paymentData": TEXT,
        "threeDSAuthenticationOnly": TRUTH,
    },
    ("details",),
)

_MODIFICATION: dict[str, Rule] = {
    "applicationInfo": APPLICATION_INFO,
    "merchantAccount": TEXT,
    "reference": REFERENCE,
}
_WITH_AMOUNT: dict[str, Rule] = {
    **_MODIFICATION,
    "amount": Sum(smallest=1),
    "lineItems": Many(LINE_ITEM),
    "splits": Many(ANY),
}
CAPTURE = Shape(
    "PaymentCaptureRequest",
    {**_WITH_AMOUNT, "enhancedSchemeData": ANY, "platformChargebackLogic": ANY, "subMerchants": Many(ANY)},
    ("merchantAccount", "amount"),
)
REFUND = Shape(
    "PaymentRefundRequest",
    {
        **_WITH_AMOUNT,
        "capturePspReference": TEXT,
        "enhancedSchemeData": ANY,
        "merchantRefundReason": Choice(("FRAUD", "CUSTOMER REQUEST", "RETURN", "DUPLICATE", "OTHER")),
        "store": TEXT,
    },
    ("merchantAccount", "amount"),
)
CANCEL = Shape("PaymentCancelRequest", _MODIFICATION, ("merchantAccount",))
REVERSAL = Shape("PaymentReversalRequest", _MODIFICATION, ("merchantAccount",))
CANCEL_BY_REFERENCE = Shape(
    "StandalonePaymentCancelRequest",
    {**_MODIFICATION, "paymentReference": REFERENCE},
    ("merchantAccount", "paymentReference"),
)
AMOUNT_UPDATE = Shape(
    "PaymentAmountUpdateRequest",
    {
        **_WITH_AMOUNT,
        "adjustAuthType": Choice(("cardholderInitiatedTransaction", "merchantInitiatedTransaction")),
        "adjustAuthorisationData": TEXT,
        "industryUsage": Choice(("delayedCharge", "installment", "noShow")),
        "mpiData": ANY,
    },
    ("merchantAccount", "amount"),
)
PAYMENT_METHODS = Shape(
    "PaymentMethodsRequest",
    {
        **_texts("countryCode merchantAccount shopperConversionId shopperEmail shopperIP shopperLocale store"),
        **_texts("telephoneNumber"),
        "additionalData": Texts(),
        "allowedPaymentMethods": Many(TEXT),
        "amount": Sum(),
        "blockedPaymentMethods": Many(TEXT),
        "browserInfo": BROWSER_INFO,
        "channel": CHANNEL,
        "order": ANY,
        "shopperReference": SHOPPER_REFERENCE,
        "splitCardFundingSources": TRUTH,
        "storeFiltrationMode": Choice(("exclusive", "inclusive", "skipFilter")),
    },
    ("merchantAccount",),
)
STORE_CARD = Shape(
    "StoredPaymentMethodRequest",
    {
        **_texts("merchantAccount shopperEmail shopperIP"),
        "paymentMethod": CARD_TO_STORE,
        "recurringProcessingModel": MODEL,
        "shopperReference": SHOPPER_REFERENCE,
    },
    ("merchantAccount", "paymentMethod", "recurringProcessingModel", "shopperReference"),
)
