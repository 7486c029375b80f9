"""Options that several commands have."""

import argparse
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from local.stack.app_settings import Graph, app_settings
from local.stack.plan import CORE_TOOLS, STAND_IN, SignInPlan
from shared.errors import SettingsError
from shared.settings import Settings

CLIENT_ID_VARIABLE = "TODO_ATTACH_ENTRA_CLIENT_ID"
TOKEN_VARIABLE = "TODO_ATTACH_TOKEN"  # noqa: S105 - a variable's name
_DEFAULT_TENANT = "common"


def text(value: str) -> str:
    """An option's text. It must not be empty: a shell variable that is not set would pass for an absent option."""
    if not value.strip():
        raise argparse.ArgumentTypeError("it is empty; give a value, or leave the option out")
    return value


def seconds(value: str) -> float:
    """A number of seconds above 0."""
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{value!r} is not a number of seconds above 0")
    return number


def add_data_option(parser: argparse.ArgumentParser, help_text: str) -> None:
    parser.add_argument("--data", type=lambda value: Path(text(value)).absolute(), metavar="DIR", help=help_text)


def add_place_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a task; `place_of` reads them."""
    to_list = parser.add_mutually_exclusive_group()
    to_list.add_argument("--list-id", type=text, metavar="ID", help="the list, by its id in Graph")
    to_list.add_argument("--list", type=text, metavar="NAME", help="the list, by its name; by default the default list")
    to_task = parser.add_mutually_exclusive_group()
    to_task.add_argument("--task-id", type=text, metavar="ID", help="the task, by its id in Graph")
    to_task.add_argument("--task", type=text, metavar="NAME", help="the task, by its title")
    parser.add_argument(
        "--user",
        type=text,
        metavar="NAME",
        help="whose To Do; by default the stack's default account. The emulator also has kim@example.com",
    )


def place_of(options: argparse.Namespace) -> Mapping[str, str]:
    """The metadata for the options of `add_place_options`."""
    given = {
        "listid": options.list_id,
        "list": options.list,
        "taskid": options.task_id,
        "task": options.task,
        "user": options.user,
    }
    return {key: value for key, value in given.items() if value is not None}


def add_graph_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--graph-root",
        type=text,
        metavar="URL",
        help="another Graph in place of the emulator, such as https://graph.microsoft.com/v1.0",
    )
    parser.add_argument(
        "--token",
        type=text,
        help=f"the bearer token for it (better in ${TOKEN_VARIABLE}: a command line can be read by others)",
    )


def add_host_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host",
        choices=(STAND_IN, CORE_TOOLS),
        default=STAND_IN,
        help="what the functions run on: the stand-in for Azure's host, or Azure Functions Core Tools, whose program "
        "func is then on the PATH, and which listen on every address of this machine (default: %(default)s)",
    )


def host_of(parser: argparse.ArgumentParser, options: argparse.Namespace) -> str:
    """The host that the option names, if it is installed."""
    if options.host == CORE_TOOLS and shutil.which(CORE_TOOLS) is None:
        parser.error(f"--host {CORE_TOOLS}: Azure Functions Core Tools are not on the PATH (no program {CORE_TOOLS})")
    host: str = options.host
    return host


def add_sign_in_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sign-in",
        action="store_true",
        help="people sign in, in place of tokens: at a stand-in for Entra, or with --graph-root at the real one, with "
        "a code on any screen",
    )
    parser.add_argument(
        "--client-id",
        type=text,
        metavar="ID",
        help=f"for --sign-in with --graph-root: your registration of a public client at Entra (${CLIENT_ID_VARIABLE})",
    )
    parser.add_argument(
        "--tenant", type=text, help=f"for --client-id: whose accounts may sign in there (default: {_DEFAULT_TENANT})"
    )


def sign_in_of(parser: argparse.ArgumentParser, options: argparse.Namespace) -> SignInPlan | None:
    """How people sign in; None where they do not."""
    at_entra = options.sign_in and options.graph_root
    for option, value in (("--client-id", options.client_id), ("--tenant", options.tenant)):
        if value and not at_entra:
            parser.error(f"{option} is for sign-in at the real Entra: it needs --sign-in and --graph-root")
    if not options.sign_in:
        return None
    client_id = options.client_id or os.environ.get(CLIENT_ID_VARIABLE, "")
    if options.graph_root and not client_id:
        parser.error(f"--sign-in at another Graph needs --client-id, or ${CLIENT_ID_VARIABLE}")
    return SignInPlan(client_id=client_id if options.graph_root else "", tenant=options.tenant or _DEFAULT_TENANT)


def graph_of(parser: argparse.ArgumentParser, options: argparse.Namespace, account: str) -> Graph | None:
    """The Graph that the options name, if the application would accept it; None for the emulator."""
    if not options.graph_root:
        if options.token:
            parser.error("--token is for another Graph: it needs --graph-root")
        return None
    signs_in = getattr(options, "sign_in", False)
    token = options.token or os.environ.get(TOKEN_VARIABLE, "")
    if not token and not signs_in:
        parser.error(f"--graph-root needs --token, or ${TOKEN_VARIABLE}")
    root = options.graph_root.rstrip("/")
    settings = app_settings("UseDevelopmentStorage=true", Graph(root, {account: token or "none"}), lease_seconds=None)
    try:
        Settings.from_environ(settings)
    except SettingsError as error:
        # Reported now: the host would report it at the first upload, and only in its log.
        parser.error("\n".join(error.mistakes))
    # With a sign-in, the account is only known afterwards.
    return Graph(root, {account: "" if signs_in else token})
