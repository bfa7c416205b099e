"""Sleeps while it is loaded."""
# expect:

import time

time.sleep(60)
