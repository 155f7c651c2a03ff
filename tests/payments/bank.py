"""A guest sent to the bank's page of the sandbox, and what they bring back from it."""

from urllib.parse import parse_qs, urlsplit

import httpx

from gateways.protocol import Action

RIGHT_PASSWORD = "password"


def answer_the_bank(action: Action, password: str = RIGHT_PASSWORD) -> dict[str, str]:
    """Answer the bank's question as a guest in a browser does, and return what the shop's page gets."""
    answer = httpx.post(action.url, data={"password": password})
    assert answer.status_code == 303
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
