"""`scvk completion`: lets a shell complete commands, options, choices and files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from cyclopts import App, Parameter

Shell = Literal["bash", "zsh", "fish"]


def completion_for(app: App) -> Callable[..., int]:
    """Return the command for `app`."""

    def completion(shell: Annotated[Shell, Parameter(help="The shell that is to complete.")], /) -> int:
        """Print a script that completes the words of this program's command line.

        Examples
        --------
        In this shell:

            eval "$(scvk completion bash)"

        In every new one:

            scvk completion bash > ~/.local/share/bash-completion/completions/scvk
            scvk completion zsh > "${fpath[1]}/_scvk"
            scvk completion fish > ~/.config/fish/completions/scvk.fish

        """
        print(app.generate_completion(shell=shell), end="")
        return 0

    return completion
