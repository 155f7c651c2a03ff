"""Sell gifts: hold, read, change, preview, extend, confirm, cancel, and mail the code once more."""

from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Fields
from api.octo.capabilities import GIFTS
from api.octo.gift_requests import (
    read_gift,
    read_gift_changes,
    read_gift_confirm,
    read_gift_list,
)
from api.octo.notify_requests import read_notify
from api.octo.presenters.gifts import gift_fields, gift_payment_fields
from api.octo.requests import read_cancel, read_extend
from api.octo.schema import operation
from api.octo.views.notifying import NotifyView
from api.octo.views.paying import PayingView, query_of_list
from api.openapi import list_of, shape
from bookings import gift_selectors, services
from bookings.mailing import mail_language
from bookings.models import Gift, Order, OutgoingMail
from bookings.requests import GiftChanges
from payments.services import aftercare, changing, confirming, reserving, tenders
from payments.services.collecting import NO_REQUEST
from payments.services.viewing import CardPaymentView

_UUID = {"uuid": "The gift's uuid."}
_NOTHING = GiftChanges()


class GiftViewBase(PayingView[Gift]):
    """Find the partner's gift, and show it."""

    needs = GIFTS

    def fields_of(self, sold: Gift) -> dict[str, object]:
        """Return OCTO's Gift."""
        return gift_fields(sold, self.capabilities, gift_payment=None, now=self.now())

    def order_of(self, sold: Gift) -> Order:
        """Return the order it is bought on."""
        return sold.order

    def find(self, name: str) -> Gift:
        """Return the partner's gift of this mode."""
        gift = gift_selectors.gift_for_partner(partner=self.partner, is_live=self.is_live, uuid=name)
        self.about = gift.order_id
        return gift

    def name_of(self, sold: Gift) -> str:
        """Return its uuid."""
        return str(sold.uuid)


class GiftListView(GiftViewBase):
    """GET and POST /gifts."""

    @operation(
        "getGifts",
        "Find gifts",
        answer=list_of(shape("ListedGift")),
        query=query_of_list(
            resellerReference="One of the primary filters.",
            supplierReference="One of the primary filters.",
            utcCreatedAtStart="With utcCreatedAtEnd.",
            utcCreatedAtEnd="With utcCreatedAtStart.",
            utcUpdatedAtStart="With utcUpdatedAtEnd.",
            utcUpdatedAtEnd="With utcUpdatedAtStart.",
            contactEmailAddress="One of the primary filters.",
            status="Narrows further.",
            statuses="Comma list; narrows further.",
        ),
        needs=GIFTS,
    )
    def get(self, request: Request) -> Response:
        """List gifts, newest first, never with card payment or return URL."""
        asked = read_gift_list(request.query_params)
        found = gift_selectors.gifts_for_partner(partner=self.partner, is_live=self.is_live, filters=asked.filters)
        return Response(self.listed(found, asked))

    @operation(
        "createGift",
        "Hold a gift",
        body=shape("GiftRequest"),
        answer=shape("Gift"),
        needs=GIFTS,
        takes_payment=True,
    )
    def post(self, request: Request) -> Response:
        """Hold a gift until it is paid; the same uuid with the same content shows the same gift again."""

        def act(fields: Fields) -> Gift:
            gift, self.card_payment = reserving.create_gift(
                partner=self.partner,
                is_live=self.is_live,
                request=read_gift(
                    fields, with_cards=self.takes_cards, with_order=self.knows_orders, language=self.language
                ),
                payment_request=self.payment_request(request, fields),
                gift_code=self.gift_code(request, fields),
                clock=self.now,
            )
            return gift

        return self.once(request, act)


class GiftView(GiftViewBase):
    """GET, PATCH and DELETE /gifts/{uuid}."""

    @operation("getGift", "Show a gift", answer=shape("Gift"), path=_UUID, needs=GIFTS, takes_payment=True)
    def get(self, request: Request, uuid: str) -> Response:
        """Show a gift; its code is there once it is confirmed."""
        return self.show(request, self.find(uuid))

    @operation(
        "updateGift",
        "Change a gift",
        body=shape("GiftChangeRequest"),
        answer=shape("Gift"),
        path=_UUID,
        needs=GIFTS,
        takes_payment=True,
    )
    def patch(self, request: Request, uuid: str) -> Response:
        """Change a gift; what it is worth only while it is on hold."""
        gift = self.find(uuid)
        return self.once(
            request,
            lambda fields: changing.update_gift(
                gift=gift,
                changes=read_gift_changes(fields, with_cards=self.takes_cards),
                payment_request=self.payment_request(request, fields),
                gift_code=self.gift_code(request, fields),
                clock=self.now,
            ),
        )

    @operation(
        "deleteGift", "Cancel a gift", body=shape("CancelRequest"), answer=shape("Gift"), path=_UUID, needs=GIFTS
    )
    def delete(self, request: Request, uuid: str) -> Response:
        """Cancel a gift nobody has paid with."""
        return cancel(self, request, uuid)


class GiftPreviewView(GiftViewBase):
    """PATCH /gifts/{uuid}/preview."""

    @operation(
        "previewGift",
        "Show a gift as it would be",
        body=shape("GiftChangeRequest"),
        answer=shape("Gift"),
        path=_UUID,
        needs=GIFTS,
        is_write=False,
    )
    def patch(self, request: Request, uuid: str) -> Response:
        """Show what a change would make of a gift; nothing is changed."""
        fields = Fields(request.data)

        def show(changed: Gift, view: CardPaymentView | None) -> dict[str, object]:
            shown = self.fields_of(changed)
            shown["giftPayment"] = gift_payment_fields(tenders.gift_payments([changed.order_id]).get(changed.order_id))
            return shown | self.payment_fields(changed.order, view) if self.takes_cards else shown

        return Response(
            changing.preview_gift(
                gift=self.find(uuid),
                changes=read_gift_changes(fields, with_cards=self.takes_cards),
                payment_request=self.payment_request(request, fields),
                gift_code=self.gift_code(request, fields),
                show=show,
                clock=self.now,
            )
        )


class GiftExtendView(GiftViewBase):
    """POST /gifts/{uuid}/extend."""

    @operation("extendGift", "Hold longer", body=shape("ExtendRequest"), answer=shape("Gift"), path=_UUID, needs=GIFTS)
    def post(self, request: Request, uuid: str) -> Response:
        """Let a hold run some minutes from now."""
        gift = self.find(uuid)
        return self.once(
            request, lambda fields: services.extend_gift(gift=gift, minutes=read_extend(fields), now=self.now())
        )


class GiftConfirmView(GiftViewBase):
    """POST /gifts/{uuid}/confirm."""

    @operation(
        "confirmGift",
        "Confirm a gift",
        body=shape("GiftConfirmRequest"),
        answer=shape("Gift"),
        path=_UUID,
        needs=GIFTS,
        takes_payment=True,
    )
    def post(self, request: Request, uuid: str) -> Response:
        """Confirm a gift once it is paid: it gets its code, which is mailed; confirming again changes nothing."""
        gift = self.find(uuid)

        def act(fields: Fields) -> Gift:
            changes = read_gift_confirm(fields, with_cards=self.takes_cards)
            confirmation = confirming.confirm_gift(
                gift=gift,
                changes=None if changes == _NOTHING else changes,
                request=self.payment_request(request, fields, may_bring_card=True) or NO_REQUEST,
                gift_code=self.gift_code(request, fields),
                clock=self.now,
            )
            return confirmation.gift or self.find(uuid)

        return self.once(request, act)


class GiftCancelView(GiftViewBase):
    """POST /gifts/{uuid}/cancel."""

    @operation(
        "cancelGift", "Cancel a gift", body=shape("CancelRequest"), answer=shape("Gift"), path=_UUID, needs=GIFTS
    )
    def post(self, request: Request, uuid: str) -> Response:
        """Cancel a gift nobody has paid with."""
        return cancel(self, request, uuid)


class GiftNotifyView(NotifyView):
    """POST /gifts/{uuid}/notify."""

    needs = GIFTS

    @operation(
        "notifyGift",
        "Mail the code once more",
        body=shape("NotifyRequest"),
        answer=shape("Notified"),
        path=_UUID,
        needs=GIFTS,
    )
    def post(self, request: Request, uuid: str) -> Response:
        """Mail a confirmed gift's code, to its recipient unless another address is sent."""
        gift = gift_selectors.gift_for_partner(partner=self.partner, is_live=self.is_live, uuid=uuid)

        def act(fields: Fields) -> OutgoingMail:
            wish = read_notify(fields)
            language = mail_language(*wish.locales) if wish.locales else None
            return services.notify_gift(gift=gift, to=wish.email, language=language, now=self.now())

        return self.once(request, act)


def cancel(view: GiftViewBase, request: Request, uuid: str) -> Response:
    """Cancel a gift; `force` is read and not obeyed."""
    gift = view.find(uuid)

    def act(fields: Fields) -> Gift:
        aftercare.cancel_gift(gift=gift, reason=read_cancel(fields), clock=view.now)
        return view.find(uuid)

    return view.once(request, act)
