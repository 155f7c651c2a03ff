from django.db import migrations, models

FORWARD = """
CREATE FUNCTION payments_keep_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    blacked_out payments_externalnote%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        blacked_out := OLD;
        blacked_out.text := NEW.text;
        blacked_out.evidence := NEW.evidence;
        blacked_out.redacted_at := NEW.redacted_at;
        IF blacked_out IS NOT DISTINCT FROM NEW AND NEW.redacted_at IS NOT NULL
            AND NEW.redacted_at IS DISTINCT FROM OLD.redacted_at THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'notes are never changed or deleted: amend by adding' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER external_notes_stay BEFORE UPDATE OR DELETE ON payments_externalnote
    FOR EACH ROW EXECUTE FUNCTION payments_keep_note();
"""
BACKWARD = """
DROP TRIGGER external_notes_stay ON payments_externalnote;
DROP FUNCTION payments_keep_note();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0012_index_decided_operations")]

    operations = [
        migrations.AddField(
            model_name="externalnote",
            name="amends",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="The note that this one corrects.",
                null=True,
                on_delete=models.deletion.PROTECT,
                related_name="amendments",
                to="payments.externalnote",
            ),
        ),
        migrations.AddField(
            model_name="externalnote",
            name="evidence",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Where the proof is: a number or an address.",
                max_length=300,
            ),
        ),
        migrations.AddField(
            model_name="externalnote",
            name="redacted_at",
            field=models.DateTimeField(blank=True, help_text="When something was blacked out of it.", null=True),
        ),
        migrations.AddConstraint(
            model_name="externalnote",
            constraint=models.UniqueConstraint(
                condition=models.Q(("amends__isnull", False)), fields=("amends",), name="note_amended_once"
            ),
        ),
        migrations.AddIndex(
            model_name="externalnote",
            index=models.Index(fields=["written_at"], name="external_note_by_time"),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
