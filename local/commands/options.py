"""Options that several commands have."""

import argparse
import os
from pathlib import Path

from local.stack import sign_in
from local.stack.app_settings import Graph, app_settings
from shared.errors import SettingsError
from shared.settings import Settings

CLIENT_ID_VARIABLE = "TODO_ATTACH_ENTRA_CLIENT_ID"
TOKEN_VARIABLE = "TODO_ATTACH_TOKEN"  # noqa: S105 - a variable's name


def add_state_option(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--state", type=lambda text: Path(text).absolute(), metavar="DIR", help=text)


def add_graph_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--graph-root",
        metavar="URL",
        help="another Graph in place of the emulator, such as https://graph.microsoft.com/v1.0",
    )
    parser.add_argument(
        "--token",
        default=os.environ.get(TOKEN_VARIABLE),
        help=f"the bearer token for it (better in ${TOKEN_VARIABLE}: a command line can be read by others)",
    )


def add_sign_in_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sign-in",
        action="store_true",
        help="people sign in, in place of tokens: at a stand-in for Entra, or with --graph-root at the real one, with "
        "a code on any screen",
    )
    parser.add_argument(
        "--client-id",
        default=os.environ.get(CLIENT_ID_VARIABLE, ""),
        metavar="ID",
        help=f"for --sign-in with --graph-root: your registration of a public client at Entra (${CLIENT_ID_VARIABLE})",
    )
    parser.add_argument("--tenant", default="common", help="whose accounts may sign in there (default: %(default)s)")


def sign_in_of(parser: argparse.ArgumentParser, options: argparse.Namespace) -> sign_in.Plan | None:
    """How people sign in, if they do."""
    if not options.sign_in:
        return None
    if options.graph_root and not options.client_id:
        parser.error(f"--sign-in at another Graph needs --client-id, or ${CLIENT_ID_VARIABLE}")
    return sign_in.Plan(client_id=options.client_id if options.graph_root else "", tenant=options.tenant)


def graph_of(parser: argparse.ArgumentParser, options: argparse.Namespace, account: str) -> Graph | None:
    """The Graph that was asked for, as far as the application would accept it; None for the emulator."""
    if not options.graph_root:
        return None
    signs_in = getattr(options, "sign_in", False)
    if not options.token and not signs_in:
        parser.error(f"--graph-root needs --token, or ${TOKEN_VARIABLE}")
    root = options.graph_root.rstrip("/")
    told = app_settings(
        "UseDevelopmentStorage=true", Graph(root, {account: options.token or "none"}), lease_seconds=None
    )
    try:
        Settings.from_environ(told)
    except SettingsError as error:
        # Said now: in the host it would be said at the first upload, and only in its log.
        parser.error("\n".join(error.mistakes))
    # Who signs in, is known once they have.
    return Graph(root, {account: "" if signs_in else options.token})
