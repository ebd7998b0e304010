# SPDX-License-Identifier: Apache-2.0
"""`python -m smol` is the command `smol`."""

from smol.command import main

main()
