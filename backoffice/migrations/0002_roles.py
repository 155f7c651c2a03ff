from django.db import migrations, models

from backoffice.granting import grant

SEEN_BY_ALL = [
    "api.view_delivery",
    "api.view_invoice",
    "api.view_invoicerefund",
    "api.view_paymentprocess",
    "api.view_subscription",
    "bookings.view_availability",
    "bookings.view_booking",
    "bookings.view_change",
    "bookings.view_customer",
    "bookings.view_gift",
    "bookings.view_installment",
    "bookings.view_option",
    "bookings.view_order",
    "bookings.view_outgoingmail",
    "bookings.view_partner",
    "bookings.view_price",
    "bookings.view_product",
    "bookings.view_supplier",
    "bookings.view_unit",
    "bookings.view_unititem",
    "gateways.view_gatewayaccount",
    "payments.view_balancecollection",
    "payments.view_cardconsent",
    "payments.view_cardrevocation",
    "payments.view_case",
    "payments.view_challenge",
    "payments.view_consenttext",
    "payments.view_dispute",
    "payments.view_externalnote",
    "payments.view_gatewayevent",
    "payments.view_ledgerentry",
    "payments.view_opening",
    "payments.view_payment",
    "payments.view_paymentlink",
    "payments.view_posting",
    "payments.view_reusablecard",
    "payments.view_revokedtoken",
    "payments.view_transaction",
    "payments.view_webhookdelivery",
]
SUPPORT = [
    "api.change_delivery",
    "bookings.change_gift",
    "bookings.change_outgoingmail",
    "payments.add_externalnote",
    "payments.add_paymentlink",
    "payments.ask_gateway",
    "payments.change_case",
    "payments.change_paymentlink",
    "payments.change_reusablecard",
    "payments.change_webhookdelivery",
    "payments.refund_payment",
]
SEEN_BY_FINANCE = [
    "api.view_contextpreference",
    "api.view_idempotentrequest",
    "bookings.view_partnerkey",
    "bookings.view_signingsecret",
    "payments.view_accountroute",
    "payments.view_surchargerule",
]
FINANCE = [
    "payments.capture_payment",
]
MANAGER = [
    "backoffice.erase_personal_data",
    "backoffice.export_personal_data",
    "backoffice.view_auditentry",
    "bookings.add_availability",
    "bookings.add_option",
    "bookings.add_price",
    "bookings.add_product",
    "bookings.add_supplier",
    "bookings.add_unit",
    "bookings.change_availability",
    "bookings.change_option",
    "bookings.change_price",
    "bookings.change_product",
    "bookings.change_supplier",
    "bookings.change_unit",
]
SEEN_BY_AUDITOR = [
    "auth.view_group",
    "auth.view_user",
    "backoffice.view_auditentry",
]
ADMINISTRATOR = [
    "api.add_contextpreference",
    "api.change_contextpreference",
    "auth.add_user",
    "auth.change_user",
    "auth.view_group",
    "auth.view_user",
    "bookings.add_partner",
    "bookings.add_partnerkey",
    "bookings.add_signingsecret",
    "bookings.change_partner",
    "bookings.change_partnerkey",
    "bookings.change_signingsecret",
    "gateways.add_gatewayaccount",
    "gateways.change_gatewayaccount",
    "payments.add_accountroute",
    "payments.add_surchargerule",
    "payments.change_accountroute",
    "payments.change_surchargerule",
    "payments.delete_accountroute",
    "payments.delete_surchargerule",
]


def give(apps, _schema_editor):
    support = SEEN_BY_ALL + SUPPORT
    finance = support + SEEN_BY_FINANCE + FINANCE
    manager = finance + MANAGER
    grant(
        apps,
        {
            "Support": support,
            "Finance": finance,
            "Manager": manager,
            "Auditor": SEEN_BY_ALL + SEEN_BY_FINANCE + SEEN_BY_AUDITOR,
            "Administrator": manager + ADMINISTRATOR,
        },
    )


class Migration(migrations.Migration):
    dependencies = [
        ("api", "0005_remember_completed_processes"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("backoffice", "0001_audit_log"),
        ("bookings", "0011_return_origins_and_mails_of_links"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("gateways", "0004_accounts_that_take_raw_cards"),
        ("payments", "0011_note_cards_that_stay_at_their_gateway"),
    ]

    operations = [
        migrations.CreateModel(
            name="Right",
            fields=[("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))],
            options={
                "permissions": [
                    ("export_personal_data", "Can export what is held about a guest"),
                    ("erase_personal_data", "Can erase what is held about a guest"),
                ],
                "default_permissions": (),
            },
        ),
        # Groups stay when this is taken back: people are in them.
        migrations.RunPython(give, migrations.RunPython.noop),
    ]
