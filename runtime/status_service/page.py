"""The page for people: one HTML file without outside parts, and the policy that holds a browser to it."""

import base64
import hashlib
import re
from importlib import resources

PAGE = resources.files("runtime.status_service").joinpath("page.html").read_text()


def _digests(tag: str) -> str:
    blocks = re.findall(rf"<{tag}>(.*?)</{tag}>", PAGE, flags=re.DOTALL)
    return " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()}'" for block in blocks
    )


POLICY = (
    f"default-src 'none'; script-src {_digests('script')}; style-src {_digests('style')}; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
