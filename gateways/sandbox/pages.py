"""What the pages of all processors are made of: their frame, a card's form, the bank's question, and the way on."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

FRAME_SCRIPT = "/browser/frame.js"
BANK_PASSWORD = "password"  # noqa: S105, what the bank's page tells everybody
_STYLE = """
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
main { max-width: 26rem; margin: 0 auto; padding: 1.25rem; }
h1 { font-size: 1.1rem; margin: 0; font-weight: 600; }
.amount { font-size: 2rem; font-weight: 700; margin: .25rem 0 0; }
.soft { color: var(--soft); margin: 0 0 1.25rem; overflow-wrap: anywhere; }
label { display: block; margin: .9rem 0 .25rem; font-weight: 600; }
input:not([type=checkbox]) { width: 100%; padding: .7rem; font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--soft); border-radius: .5rem; }
input:focus-visible, button:focus-visible, a:focus-visible, summary:focus-visible { outline: 3px solid #2f7de1;
  outline-offset: 2px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; align-items: end; }
.tick { display: flex; gap: .6rem; align-items: center; font-weight: 400; }
button { width: 100%; margin-top: 1.25rem; padding: .85rem; font: inherit; font-weight: 700; color: #fff;
  background: var(--go); border: 1px solid var(--go); border-radius: .5rem; cursor: pointer; }
button.quiet { color: inherit; background: transparent; border-color: var(--soft); font-weight: 400; }
.notice { border-left: 4px solid #b3261e; padding: .6rem .8rem; margin: 0 0 1rem; background: #b3261e1a; }
details { margin-top: 1.5rem; border-top: 1px solid var(--line); padding-top: .75rem; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; color: var(--soft); }
code { overflow-wrap: anywhere; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFields:
    """The fields of a card under the names that a processor gives them; no `holder` where it asks for no name.

    `optional` names those that a guest may leave empty.
    """

    code: str = "cvc"
    holder: str = "holderName"
    optional: frozenset[str] = frozenset()

    def all(self, *, holder_name: str = "") -> str:
        """Return every field, with the name that was typed before."""
        expiry = _field("expiry", "Expiry date (MM/YY)", "cc-exp", longest=7)
        holder = ""
        if self.holder:
            is_needed = self.holder not in self.optional
            holder = _field(
                self.holder, "Name on card", "cc-name", keyboard="text", is_needed=is_needed, value=holder_name
            )
        number = _field("number", "Card number", "cc-number", longest=23)
        return f'{number}<div class="pair"><div>{expiry}</div><div>{self.code_alone()}</div></div>{holder}'

    def code_alone(self) -> str:
        """Return the field of the security code, which is all that a kept card needs."""
        is_needed = self.code not in self.optional
        return _field(self.code, "Security code", "cc-csc", longest=4, is_needed=is_needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a processor's pages look like: its color by day and by night, and what its test cards do.

    `framed_by` says which pages may show them in a frame, in the words of a content security policy.
    """

    color: str
    night_color: str
    test_cards: tuple[tuple[str, str], ...]
    framed_by: str = "'self'"

    def page(self, title: str, body: str, *, status: int = 200) -> web.Response:
        """Return a page; `body` is HTML, and whatever came from outside is escaped in it."""
        colors = (
            ":root { color-scheme: light dark; --line: #c9ced6; --ink: #1c2430; --soft: #5a6473; --paper: #fff; "
            f"--go: {self.color}; }}\n@media (prefers-color-scheme: dark) {{ :root {{ --line: #485262; --ink: #eef1f5; "
            f"--soft: #aab4c2; --paper: #1b212b; --go: {self.night_color}; }} }}"
        )
        text = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(title)}</title><style>{colors}{_STYLE}</style></head><body><main>{body}</main></body></html>"
        )
        return web.Response(text=text, content_type="text/html", status=status, headers=self._headers())

    def not_found(self, sentence: str) -> web.Response:
        """Return a page that says that something is not there, or no more."""
        return self.page("Not found", f"<h1>{escape(sentence)}</h1>", status=404)

    def form(
        self,
        amount: str,
        above: str,
        fields: str,
        *,
        notice: str = "",
        action: str = "",
        more: str = "",
        status: int = 200,
    ) -> web.Response:
        """Return a page to pay on; `notice` says why it was of no use before.

        What stands `above`, the `fields` and whatever `more` there is below the button are HTML. `action` is where the
        form goes, where that is not the page's own address.
        """
        shown_notice = f'<p class="notice" role="alert" id="notice">{escape(notice)}</p>' if notice else ""
        target = f' action="{escape(action)}"' if action else ""
        return self.page(
            f"Pay {amount}",
            f"""{above}{shown_notice}<form method="post"{target} autocomplete="on">{fields}
            <button type="submit">Pay</button>{more}</form>
            {self._hints()}""",
            status=status,
        )

    def framed_form(self, fields: str, *, above: str = "", has_button: bool = False) -> web.Response:
        """Return a card's form for a vendor's script to show in a frame of a shop's page, whichever that is.

        Without a button the page's own has it sent. `fields` and what stands `above` are HTML.
        """
        button = '<button type="submit">Pay</button>' if has_button else ""
        response = self.page(
            "Card details",
            f"""{above}<p class="notice" role="alert" id="notice" hidden></p>
            <form autocomplete="on">{fields}{button}</form>{self._hints()}
            <script type="module" src="{FRAME_SCRIPT}"></script>""",
        )
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors *"
        )
        return response

    def ended(self, above: str, sentence: str, *, back: str = "") -> web.Response:
        """Return a page that says that there is nothing to pay any more; `back` is where the shop is."""
        link = f'<p><a href="{escape(back)}">Back to the shop</a></p>' if back else ""
        return self.page("Payment", f'{above}<p class="notice" role="status">{escape(sentence)}</p>{link}')

    def bank_asks(self, amount: str, *, last4: str = "") -> web.Response:
        """Return the page on which a bank asks its customer for the password."""
        card = f"Card ending in {escape(last4)}. " if last4 else ""
        return self.page(
            "Confirm your payment",
            f"""<h1>Your bank asks: is it you?</h1>
            <p class="amount">{escape(amount)}</p>
            <p class="soft">{card}The right password is <strong>{BANK_PASSWORD}</strong>; anything else fails.</p>
            <form method="post"><label for="password">Password</label>
            <input id="password" name="password" autocomplete="off" required autofocus>
            <button type="submit">Confirm</button></form>""",
        )

    def see_other(self, url: str) -> web.Response:
        """Send the browser on."""
        return web.Response(status=303, headers={**self._headers(), "Location": url})

    def _hints(self) -> str:
        hints = "".join(f"<dt>{escape(what)}</dt><dd>{escape(how)}</dd>" for what, how in self.test_cards)
        return f"<details><summary>Test cards</summary><dl>{hints}</dl></details>"

    def _headers(self) -> dict[str, str]:
        policy = f"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors {self.framed_by}"
        return {"Cache-Control": "no-store", "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}


def heading(title: str, amount: str = "", subject: str = "") -> str:
    """Return what stands above a form: whom to pay, how much and for what."""
    shown_amount = f'<p class="amount">{escape(amount)}</p>' if amount else ""
    shown_subject = f'<p class="soft">{escape(subject)}</p>' if subject else ""
    return f"<h1>{escape(title)}</h1>{shown_amount}{shown_subject}"


def _field(
    name: str,
    label: str,
    autocomplete: str,
    *,
    keyboard: str = "numeric",
    longest: int = 80,
    is_needed: bool = True,
    value: str = "",
) -> str:
    required = " required" if is_needed else ""
    return (
        f'<label for="{name}">{label}</label><input id="{name}" name="{name}" type="text" maxlength="{longest}" '
        f'autocomplete="{autocomplete}" inputmode="{keyboard}" value="{escape(value)}"{required}>'
    )


def typed_expiry(form: Mapping[str, object]) -> tuple[str, str]:
    """Return month and year as they were typed into a page's form."""
    month, _, year = str(form.get("expiry", "")).replace(" ", "").partition("/")
    return month, year


async def gives_password(request: web.Request) -> bool:
    """Say whether the bank's question was answered rightly."""
    return (await request.post()).get("password") == BANK_PASSWORD


def web_address(url: str) -> str:
    """Return an address to send a browser to; empty for anything else, such as a script."""
    return url if urlsplit(url).scheme in ("http", "https") else ""


def with_query(url: str, values: Mapping[str, str]) -> str:
    """Return an address with more in its query."""
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *values.items()])
    return urlunsplit(parts._replace(query=query))
