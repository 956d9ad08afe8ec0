import sys

from common.process import run
from metadata_sync.service import serve
from metadata_sync.settings import Settings

sys.exit(run(Settings.from_env, serve, service="metadata-sync"))
