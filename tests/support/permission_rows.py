"""All rows: one for each RPC of the contract. None: its rights are not about roles; tests of its own show them.

A new RPC gets its row in permission_rows_<area>.py; see Row and Cell in permission_cells.py for what a row can say.
"""

import importlib
import pathlib

ROWS = {}
for file in sorted(pathlib.Path(__file__).parent.glob("permission_rows_*.py")):
    for rpc, row in importlib.import_module(file.stem).ROWS.items():
        assert rpc not in ROWS, f"{file.name}: {rpc} has a row already"
        ROWS[rpc] = row
