"""The HTTP service: photos in by POST, people out, over networks that all clients share.

``create_app`` gives the ASGI application, ``run`` serves it; ``heatpose serve`` does both. Needs
``pip install 'heatpose[serve]'``.
"""

from __future__ import annotations

from heatpose.service.app import create_app
from heatpose.service.models import ServedModel
from heatpose.service.server import run
from heatpose.service.settings import Settings

__all__ = ["ServedModel", "Settings", "create_app", "run"]
