"""What `edgereel --help` says, where the man page has its verbs, examples and exit codes from, and other long texts."""

from __future__ import annotations

HELP = """\
usage: edgereel VERB ...        edgereel VERB --help for the options of a verb
       edgereel --help | --version

A sentence in, a short video clip out, on a small board, offline.

verbs:
  generate    make a clip here and now, without a daemon
  plan        show how a prompt is understood, without making a clip
  serve       run the daemon: take requests over MQTT until stopped
  submit      send a prompt to a board or a pool over MQTT; --download brings the clip
  jobs        list the jobs in this board's queue; --stats and --plot show what they took
  top         show what a board says of itself, live
  fleet       show all boards of a broker, live
  models      list, pull, verify or trust model packs
  doctor      check this board; each finding comes with its fix
  completion  the completion for a shell, or the man page

examples:
  edgereel models pull smollm2-135m                     get the small language model, once
  edgereel generate "a red balloon rises over mountains" --out balloon.mp4
  edgereel generate "/think a fish, then the moon" --seed 7 --json
  edgereel plan "红色气球升空" --mode no_think            how a prompt is understood
  edgereel plan "a red balloon" --draw plan.png          where everything will be
  edgereel serve                                         the daemon: requests over MQTT
  edgereel submit "a glowing jellyfish" --broker 127.0.0.1:1883 --wait
  edgereel submit "a snowy day" --pool kitchen --download .
  edgereel jobs --plot runs.png                          seconds and memory of every run
  edgereel top                                           memory, pressure, mode and queue of a board, live
  edgereel doctor                                        is this board ready?

exit codes:
  0    done
  1    an error that is not listed here
  2    the command line itself is wrong
  3    the request is wrong: prompt, mode, seconds, seed, path
  4    the settings file or a --set is wrong
  5    a model pack is missing, damaged or does not fit its manifest
  6    not enough memory, disk or rights on this board
  7    the clip or poster cannot be written where it was asked for
  8    the MQTT broker cannot be reached or refuses us
  9    a model run failed or the engine process died
  10   the job was cancelled
  11   the job must go on in a cheaper mode (inside the daemon only)
  130  stopped with Ctrl-C (143: by SIGTERM)
"""

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

COMPLETION_EPILOG = """\
where each shell looks; systemd/install.sh does this for everybody on a board:
  edgereel completion bash > ~/.local/share/bash-completion/completions/edgereel
  edgereel completion fish > ~/.config/fish/completions/edgereel.fish
  edgereel completion zsh > ~/.zfunc/_edgereel      with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc
  edgereel completion man > ~/.local/share/man/man1/edgereel.1
"""
