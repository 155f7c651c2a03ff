"""What the back offices of all processors share: their accounts, and state that is saved before an answer leaves."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from aiohttp import web

from gateways.sandbox.config import BadConfig
from gateways.sandbox.control import BadWish, read_wish
from gateways.sandbox.pipeline import render
from gateways.sandbox.store import Document, Store

Handler = Callable[[web.Request], Awaitable[web.Response]]


class ShownAccount(Protocol):
    """An account, of which not everything is shown."""

    def shown(self) -> Document:
        """Return the account without its secrets."""


class AccountBooks(Protocol):
    """As much of a processor's state as is needed here."""

    store: Store

    def accounts(self) -> Iterable[ShownAccount]:
        """Return all accounts."""

    def put_account(self, document: Document) -> ShownAccount:
        """Keep an account.

        :raises BadConfig: it is not well described.
        """


AnyBooks = TypeVar("AnyBooks", bound=AccountBooks)


class BackOffice(Generic[AnyBooks]):
    """The handlers below a processor's `prefix`.

    `accounts_kind` is where its accounts are kept, `account_field` the field that names one, and `refusals` what its
    API raises instead of answering.
    """

    prefix: ClassVar[str]
    accounts_kind: ClassVar[str]
    account_field: ClassVar[str]
    refusals: ClassVar[tuple[type[Exception], ...]]

    def __init__(self, books: AnyBooks) -> None:
        self._books = books

    def account_routes(self) -> list[web.RouteDef]:
        """Return the routes of the accounts."""
        return [
            web.get(f"{self.prefix}/accounts", self.list_accounts),
            web.put(f"{self.prefix}/accounts/{{account}}", self.saved(self.put_account)),
        ]

    def saved(self, handler: Handler) -> Handler:
        """Return a handler after which the state is saved, whatever it answered."""

        async def save_and_answer(request: web.Request) -> web.Response:
            try:
                return await handler(request)
            except self.refusals as error:
                return self.refused(error)
            finally:
                self._books.store.save()

        return save_and_answer

    def refused(self, error: Any) -> web.Response:
        """Answer what was refused as the processor's API would."""
        return render(error.answer())

    async def list_accounts(self, _: web.Request) -> web.Response:
        """Show the accounts without their secrets."""
        return web.json_response({"accounts": [account.shown() for account in self._books.accounts()]})

    async def put_account(self, request: web.Request) -> web.Response:
        """Add an account, or change the given fields of one."""
        name, wish = request.match_info["account"], await read_wish(request)
        if wish.get(self.account_field, name) != name:
            raise BadWish(f"{self.account_field} in the body differs from the path")
        known = self._books.store.get(self.accounts_kind, name) or {}
        try:
            account = self._books.put_account({**known, **wish, self.account_field: name})
        except BadConfig as error:
            raise BadWish(str(error)) from error
        return web.json_response(account.shown(), status=200 if known else 201)
