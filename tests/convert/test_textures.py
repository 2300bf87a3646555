"""Learned textures are looked up where the layout says, and a tile never shows through its neighbour."""

from __future__ import annotations

import torch

from tools.convert.tinyvideo.textures import Atlas


def test_a_texel_is_found_at_its_own_place() -> None:
    atlas = Atlas(tiles=3, channels=2, rows=4, columns=8)
    x = (torch.arange(8.0) + 0.5) / 4 - 1
    y = (torch.arange(4.0) + 0.5) / 2 - 1
    found = atlas(x.expand(1, 4, 8), y[:, None].expand(1, 4, 8), torch.full((1, 1, 1), 2.0))

    assert torch.allclose(found[0], atlas.texels[0, :, 8:12], atol=1e-5)


def test_each_map_of_a_batch_and_each_cell_may_look_at_a_tile_of_its_own() -> None:
    atlas = Atlas(tiles=3, channels=1, rows=4, columns=4)
    with torch.no_grad():
        atlas.texels[0, 0] = torch.arange(3.0).repeat_interleave(4)[:, None]
    tile = torch.randint(0, 3, (5, 6, 7)).float()
    x, y = torch.rand(2, 5, 6, 7) * 2 - 1  # up to the very border: nothing of the next tile is seen

    assert torch.allclose(atlas(x, y, tile)[:, 0], tile, atol=1e-4)
    assert torch.allclose(atlas(x, y, tile[:, :1, :1])[:, 0], tile[:, :1, :1].expand(5, 6, 7), atol=1e-4)
