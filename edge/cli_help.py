"""Longer texts that `--help` shows."""

from __future__ import annotations

TRUST_TEXT = """\
Trust a model pack that does not come with edgereel, so that it may be opened.

The files of a pack are read by native code (ONNX Runtime, llama.cpp). Such parsers have had memory bugs, and a file made
for one takes over whatever opens it. That `models verify` finds the files to be as the manifest says only means that they
are what the author of the manifest meant. So ask who that is: where is the pack from, was it fetched over https from
there, is the sha256 of its manifest the one that they published?

  edgereel models list                  shipped, trusted, or not trusted
  sha256sum MODELS/NAME/manifest.yaml   what to compare (MODELS is paths.models)
  edgereel models trust NAME            once; it holds until that manifest changes

What is trusted stands in MODELS/trusted.yaml; deleting a line takes it back. Packs that come with edgereel need none of it.
"""

WARM_EPILOG = """\
examples:
  edgereel warm prompts.txt                  put them on the list; those that are there already stay as they are
  edgereel warm prompts.txt --mode direct --seconds 2 --wait
  edgereel warm --list
  edgereel warm --clear && edgereel warm prompts.txt

One prompt a line; blank lines and lines that begin with # are passed over; a line may begin with /think or /no_think.
The daemon makes them one by one when nothing else has been to do for library.warm_after_s seconds and the board is not
under pressure. Any real request goes first: what is being made then gives way, and is begun again later. A request of the
same words, mode and length is answered with the clip at once (see `reuse` in docs/library.md). The list stays over
restarts. The mode and length of a prompt have to be those that will be asked for.
"""
