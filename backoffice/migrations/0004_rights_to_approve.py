from django.db import migrations

from backoffice.granting import grant

SEEN = ["backoffice.view_approvalrequest", "backoffice.view_refundlimit"]
SUPPORT = [*SEEN, "backoffice.confirm_paid_order", "backoffice.take_external_payment"]
FINANCE = [*SUPPORT, "backoffice.charge_card"]
MANAGER = [*FINANCE, "backoffice.approve_refund"]
ADMINISTRATOR = [
    *MANAGER,
    "backoffice.add_refundlimit",
    "backoffice.change_refundlimit",
    "backoffice.delete_refundlimit",
]


def give(apps, _):
    grant(
        apps,
        {
            "Support": SUPPORT,
            "Finance": FINANCE,
            "Manager": MANAGER,
            "Auditor": SEEN,
            "Administrator": ADMINISTRATOR,
        },
    )


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0003_approve_refunds")]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
