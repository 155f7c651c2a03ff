from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0020_guard_closed_periods'),
    ]

    operations = [
        migrations.AddField(
            model_name='dispute',
            name='stages',
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list, editable=False, help_text='Every stage, with when we were told of it and until when evidence was due then; only added to.'),
        ),
    ]
