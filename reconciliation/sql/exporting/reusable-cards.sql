-- Cards that are kept to be charged again: whose, to which text its guest agreed and when, and what became of it. Never
-- a token, nor anything it could be found by.
SELECT c.id::text AS card, r.slug AS partner, a.gateway, a.slug AS account, cu.number AS customer,
       o.reference AS "order", c.brand, c.bin, c.last4,
       CASE WHEN c.expiry_year IS NULL OR c.expiry_month IS NULL THEN ''
            ELSE to_char(c.expiry_year, 'FM0000') || '-' || to_char(c.expiry_month, 'FM00') END AS expiry,
       c.created_at AS kept_at, agreed.given_at AS consent_at, agreed.language AS consent_language,
       agreed.digest AS consent_text,
       CASE WHEN c.revoked_at <= %(as_of)s THEN 'REVOKED'
            WHEN agreed.given_at IS NULL THEN 'WITHOUT_CONSENT'
            WHEN make_date(c.expiry_year, c.expiry_month, 1) + interval '1 month'
                 <= %(as_of)s::timestamptz AT TIME ZONE %(zone)s THEN 'EXPIRED'
            ELSE 'USABLE' END AS state,
       CASE WHEN c.revoked_at <= %(as_of)s THEN c.revoked_at END AS revoked_at,
       CASE WHEN v.requested_at <= %(as_of)s THEN v.requested_by END AS revoked_by,
       CASE WHEN v.done_at <= %(as_of)s THEN v.done_at END AS deleted_at,
       v.done_at <= %(as_of)s AND v.stays_there AS stays_at_gateway
  FROM payments_reusablecard c
  JOIN bookings_partner r ON r.id = c.partner_id
  JOIN gateways_gatewayaccount a ON a.id = c.account_id
  JOIN bookings_order o ON o.id = c.order_id
  LEFT JOIN bookings_customer cu ON cu.id = c.customer_id
  LEFT JOIN payments_cardrevocation v ON v.card_id = c.id
  LEFT JOIN LATERAL (
    SELECT g.given_at, x.language, x.digest
      FROM payments_cardconsent g
      JOIN payments_consenttext x ON x.id = g.text_id
     WHERE g.card_id = c.id AND g.given_at <= %(as_of)s
     ORDER BY g.given_at DESC, g.id DESC
     LIMIT 1
  ) AS agreed ON true
 WHERE c.created_at <= %(as_of)s
   AND (c.is_live AND a.environment = 'live') = %(is_live)s
   AND (%(since)s::timestamptz IS NULL OR c.created_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR c.created_at < %(until)s)
   AND (%(account)s::bigint IS NULL OR a.id = %(account)s)
   AND (%(partner)s::uuid IS NULL OR c.partner_id = %(partner)s)
