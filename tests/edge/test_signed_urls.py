"""What is private is served to whoever holds a link of ours, until it expires."""

import time
from dataclasses import replace

import pytest
from httpx2 import AsyncClient

from instastream.media_urls import media_url
from tests.edge.conftest import DIGEST, SECRET, Origin
from tests.conftest import IN_MEMORY
