"""Beyond the analytic schedules: TVM's MetaSchedule searches on the board, and what it finds has to prove itself.

The way of a search: `tasks` says which kernels are worth it, `search` proposes schedules, `compiling` and `bench` build
and time them, `tuner` goes round and stores every result, and `job` lets the best of each kernel compete with what the
layer uses now, in the network's own order.
"""

from host.tuning.job import tune_network
from host.tuning.search import require_packages

__all__ = ["require_packages", "tune_network"]
