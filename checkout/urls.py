from django.urls import path

from checkout.views import PayView

urlpatterns = [path("<str:token>/", PayView.as_view(), name="pay")]
