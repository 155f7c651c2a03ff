"""What the stand-ins serve to a shop's page in a browser: scripts with the vendors' public calls, and who may ask."""

from pathlib import Path

from aiohttp import web

_FILES = Path(__file__).with_name("browser")
# Any shop's page may load the scripts, and ask from another origin as the vendors' own hosts let it.
ANYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Max-Age": "600",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def vendor_script(name: str) -> web.Response:
    """Return a stand-in's script as one file, which leaves nothing behind but the vendor's own global."""
    text = "".join((_FILES / part).read_text(encoding="utf-8") for part in ("mounting.js", name))
    return web.Response(text=f"(() => {{\n{text}}})();\n", content_type="text/javascript", headers=ANYWHERE)


def vendor_style(name: str) -> web.Response:
    """Return a stand-in's style sheet."""
    text = (_FILES / name).read_text(encoding="utf-8")
    return web.Response(text=text, content_type="text/css", headers=ANYWHERE)


async def frame_script(_: web.Request) -> web.Response:
    """Serve the script that all card forms in frames have."""
    text = (_FILES / "frame.js").read_text(encoding="utf-8")
    return web.Response(text=text, content_type="text/javascript")


async def preflight(_: web.Request) -> web.Response:
    """Let a page on another origin ask."""
    return web.Response(status=204, headers=ANYWHERE)


def told(answer: object, *, status: int = 200) -> web.Response:
    """Return JSON that a page on any origin may read."""
    return web.json_response(answer, status=status, headers=ANYWHERE)
