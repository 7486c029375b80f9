"""The pages of sign-in: plain HTML without scripts, which any browser and any screen reader can show.

A page never holds a token, a code or a part of a URL's query. Text from outside (names, ids) is escaped.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from shared.core.account_name import as_object_id
from shared.sign_in.browser import BrowserResponse
from shared.sign_in.look import Look
from shared.sign_in.person import Person
from shared.sign_in.problems import Problem

# A name of these characters needs no quoting in a shell or a header. Other accounts are named by their object id.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9@._+-]+")
# Where a person takes a permission back, by the identity provider's origin. For other clouds we know no address.
_PERMISSIONS = {
    "https://login.microsoftonline.com": (
        ("https://myapps.microsoft.com/", "for a work or school account"),
        ("https://account.live.com/consent/Manage", "for a personal account"),
    )
}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where people put files: a container of a storage account. *by_identity*: they sign in to it, without a key.

    *path_accounts*: prefix of a blob's path -> account, where the path and not the metadata `user` names the account.
    """

    account: str
    container: str
    by_identity: bool
    path_accounts: Mapping[str, str] = field(default_factory=dict)

    def prefix_of(self, person: Person, *, by_name: bool) -> str | None:
        """The prefix under which the person puts files; None where prefixes are set, and none belongs to them.

        *by_name*: whether their sign-in name leads to them. It may belong to another account.
        """
        if not self.path_accounts:
            return ""
        theirs = (
            prefix
            for prefix, account in self.path_accounts.items()
            if as_object_id(account) == person.object_id or (by_name and person.is_called(account))
        )
        return next(theirs, None)

    def upload_command(self, prefix: str, user: str) -> str:
        """A whole command in one line, which every shell accepts. Below a prefix no file needs to name its *user*."""
        login = f"--account-name {self.account} --auth-mode login " if self.by_identity else ""
        return (
            f"az storage blob upload {login}--container-name {self.container} --file receipt.pdf "
            f"--name {prefix}receipt.pdf --metadata " + ("" if prefix else f'"user={user}" ') + '"task=Buy milk"'
        )


@dataclass(frozen=True, slots=True)
class Pages:
    """Renders the pages. *app_url* is the app's own root (`.../api`), *authority* the identity provider's origin."""

    app_url: str
    authority: str
    client_id: str
    destination: Destination

    @property
    def _look(self) -> Look:
        return Look(self.app_url, self.authority)

    def redirect(self, url: str) -> BrowserResponse:
        return self._look.redirect(url)

    # -- pages --

    def connected(self, person: Person, *, by_name: bool, resumed: int) -> BrowserResponse:
        name = escape(person.name)
        waiting = "<p>The files that waited for you go on now.</p>" if resumed else ""
        return self._page(
            200,
            "Your To Do is connected",
            f"<p>You signed in as <strong>{name}</strong>. From now on, files that are put into the container for you "
            f"are attached to your tasks, until you disconnect.</p>{waiting}"
            f"<h2>To send a file to a task</h2>{self._own_files()}{self._how_to_send(person, by_name=by_name)}"
            "<h2>What this app may do</h2>"
            "<p>This app can read and change your tasks, and nothing else. "
            f"{self._who_can_send(person, by_name=by_name)}</p>"
            f"<h2>To disconnect</h2>{self._disconnect_form()}"
            f"<p>Or later, at {_link(f'{self.app_url}/disconnect')}</p>",
        )

    def disconnected(self, person: Person, *, was_connected: bool) -> BrowserResponse:
        name = escape(person.name)
        if not was_connected:
            body = f"<p><strong>{name}</strong> was not connected, so nothing was changed.</p>"
            return self._page(200, "Nothing to disconnect", body + self._again("Connect"))
        return self._page(
            200,
            "Your To Do is disconnected",
            f"<p>This app has deleted the sign-in that it kept for <strong>{name}</strong>. Uploads stop within two "
            "minutes. Files that are put into the container for you wait from now on, and fail in the end.</p>"
            "<p>The key of that sign-in is deleted too, so that no copy of it in storage can be read any more. "
            "Microsoft still lists the permission that you gave, until you take it back there.</p>"
            + self._permissions()
            + self._again("Connect again"),
        )

    def ask_to_disconnect(self) -> BrowserResponse:
        return self._page(
            200,
            "Disconnect your To Do",
            "<p>This app then deletes the sign-in that it keeps for you, and attaches no more files to your tasks.</p>"
            + self._disconnect_form(),
        )

    def problem(self, problem: Problem, code: str = "") -> BrowserResponse:
        status, title, paragraphs = _PROBLEMS[problem]
        body = "".join(f"<p>{each}</p>" for each in paragraphs)
        if problem is Problem.ADMIN_CONSENT:
            body += f"<p>They find this app by its id: <code>{escape(self.client_id)}</code></p>"
        if problem is Problem.NO_SIGN_IN_TIME:
            body += self._permissions()
        if code:
            body += f"<p>Microsoft's number for this: AADSTS{escape(code)}</p>"
        return self._page(status, title, body + self._again())

    # -- parts of pages --

    def _own_files(self) -> str:
        return (
            "<p>On a page of your own you can send files, and see what became of them:</p>"
            f'<p><a class="button" href="{escape(self.app_url)}/files">Your files</a></p>'
        )

    def _how_to_send(self, person: Person, *, by_name: bool) -> str:
        prefix = self.destination.prefix_of(person, by_name=by_name)
        if prefix is None:
            return (
                "<p>No place in the container leads to your account yet: ask the people who run this app for one. They "
                f"find you by your sign-in name, or by the id <code>{escape(person.object_id)}</code></p>"
            )
        example = self._example(person, prefix, by_name=by_name)
        return example if prefix else example + self._names(person, by_name=by_name)

    def _who_can_send(self, person: Person, *, by_name: bool) -> str:
        prefix = self.destination.prefix_of(person, by_name=by_name)
        if prefix is None:
            return "Nobody can attach files to your tasks through its container yet."
        where = f"in its container below <code>{escape(prefix)}</code>" if prefix else "to its container"
        return f"Anyone who may write {where} can attach files to your tasks."

    def _names(self, person: Person, *, by_name: bool) -> str:
        name, object_id = escape(person.name), escape(person.object_id)
        if by_name:
            return (
                f"<p>Files can name you as <code>user={name}</code>, or by an id that stays the same if your sign-in "
                f"name changes: <code>user={object_id}</code></p>"
            )
        return (
            f"<p>Files can name you as <code>user={object_id}</code> only: your sign-in name belongs to another "
            "connected account, or has characters that a file cannot name.</p>"
        )

    def _example(self, person: Person, prefix: str, *, by_name: bool) -> str:
        user = person.name if by_name and _PLAIN_NAME.fullmatch(person.name) else person.object_id
        where = (
            "You need the right to write to the container; the people who run this app give it."
            if self.destination.by_identity
            else "It takes the storage account's connection string from the variable AZURE_STORAGE_CONNECTION_STRING."
        )
        below = f" below <code>{escape(prefix)}</code>" if prefix else ""
        named, user_key = ("the task", "") if prefix else ("you and the task", "<code>user</code>, ")
        return (
            f"<p>Or put it into the container{below}, with metadata that name {named}. With the Azure CLI, for a task "
            "of your default list that is called <em>Buy milk</em>:</p>"
            f"<pre><code>{escape(self.destination.upload_command(prefix, user))}</code></pre>"
            "<p>Write your own file's name in place of <code>receipt.pdf</code>, and your task's title in place of "
            f"<code>Buy milk</code>. {where}</p>"
            f"<p>With any other program: the storage account is <code>{escape(self.destination.account)}</code>, the "
            f"container <code>{escape(self.destination.container)}</code>, and the metadata are {user_key}"
            "<code>task</code> and, for another list than the default one, <code>list</code>.</p>"
        )

    def _permissions(self) -> str:
        places = _PERMISSIONS.get(self.authority, ())
        if not places:
            return "<p>You can take it back in your account's list of apps.</p>"
        items = "".join(f"<li>{_link(address)} {words}</li>" for address, words in places)
        return f"<p>You can take it back at</p><ul>{items}</ul>"

    def _disconnect_form(self) -> str:
        return (
            "<p>You are asked to sign in once more, so that nobody else can do it for you.</p>"
            f'<form method="post" action="{escape(self.app_url)}/disconnect">'
            '<button class="quiet" type="submit">Disconnect</button></form>'
        )

    def _again(self, text: str = "Start again") -> str:
        return f'<p><a class="button" href="{escape(self.app_url)}/connect">{escape(text)}</a></p>'

    def _page(self, status: int, title: str, body: str) -> BrowserResponse:
        return self._look.page(status, title, body)


def _link(address: str) -> str:
    return f'<a href="{escape(address)}">{escape(address)}</a>'


_PROBLEMS: Mapping[Problem, tuple[int, str, Sequence[str]]] = {
    Problem.DECLINED: (
        403,
        "You declined",
        (
            "Nothing was connected, and this app keeps nothing.",
            "If that was not what you wanted, start again and accept.",
        ),
    ),
    Problem.WRONG_TENANT: (
        403,
        "This account is not accepted here",
        (
            "This app takes accounts of one organisation, or of one kind, and yours is another.",
            "Start again with another account, or ask the people who run this app whether yours should be accepted.",
        ),
    ),
    Problem.ADMIN_CONSENT: (
        403,
        "Your organisation must agree first",
        (
            "An administrator has to allow this app for your organisation.",
            (
                "Ask your IT department to grant it the delegated permission <code>Tasks.ReadWrite</code>; then "
                "start again."
            ),
        ),
    ),
    Problem.EXPIRED: (
        410,
        "This sign-in took too long",
        ("A sign-in has to be finished within ten minutes. Nothing was changed.", "Start again."),
    ),
    Problem.REUSED: (
        410,
        "This link was used already",
        (
            "Each sign-in works once: perhaps you loaded the page again, or went back.",
            "If you saw that your To Do is connected, it is. Otherwise start again.",
        ),
    ),
    Problem.NO_SIGN_IN: (
        400,
        "There is no sign-in to finish in this browser",
        (
            (
                "Perhaps it is finished, and you loaded its page again. Or it was begun in another browser, or more "
                "than an hour ago, or this browser keeps no cookies."
            ),
            (
                "If you saw that your To Do is connected, it is. If somebody sent you this link, do not use it: to "
                "connect your own To Do, start here."
            ),
        ),
    ),
    Problem.TWO_COOKIES: (
        400,
        "This browser sent two sign-ins at once",
        (
            (
                "Another page that shares this app's address has set a cookie of the same name, so this app cannot "
                "tell which one is yours. You have done nothing wrong, and nothing was changed."
            ),
            "Start again in a private window, or delete the cookies of this address first.",
        ),
    ),
    Problem.STRANGE_STATE: (
        400,
        "This is not the sign-in that is under way",
        (
            (
                "Perhaps you began another one in this browser since: finish that one. If somebody sent you this link, "
                "do not use it."
            ),
            "Or start again.",
        ),
    ),
    Problem.NOT_FRESH: (
        403,
        "Please enter your password again",
        ("To disconnect, you have to sign in anew. Nothing was changed.",),
    ),
    Problem.NO_SIGN_IN_TIME: (
        502,
        "This app could not see when you signed in",
        (
            (
                "To disconnect, you have to sign in anew, and the sign-in service did not say when you did. Nothing "
                "was changed."
            ),
            (
                "Please tell the people who run this app. Until they have put it right, you can take your permission "
                "back at Microsoft, which ends this app's access as well."
            ),
        ),
    ),
    Problem.CROSS_SITE: (
        403,
        "Please open this page yourself",
        (
            "Another page asked for it in your place. Nothing was changed.",
            "To connect or disconnect, begin here.",
        ),
    ),
    Problem.NO_PERMISSION: (
        403,
        "The permission is missing",
        (
            (
                "This app needs your permission to read and change your tasks, also while you are away. Nothing was "
                "connected."
            ),
            "Start again and accept both.",
        ),
    ),
    Problem.NOT_UNDERSTOOD: (
        502,
        "The sign-in could not be checked",
        ("What came back does not belong to this sign-in. Nothing was changed.", "Start again."),
    ),
    Problem.REFUSED: (
        403,
        "The sign-in was refused",
        (
            "Microsoft did not let it through. Nothing was changed.",
            "Start again; if it stays like this, show this page to the people who run this app.",
        ),
    ),
    Problem.UNAVAILABLE: (
        503,
        "Not possible right now",
        (
            "The sign-in service or this app's storage does not answer. Nothing was changed.",
            "Try again in a minute.",
        ),
    ),
}
