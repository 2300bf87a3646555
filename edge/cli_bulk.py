"""`edgereel generate -f FILE`: one clip after another into a folder, and one table at the end."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path

from edge.bulk import Entry, planned, read_manifest, read_prompts
from edge.cli_make import make, stop_on_signals
from edge.cli_settings import extras_of, request_of, settings_of
from edge.errors import Cancelled, EdgereelError, RequestError
from edge.extras import PREVIEWS
from edge.lock import exclusive
from edge.models import Models, models_of
from edge.settings import Settings
from edge.show import note, print_json, print_table
from edge.stop import Stop

PROMPT_CHARS = 44  # of the table
ERROR_CHARS = 72
FAILED = 1
ASKED = (
    "mode",
    "seconds",
    "seed",
    "path",
    "image",
    "poster",
    "crop",
    "watermark",
    "max_bytes",
    "preview",
    "loop",
    "fps",
)


def bulk(args: argparse.Namespace) -> int:
    """Make the clip of every line; returns the exit code: 0 when all are there, 1 when some could not be made.

    A signal ends the clip that is being made; those before it stay. What is done already is not made again.
    """
    _check(args)
    prompts, folder = read_prompts(Path(args.file).expanduser()), Path(args.out).expanduser()
    settings = settings_of(args)
    models = models_of(settings)
    with exclusive(
        folder / ".clips.lock", busy=f"Another run fills {folder}.", busy_hint="Wait for it, or choose another --out.",
        folder_hint="Choose another --out.",
    ):  # fmt: skip
        keys, manifest = planned(prompts, read_manifest(folder), asked={name: getattr(args, name) for name in ASKED})
        manifest.save()
        with stop_on_signals() as (stop, signals):
            for number, key in enumerate(keys, 1):
                entry = manifest.entries[key]
                if stop.requested or entry.is_here(folder):
                    continue
                title = f"{number}/{len(keys)} {Path(entry.file).stem}"
                entry = _made(args, entry, folder, settings=settings, models=models, stop=stop, title=title)
                manifest = manifest.with_entry(entry)
                manifest.save()
    entries = [manifest.entries[key] for key in keys]
    _show(args, entries, folder)
    if signals:
        return 128 + signals[0]
    return FAILED if any(entry.state != "done" for entry in entries) else 0


def _made(
    args: argparse.Namespace, entry: Entry, folder: Path, *, settings: Settings, models: Models, stop: Stop, title: str
) -> Entry:
    """The entry as it is after its clip was tried; the same when a signal came."""
    out = folder / entry.file
    try:
        result = make(
            request_of(args, prompt=entry.prompt, request_id=entry.key), settings=settings, models=models, out=out,
            poster=out.with_suffix(".jpg") if args.poster else None, stop=stop, title=title,
            extras=extras_of(args, preview=out.with_suffix(f".{args.preview}") if args.preview else None),
        )  # fmt: skip
    except Cancelled:
        return entry
    except EdgereelError as exc:
        note(f"{title}: {exc}")
        return replace(entry, state="failed", error=str(exc))
    clip = result.clip
    return replace(
        entry, state="done", mode=result.mode.effective.value, seconds=clip.seconds, bytes=clip.bytes, error="",
        took_s=result.timings_s["total"],
    )  # fmt: skip


def _check(args: argparse.Namespace) -> None:
    """What would be wrong with every clip is said before the first one. Raises RequestError."""
    if args.prompt is not None:
        raise RequestError("There is a prompt, and -f names a file of them.", hint="Give one of the two.")
    if not args.out:
        raise RequestError("-f makes many clips.", hint="Say with --out which folder they shall go to.")
    if args.poster not in (None, "jpg"):
        raise RequestError("With -f every clip has a poster of its own.", hint="Use --poster jpg.")
    if args.preview not in (None, *PREVIEWS):
        raise RequestError("With -f every clip has a preview of its own.", hint="Use --preview gif or --preview webp.")
    extras_of(args, preview=Path(f"clip.{args.preview}") if args.preview else None)
    request_of(args, prompt="a red balloon")


def _show(args: argparse.Namespace, entries: list[Entry], folder: Path) -> None:
    done = sum(entry.state == "done" for entry in entries)
    if args.json:
        print_json({"folder": str(folder), "done": done, "clips": [asdict(entry) for entry in entries]})
        return
    print_table(("prompt", "mode", "seconds", "kB", "took s", "file"), [_row(entry) for entry in entries])
    print(f"{done} of {len(entries)} clips are in {folder}")


def _row(entry: Entry) -> tuple[str, ...]:
    prompt = entry.prompt if len(entry.prompt) <= PROMPT_CHARS else entry.prompt[: PROMPT_CHARS - 1] + "…"
    if entry.state != "done":
        why = entry.error[:ERROR_CHARS] if entry.error else "not made"
        return prompt, entry.state, "", "", "", why
    kilobytes = f"{entry.bytes / 1000:.0f}"
    return prompt, entry.mode, f"{entry.seconds:g}", kilobytes, f"{entry.took_s:.1f}", entry.file
