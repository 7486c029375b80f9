"""Connects and disconnects an account: what is written, in which order, and which name leads to the account.

The account is written before its name is taken: a death in between leaves an account that its object id leads to, and
its next sign-in takes the name. A name belongs to the first account that connects with it, as long as that one is
connected.
"""

from contextlib import suppress

from shared.core.account_name import as_sign_in_name
from shared.errors import Conflict, StorageUnavailable
from shared.sign_in.account import Account
from shared.sign_in.person import Person
from shared.sign_in.ports import AccountStore

# Two sign-ins of one person at the same time may conflict. A third try was never needed.
_TRIES = 3


def connect_account(store: AccountStore, account: Account) -> bool:
    """Write *account* over what was stored for it. Returns whether files can name it by its sign-in name.

    Raises StorageUnavailable.
    """
    for _ in range(_TRIES):
        try:
            _write(store, account)
        except Conflict:
            continue
        return _take_name(store, account.person)
    raise StorageUnavailable("the stored account was changed too often by others")


def disconnect_account(store: AccountStore, person: Person) -> bool:
    """Delete what is stored for *person*. Returns whether there was anything. Raises StorageUnavailable."""
    names = {person.name}
    with store.lease(person.object_id) as lease:
        if lease is not None:
            # An account that cannot be read any more can still be deleted.
            with suppress(StorageUnavailable):
                stored = lease.read()
                names |= {stored.account.person.name} if stored is not None else set()
            lease.delete()
    for name in filter(None, map(as_sign_in_name, names)):
        store.free_name(name, person.object_id)
    return lease is not None


def _write(store: AccountStore, account: Account) -> None:
    with store.lease(account.person.object_id) as lease:
        if lease is not None:
            lease.write(account)
        else:
            store.insert(account)


def _take_name(store: AccountStore, person: Person) -> bool:
    name = as_sign_in_name(person.name)
    if name is None:
        return False
    for _ in range(_TRIES):
        if store.take_name(name, person.object_id):
            return True
        taken_by = store.object_id_of(name)
        if taken_by == person.object_id:
            return True
        if taken_by is None:
            continue  # it became free between the two calls
        other = store.read(taken_by) if store.version(taken_by) is not None else None
        if other is not None and other.account.person.is_called(name):
            return False
        # The name leads to an account that is gone, or that has another name by now.
        store.free_name(name, taken_by)
    raise StorageUnavailable("the index of sign-in names was changed too often by others")
