"""A person in a tenant of the identity provider."""

from dataclasses import dataclass

from shared.core.account_name import as_object_id, as_sign_in_name

# The tenant of all personal Microsoft accounts, and the word for it in an authority's address.
PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
_PERSONAL_AUTHORITY = "consumers"


@dataclass(frozen=True, slots=True)
class Person:
    """Who signed in. Both ids are GUIDs in lower case.

    *name* is what they sign in with: people read it, and files may name the account by it. *object_id* never changes.
    """

    object_id: str
    tenant_id: str
    name: str

    def is_called(self, account: str) -> bool:
        """Whether a file that names *account* means this person."""
        if as_object_id(account) == self.object_id:
            return True
        name = as_sign_in_name(account)
        return name is not None and name == as_sign_in_name(self.name)

    @property
    def authority_tenant(self) -> str:
        """The last part of the authority that this person's tokens are refreshed at.

        Never `common`: a personal account's refresh there is reported to be refused (invalid_grant, AADSTS70000), while
        `consumers` works.
        """
        return _PERSONAL_AUTHORITY if self.tenant_id == PERSONAL_TENANT else self.tenant_id
