# SPDX-License-Identifier: Apache-2.0
"""Studies of the planner: what joint planning buys, how right its cost model and its choice are."""
