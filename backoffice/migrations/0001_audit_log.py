from django.db import migrations, models

GUARD = """
CREATE TRIGGER audit_entries_stay BEFORE UPDATE OR DELETE ON backoffice_auditentry
    FOR EACH ROW EXECUTE FUNCTION payments_refuse_change();

CREATE FUNCTION backoffice_copy_admin_log() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kind text := coalesce(
        (SELECT app_label || '.' || model FROM django_content_type WHERE id = NEW.content_type_id), ''
    );
BEGIN
    INSERT INTO backoffice_auditentry
        (at, actor, action, subject_kind, subject_id, subject_words, detail, request_id)
    VALUES (
        NEW.action_time,
        coalesce((SELECT username FROM auth_user WHERE id = NEW.user_id), ''),
        CASE NEW.action_flag WHEN 1 THEN 'added' WHEN 2 THEN 'changed' WHEN 3 THEN 'deleted' ELSE 'logged' END,
        kind,
        coalesce(left(NEW.object_id, 255), ''),
        -- What these are called is a guest's name or words, and entries outlive a guest's data.
        CASE WHEN kind IN ('bookings.customer', 'payments.externalnote') THEN '' ELSE NEW.object_repr END,
        NEW.change_message,
        ''
    );
    RETURN NULL;
END $$;

CREATE TRIGGER admin_log_is_copied AFTER INSERT ON django_admin_log
    FOR EACH ROW EXECUTE FUNCTION backoffice_copy_admin_log();

-- What was logged before there was an audit log.
INSERT INTO backoffice_auditentry (at, actor, action, subject_kind, subject_id, subject_words, detail, request_id)
SELECT
    log.action_time,
    coalesce(staff.username, ''),
    CASE log.action_flag WHEN 1 THEN 'added' WHEN 2 THEN 'changed' WHEN 3 THEN 'deleted' ELSE 'logged' END,
    coalesce(kind.app_label || '.' || kind.model, ''),
    coalesce(left(log.object_id, 255), ''),
    CASE WHEN kind.app_label || '.' || kind.model IN ('bookings.customer', 'payments.externalnote') THEN ''
        ELSE log.object_repr END,
    log.change_message,
    ''
FROM django_admin_log AS log
LEFT JOIN auth_user AS staff ON staff.id = log.user_id
LEFT JOIN django_content_type AS kind ON kind.id = log.content_type_id
ORDER BY log.id;
"""
OPEN = """
DROP TRIGGER admin_log_is_copied ON django_admin_log;
DROP FUNCTION backoffice_copy_admin_log();
DROP TRIGGER audit_entries_stay ON backoffice_auditentry;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("payments", "0002_guard_the_books"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(blank=True, help_text="The user name; empty for somebody unknown.", max_length=150)),
                ("action", models.CharField(help_text="What was done, in the past: refunded, viewed card.", max_length=60)),
                ("subject_kind", models.CharField(blank=True, help_text="Such as payments.payment.", max_length=100)),
                ("subject_id", models.CharField(blank=True, max_length=255)),
                ("subject_words", models.CharField(blank=True, max_length=200)),
                ("detail", models.TextField(blank=True, help_text="Amounts and references; card numbers are masked.")),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("address", models.GenericIPAddressField(blank=True, null=True)),
            ],
            options={
                "default_permissions": ("view",),
                "verbose_name": "audit entry",
                "verbose_name_plural": "audit log",
                "indexes": [
                    models.Index(fields=["subject_kind", "subject_id", "-at"], name="audit_by_subject"),
                    models.Index(fields=["-at", "-id"], name="audit_by_time"),
                    models.Index(fields=["actor", "-at"], name="audit_by_actor"),
                    models.Index(fields=["action", "-at"], name="audit_by_action"),
                    models.Index(fields=["address", "-at"], name="audit_by_address"),
                ],
            },
        ),
        migrations.RunSQL(GUARD, OPEN),
    ]
