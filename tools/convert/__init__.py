"""The workshop: makes model packs on a workstation. The package `edge` never imports it."""
