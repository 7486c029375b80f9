"""The people who can sign in at the stand-in for Entra."""

from dataclasses import dataclass

TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT_ID = "todo-attach"
DEVICE_CLIENT_ID = "todo-attach-device"


@dataclass(frozen=True, slots=True)
class Resident:
    """A person that the stand-in knows."""

    name: str
    oid: str
    tid: str = TENANT


SAM = Resident("sam@example.com", "5a000000-0000-4000-8000-000000000001")
KIM = Resident("kim@example.com", "5a000000-0000-4000-8000-000000000002")
LEE = Resident("lee@example.com", "5a000000-0000-4000-8000-000000000005")
# With a personal account: all of these have the same tenant.
PAT = Resident("pat@outlook.example", "00000000-0000-0000-5a00-000000000004", "9188040d-6c67-4c5b-b112-36a304b66dad")
# Of another organisation.
ALEX = Resident("alex@example.net", "5a000000-0000-4000-8000-000000000003", "99999999-2222-4333-8444-555555555555")

RESIDENTS = (SAM, KIM, LEE, PAT, ALEX)
