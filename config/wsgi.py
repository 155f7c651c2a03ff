import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")

application = get_wsgi_application()

# A process takes requests once it has read its pages: the first guest does not wait for that, and what cannot be read
# stops it here.
from config import urls  # noqa: E402, F401
