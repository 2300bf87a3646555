"""`python -m edge` is `edgereel`."""

import sys

from edge.cli import main

sys.exit(main())
