from django.urls import path

from checkout.views import (
    AccountReturnView,
    CardView,
    ChargeView,
    KeptCardView,
    ReturnView,
    StatusView,
    SummaryView,
)

urlpatterns = [
    # No token reads so: ours have a tilde.
    path("return/<slug:account>/", AccountReturnView.as_view(), name="pay-account-return"),
    path("<str:token>/", SummaryView.as_view(), name="pay"),
    path("<str:token>/card/", CardView.as_view(), name="pay-card"),
    path("<str:token>/charge/", ChargeView.as_view(), name="pay-charge"),
    path("<str:token>/kept-card/", KeptCardView.as_view(), name="pay-kept-card"),
    path("<str:token>/return/", ReturnView.as_view(), name="pay-return"),
    path("<str:token>/status/", StatusView.as_view(), name="pay-status"),
]
