from django.urls import include, path

from bench.bare import receive_bare

urlpatterns = [path("bare/<slug:account>/", receive_bare), path("", include("config.urls"))]
