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
  warm        make the prompts of a list in idle time, so that they are there when they are asked for
  top         show what a board says of itself, live
  fleet       show all boards of a broker, live
  models      list, pull, verify or trust model packs
  doctor      check this board; each finding comes with its fix
  completion  the completion for a shell, or the man page

examples:
  edgereel models pull smollm2-135m-expand              get the small language model, once
  edgereel generate "a red balloon rises over mountains" --out balloon.mp4
  edgereel generate "/think a fish, then the moon" --seed 7 --json
  edgereel plan "红色气球升空" --mode no_think            how a prompt is understood
  edgereel plan "a red balloon" --draw plan.png          where everything will be
  edgereel serve                                         the daemon: requests over MQTT
  edgereel submit "a glowing jellyfish" --broker 127.0.0.1:1883 --wait
  edgereel submit "a snowy day" --pool kitchen --download .
  edgereel warm prompts.txt                              have often asked clips made while nothing else is to do
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

GENERATE_EPILOG = """\
examples:
  edgereel generate "a red balloon rises over snowy mountains" --out balloon.mp4 --poster balloon.jpg
  edgereel generate "two blue fish in the deep sea" --mode direct --seconds 6 --seed 7
  edgereel generate "a small yellow bird" --path "0.1,0.8 0.5,0.2 0.9,0.6"
  edgereel generate "a blue bird flies past, zoom in" --image garden.jpg
  edgereel generate "红色气球升空" --json | tail -n 1

modes, best first (auto takes the best one that the models on this board allow):
  think     the language model reasons, then writes up to 4 shots
  no_think  the language model writes one shot
  direct    no language model: only the words it knows
  lite      as direct, 2 seconds
  spare     as lite, 8 pictures a second, each shown three times
A prompt may also start with /think or /no_think. The same seed, pack and machine give the same file.

what is done to the clip, all of it together if wanted:
  edgereel generate "a blue fish moves right" --loop --crop 9:16 --fps 30 --preview fish.gif
  edgereel generate "two cars in the city" --watermark logo.png --max-bytes 300kB
A --loop is drawn so, not cross-faded: what turns, hops or sways does so in whole turns, what goes somewhere leaves the
frame and comes in on the other side within the --seconds, a path is closed, the camera goes there and back. Only a
storyboard of several shots fades from its last shot to its first.

many clips: one prompt a line; blank lines and lines that begin with # are passed over
  edgereel generate -f prompts.txt --out clips --mode direct --crop 1:1 --preview webp
The folder's clips.json says what is done. Run the same command again, after a failure, Ctrl-C or a power cut, and it
goes on where it was; the exit code is 1 while a clip is missing.
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

COMPLETION_EPILOG = """\
where each shell looks; systemd/install.sh does this for everybody on a board:
  edgereel completion bash > ~/.local/share/bash-completion/completions/edgereel
  edgereel completion fish > ~/.config/fish/completions/edgereel.fish
  edgereel completion zsh > ~/.zfunc/_edgereel      with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc
  edgereel completion man > ~/.local/share/man/man1/edgereel.1
"""
