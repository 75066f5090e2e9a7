"""``eulerot completion``: a script that completes commands and options in bash, zsh and fish."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

__all__ = ["add"]

_BASH = """\
_eulerot() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}} words=
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{commands}"
    else
        case "$command ${{COMP_WORDS[COMP_CWORD-1]}}" in
{choices}
        esac
        if [ -z "$words" ] && [ "${{cur#-}}" != "$cur" ]; then
            case "$command" in
{options}
            esac
        fi
    fi
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o bashdefault -o default -F _eulerot eulerot"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "print a script that completes commands and options of eulerot in a shell"
    example = 'eval "$(eulerot completion bash)"   # in ~/.bashrc; zsh likewise; fish: eulerot completion fish | source'
    parser = commands.add_parser("completion", help=words, description=words, epilog=example)
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")
    parser.set_defaults(run=lambda arguments: _run(arguments, commands.choices))


def _run(arguments: argparse.Namespace, parsers: dict[str, argparse.ArgumentParser]) -> int:
    from eulerot.cli.streams import show_json

    script = _fish(parsers) if arguments.shell == "fish" else _bash(parsers)
    if arguments.shell == "zsh":
        script = f"autoload -Uz compinit bashcompinit && compinit && bashcompinit\n{script}"
    show_json({"shell": arguments.shell, "script": script}) if arguments.json else print(script)
    return 0


def _options(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the options of a command."""
    yield from (action for action in parser._actions if action.option_strings)


def _bash(parsers: dict[str, argparse.ArgumentParser]) -> str:
    """Return the script for bash, which zsh understands too."""
    choices, options = [], []
    for command, parser in parsers.items():
        names = [name for action in _options(parser) for name in action.option_strings]
        options.append(f'                {command}) words="{" ".join(names)}" ;;')
        for action in parser._actions:
            if not action.choices:
                continue
            words = " ".join(map(str, action.choices))
            # a choice without a name follows the command itself
            for name in action.option_strings or [command]:
                choices.append(f'            "{command} {name}") words="{words}" ;;')
    return _BASH.format(commands=" ".join(parsers), choices="\n".join(choices), options="\n".join(options))


def _fish(parsers: dict[str, argparse.ArgumentParser]) -> str:
    """Return the script for fish."""
    lines = [f"complete -c eulerot -n __fish_use_subcommand -f -a '{' '.join(parsers)}'"]
    for command, parser in parsers.items():
        seen = f"complete -c eulerot -n '__fish_seen_subcommand_from {command}'"
        for action in parser._actions:
            words = f" -x -a '{' '.join(map(str, action.choices))}'" if action.choices else ""
            if action.option_strings:
                names = "".join(f" -l {n[2:]}" if n.startswith("--") else f" -s {n[1:]}" for n in action.option_strings)
                told = (action.help or "").replace("%%", "%").replace("\\", "").replace("'", "\\'")
                takes = " -r" if action.nargs != 0 and not words else ""
                lines.append(f"{seen}{names}{takes}{words} -d '{told}'")
            elif words:
                lines.append(f"{seen}{words}")
    return "\n".join(lines)
