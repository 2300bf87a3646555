"""What somebody set for this board over MQTT, and what it told Home Assistant: kept over all starts."""

from __future__ import annotations

from edge.jobtable import JobTable


class Wishes:
    """`mode` is the best mode that somebody allows, `auto` when nobody said; `drained` whether the board left its pools."""

    def __init__(self, table: JobTable) -> None:
        self._table = table
        kept = {row["name"]: row["value"] for row in table.db.execute("SELECT * FROM wish")}
        self.mode = str(kept.get("mode", "auto"))
        self.drained = kept.get("drained") == "yes"
        self._discovered = str(kept.get("discovered", ""))

    def set_mode(self, mode: str) -> None:
        """`auto`, or the name of a mode."""
        self._keep("mode", mode)
        self.mode = mode

    def drain(self, *, drained: bool) -> None:
        """Leave the pools, or come back to them."""
        self._keep("drained", "yes" if drained else "no")
        self.drained = drained

    @property
    def discovered(self) -> str:
        """What was told, as text; empty when nothing was."""
        return self._discovered

    @discovered.setter
    def discovered(self, text: str) -> None:
        self._keep("discovered", text)
        self._discovered = text

    def _keep(self, name: str, value: str) -> None:
        with self._table.commit():
            self._table.db.execute("INSERT OR REPLACE INTO wish VALUES (?, ?)", (name, value))
