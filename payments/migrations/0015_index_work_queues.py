from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0014_keep_work_on_cases'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='case',
            index=models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['kind', 'opened_at', 'id'], name='case_by_kind'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('authorized_minor__gt', 0)), fields=['created_at'], name='payment_held'),
        ),
    ]
