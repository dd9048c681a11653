# SPDX-License-Identifier: BSD-2-Clause
"""What the end-to-end tests need: the real program, real peers, and a phone and a server of our own."""
