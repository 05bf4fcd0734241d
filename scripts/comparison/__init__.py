# SPDX-License-Identifier: MIT
"""What scripts/compare is made of: the thread pool measured against event loops under the same load."""
