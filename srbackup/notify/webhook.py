"""Webhooks: a JSON document posted to a URL that is a secret; requests and its exceptions end here."""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from srbackup import __version__
from srbackup.model.secret import Secret
from srbackup.notify.base import NotDelivered

_SECONDS = (5.0, 10.0)  # to connect, to answer
_AGAIN = (429, 500, 502, 503, 504)


class Webhook:
    """Posts to one URL, tried three times where the server cannot be reached or says that it cannot now."""

    def __init__(self, url: Secret) -> None:
        self._url = url

    def deliver(self, document: str) -> None:
        retry = Retry(2, backoff_factor=0.5, status_forcelist=_AGAIN, allowed_methods=None, raise_on_status=False)
        retry.respect_retry_after_header = False  # it may say an hour
        headers = {"Content-Type": "application/json", "User-Agent": f"srbackup/{__version__}"}
        try:
            with requests.Session() as session:
                for scheme in ("http://", "https://"):
                    session.mount(scheme, HTTPAdapter(max_retries=retry))
                reply = session.post(
                    self._url.reveal().strip(),
                    data=document.encode(),
                    headers=headers,
                    timeout=_SECONDS,
                    allow_redirects=False,
                )
        except (requests.RequestException, ValueError) as error:
            raise NotDelivered(f"the webhook cannot be reached: {_reason(error)}") from None  # the cause has the URL
        if not reply.ok or reply.is_redirect:
            raise NotDelivered(f"the webhook answered {reply.status_code} {reply.reason}")


def _reason(error: Exception) -> str:
    """The kind of the error in words: its own text holds the URL."""
    match error:
        case requests.exceptions.SSLError():
            return "its certificate is not trusted, or the connection cannot be encrypted"
        case requests.ConnectTimeout() | requests.ReadTimeout():
            return "no answer in time"
        case (
            requests.exceptions.InvalidURL() | requests.exceptions.MissingSchema() | requests.exceptions.InvalidSchema()
        ):
            return "its URL is none"
        case requests.ConnectionError():
            return "no connection, or it broke off"
        case _:
            return type(error).__name__
