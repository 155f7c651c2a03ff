import django.db.models.deletion
from django.db import migrations, models

# A guest's right to be erased is stronger than the rule that what was logged stays as it is: of a reason the words may
# go, and nothing may come in their place.
GUARD = """
CREATE FUNCTION backoffice_erase_or_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    erased backoffice_auditreason%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        erased := OLD;
        erased.text := '(erased)';
        IF erased IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'why something was done is never changed or deleted' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER audit_reasons_stay BEFORE UPDATE OR DELETE ON backoffice_auditreason
    FOR EACH ROW EXECUTE FUNCTION backoffice_erase_or_refuse_change();
"""
OPEN = """
DROP TRIGGER audit_reasons_stay ON backoffice_auditreason;
DROP FUNCTION backoffice_erase_or_refuse_change();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('backoffice', '0012_rights_to_export'),
        ('bookings', '0015_remember_former_bookings'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditReason',
            fields=[
                ('entry', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='given_reason', serialize=False, to='backoffice.auditentry')),
                ('text', models.CharField(max_length=300)),
                ('order', models.ForeignKey(help_text='Whose guest it may be about; with the guest the words go.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='bookings.order')),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='audit_reason_says_something')],
            },
        ),
        migrations.RunSQL(GUARD, OPEN),
    ]
