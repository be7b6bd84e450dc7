"""``python -m heatpose.adapters.paddlehub``; see :mod:`heatpose.adapters.paddlehub.command`."""

import sys

from heatpose.adapters.paddlehub.command import main

sys.exit(main())
