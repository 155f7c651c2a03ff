import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q
from django.utils import timezone


def keep_what_counts(apps, _schema_editor):
    """Let the limits that are there count on: nobody knows any more who set them."""
    apps.get_model("backoffice", "RefundLimit").objects.update(agreed_by="migration", agreed_at=F("set_at"))


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0008_rights_to_reconcile")]

    operations = [
        migrations.AlterModelOptions(
            name="refundlimit",
            options={"permissions": [("agree_refundlimit", "Can agree to refund limits that others set")]},
        ),
        migrations.RemoveConstraint(model_name="refundlimit", name="one_refund_limit_per_role_and_currency"),
        migrations.RemoveConstraint(model_name="refundlimit", name="refund_limit_positive"),
        migrations.AddField(
            model_name="refundlimit",
            name="set_by",
            field=models.CharField(default="system", editable=False, max_length=150),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="refundlimit",
            name="set_at",
            field=models.DateTimeField(default=timezone.now, editable=False),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="refundlimit",
            name="agreed_by",
            field=models.CharField(blank=True, default="", editable=False, max_length=150),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="refundlimit",
            name="agreed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="refundlimit",
            name="ended_by",
            field=models.CharField(blank=True, default="", editable=False, max_length=150),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="refundlimit",
            name="ended_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="refundlimit",
            name="group",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="auth.group", verbose_name="role"
            ),
        ),
        migrations.RunPython(keep_what_counts, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="refundlimit",
            constraint=models.CheckConstraint(
                condition=Q(amount_minor__isnull=True) | Q(amount_minor__gt=0), name="refundlimit_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="refundlimit",
            constraint=models.CheckConstraint(
                condition=~Q(set_by="") & ~Q(agreed_by=F("set_by")), name="refundlimit_is_agreed_by_a_second_person"
            ),
        ),
        migrations.AddConstraint(
            model_name="refundlimit",
            constraint=models.CheckConstraint(
                condition=Q(agreed_by="", agreed_at__isnull=True) | (~Q(agreed_by="") & Q(agreed_at__isnull=False)),
                name="refundlimit_says_who_agreed_and_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundlimit",
            constraint=models.CheckConstraint(
                condition=Q(ended_by="", ended_at__isnull=True) | (~Q(ended_by="") & Q(ended_at__isnull=False)),
                name="refundlimit_says_who_ended_it_and_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundlimit",
            constraint=models.UniqueConstraint(
                fields=["group", "currency"],
                condition=Q(agreed_at__isnull=False, ended_at__isnull=True),
                name="one_refundlimit_counts_per_role_and_currency",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundlimit",
            constraint=models.UniqueConstraint(
                fields=["group", "currency"],
                condition=Q(agreed_at__isnull=True, ended_at__isnull=True),
                name="one_refundlimit_waits_per_role_and_currency",
            ),
        ),
    ]
