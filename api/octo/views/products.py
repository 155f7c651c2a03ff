"""What is sold."""

from rest_framework.request import Request
from rest_framework.response import Response

from api.octo.catalogue_requests import read_currency, read_product_ids
from api.octo.presenters.catalogue import product_fields
from api.octo.schema import operation
from api.octo.views.base import OctoView
from api.openapi import list_of, shape
from bookings import selectors

_CURRENCY = {"currency": "Show prices in this currency only."}


class ProductListView(OctoView):
    """GET /products."""

    @operation(
        "getProducts",
        "List the products",
        answer=list_of(shape("Product")),
        query={**_CURRENCY, "productIds": "Comma list of products; unknown ones are left out."},
    )
    def get(self, request: Request) -> Response:
        """List the products."""
        currency, wanted = read_currency(request.query_params), read_product_ids(request.query_params)
        return Response(
            [
                product_fields(product, self.capabilities, currency=currency)
                for product in selectors.products_for_partner(self.partner)
                if wanted is None or str(product.pk) in wanted
            ]
        )


class ProductView(OctoView):
    """GET /products/{productId}."""

    @operation(
        "getProduct",
        "Show one product",
        answer=shape("Product"),
        path={"product_id": "Id of the product."},
        query=_CURRENCY,
    )
    def get(self, request: Request, product_id: str) -> Response:
        """Show one product."""
        currency = read_currency(request.query_params)
        product = selectors.product_for_partner(self.partner, product_id)
        return Response(product_fields(product, self.capabilities, currency=currency))
