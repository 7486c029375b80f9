"""Every request that needs a right, the action it needs, and the role that gives it; and nothing beyond.

Which action a request needs, and which actions a role has, is Microsoft's documentation ("Permissions for calling data
operations", "Azure built-in roles"), written down here: there is no way to ask offline.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.core.path_account import parse_path_accounts
from tests.infra.deployed import GROUP_ID, Snapshot, app_settings, as_azure, every_option, filled, module, sample
from tests.infra.tools import ROOT

BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers"
QUEUE = "Microsoft.Storage/storageAccounts/queueServices/queues"
TABLE = "Microsoft.Storage/storageAccounts/tableServices/tables"
# Of the management plane, and asked for at the account: a role on a container does not give it.
SIGN = "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"
SECRET = "Microsoft.KeyVault/vaults/secrets"
KEY = "Microsoft.KeyVault/vaults/keys"

# role, by the name that roles.bicep has for it -> its id, and the patterns of what it allows
BUILT_IN = {
    "blobOwner": ("b7e6dc6d-f1e8-4753-8033-0f276bb0955b", [f"{BLOB}/*", f"{BLOB}/blobs/*", SIGN]),
    "blobContributor": (
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        [
            *(f"{BLOB}/{each}" for each in ("delete", "read", "write")),
            *(f"{BLOB}/blobs/{each}" for each in ("delete", "read", "write", "move/action", "add/action")),
            SIGN,
        ],
    ),
    "blobReader": ("2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", [f"{BLOB}/read", f"{BLOB}/blobs/read", SIGN]),
    "queueContributor": (
        "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
        [
            *(f"{QUEUE}/{each}" for each in ("delete", "read", "write")),
            *(f"{QUEUE}/messages/{each}" for each in ("delete", "read", "write", "process/action")),
        ],
    ),
    "queueReader": ("19e7f393-937e-4f77-808e-94535e297925", [f"{QUEUE}/read", f"{QUEUE}/messages/read"]),
    "tableContributor": (
        "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
        [
            *(f"{TABLE}/{each}" for each in ("delete", "read", "write")),
            *(f"{TABLE}/entities/{each}" for each in ("read", "write", "delete", "add/action", "update/action")),
        ],
    ),
    "tableReader": ("76199698-9eea-4c19-bc75-cec21354c6b6", [f"{TABLE}/read", f"{TABLE}/entities/read"]),
    "secretsUser": (
        "4633458b-17de-408a-b874-0445c86b69e6",
        [f"{SECRET}/getSecret/action", f"{SECRET}/readMetadata/action"],
    ),
    # As published: besides, the three actions on event subscriptions of the management plane, which nothing here uses.
    "cryptoServiceEncryptionUser": (
        "e147488a-f6f5-4113-8e2d-b22465e65bf6",
        [f"{KEY}/read", f"{KEY}/wrap/action", f"{KEY}/unwrap/action"],
    ),
    "secretsOfficer": ("b86a8fe4-44ce-4948-aee5-eccb2c155cd7", [f"{SECRET}/*"]),
    "metricsPublisher": (
        "3913510d-42f4-4e42-8a64-420c390055eb",
        [
            "Microsoft.Insights/Register/Action",
            "Microsoft.Insights/Telemetry/Write",
            "Microsoft.Insights/Metrics/Write",
        ],
    ),
}

# What the application calls: method of the SDK's client -> the action each of its requests needs.
APPLICATION = {
    "get_blob_properties": f"{BLOB}/blobs/read",
    "download_blob": f"{BLOB}/blobs/read",
    "list_blobs": f"{BLOB}/blobs/read",
    "find_blobs_by_tags": f"{BLOB}/blobs/filter/action",
    "get_blob_tags": f"{BLOB}/blobs/tags/read",
    "set_blob_tags": f"{BLOB}/blobs/tags/write",
    "delete_blob": f"{BLOB}/blobs/delete",
    "upload_blob": f"{BLOB}/blobs/write",
    "start_copy_from_url": f"{BLOB}/blobs/write",  # and read, of the source, which get_blob_properties needs too
    "get_user_delegation_key": SIGN,
    "acquire_lease": f"{BLOB}/blobs/write",
    "send_message": f"{QUEUE}/messages/write",
    "get_entity": f"{TABLE}/entities/read",
    "query_entities": f"{TABLE}/entities/read",
    "create_entity": f"{TABLE}/entities/write",
    "update_entity": f"{TABLE}/entities/write",
    "upsert_entity": f"{TABLE}/entities/write",
    "delete_entity": f"{TABLE}/entities/delete",
}
# What the platform does in its name. As documented for host storage, triggers and Flex Consumption; not observed.
PLATFORM = {
    "host: locks and keys in containers of its own": [
        f"{BLOB}/write",
        f"{BLOB}/read",
        f"{BLOB}/blobs/write",
        f"{BLOB}/blobs/read",
    ],
    "host: fetch the package": [f"{BLOB}/blobs/read"],
    "host: write a dead letter": [f"{BLOB}/blobs/write"],
    "trigger: make and read its internal queue": [f"{QUEUE}/write", f"{QUEUE}/read", f"{QUEUE}/messages/write"],
    "trigger: take, lengthen, finish a message": [
        f"{QUEUE}/messages/process/action",
        f"{QUEUE}/messages/write",
        f"{QUEUE}/messages/delete",
    ],
    "scaling: count messages": [f"{QUEUE}/messages/read"],
    "host: diagnostic events": [f"{TABLE}/write", f"{TABLE}/read", f"{TABLE}/entities/write"],
    "settings: references into the vault": [f"{SECRET}/getSecret/action"],
    "telemetry": ["Microsoft.Insights/Telemetry/Write"],
}
# What azure-keyvault-keys calls, as tests/sign_in/test_key_vault.py sees it: it wraps with the public half, and asks
# the vault to only where it may not read that.
VAULT = {"get": f"{KEY}/read", "unwrapkey": f"{KEY}/unwrap/action", "wrapkey": f"{KEY}/wrap/action"}
IDENTITY = (
    "blobOwner",
    "queueContributor",
    "tableContributor",
    "secretsUser",
    "cryptoServiceEncryptionUser",
    "metricsPublisher",
)
_CLIENTS = ("container", "blob", "queue", "table", "client", "service")


@dataclass(frozen=True, slots=True)
class Grant:
    """One role assignment as Azure would have it; *scope* without what all ids of the group begin with."""

    who: str
    role: str
    scope: str


APP, OPERATOR = "the identity", "the operator"
SENDERS = [f"5e000000-0000-4000-8000-00000000000{each}" for each in (1, 2, 3)]
_WHO = {
    "1d000000-0000-4000-8000-000000000001": APP,
    "0e000000-0000-4000-8000-000000000001": OPERATOR,
    **dict.fromkeys(SENDERS, "senders"),
}


def granted(snapshot: Snapshot) -> set[Grant]:
    """Who has which role where. A custom role has the name under which it is deployed, without the account's."""
    names = {guid: name for name, (guid, _) in BUILT_IN.items()}
    names |= {
        each.name: each.at("roleName").rpartition("-")[0]
        for each in snapshot.of("Microsoft.Authorization/roleDefinitions")
    }
    return {
        Grant(
            _WHO[filled(each.at("principalId"), as_azure)],
            names[each.at("roleDefinitionId").rpartition("/")[2]],
            _short(each.scope),
        )
        for each in snapshot.of("Microsoft.Authorization/roleAssignments")
    }


def _short(scope: str) -> str:
    return "/".join(scope.removeprefix(f"{GROUP_ID}/providers/").split("/")[1:])


def of(snapshot: Snapshot, who: str) -> set[tuple[str, str]]:
    return {(each.role, each.scope) for each in granted(snapshot) if each.who == who}


ACCOUNT = "storageAccounts/todoattach42u5fvejh3pts"
VAULT_NAME = "vaults/kv-todoatt-42u5fvejh3pts"
COMPONENT = "components/appi-todoattach-42u5fvejh3pts"


def allows(role: str, action: str) -> bool:
    patterns = BUILT_IN[role][1]
    return any(re.fullmatch(re.escape(each).replace(r"\*", ".*"), action) for each in patterns)


def needed() -> set[str]:
    return {*APPLICATION.values(), *VAULT.values(), *(action for actions in PLATFORM.values() for action in actions)}


def test_the_identity_has_these_roles_in_these_places_and_no_other() -> None:
    always = {
        ("blobOwner", ACCOUNT),
        ("queueContributor", ACCOUNT),
        ("tableContributor", ACCOUNT),
        ("cryptoServiceEncryptionUser", f"{VAULT_NAME}/keys/accounts"),
        ("metricsPublisher", COMPONENT),
    }
    assert of(sample(), APP) == always
    # Only where the app proves itself by a secret does it read one: that one.
    assert of(every_option(), APP) == always | {("secretsUser", f"{VAULT_NAME}/secrets/entra-client-secret")}


def test_only_the_app_may_sign_for_the_account() -> None:
    """The operator's roles have the action too, but on containers, where it gives nothing. As documented; not seen."""
    for snapshot in (sample(), every_option()):
        at_the_account = {each for each in granted(snapshot) if each.scope == ACCOUNT}
        assert {each.who for each in at_the_account if allows(each.role, SIGN)} == {APP}
    assert allows("blobReader", SIGN)


def test_the_accounts_key_cannot_be_disabled_backed_up_or_signed_with_by_the_app() -> None:
    for action in ("update/action", "backup/action", "sign/action", "encrypt/action", "decrypt/action"):
        assert not any(allows(role, f"{KEY}/{action}") for role in IDENTITY)


def test_every_call_that_is_made_is_allowed() -> None:
    assert {action for action in needed() if not any(allows(role, action) for role in IDENTITY)} == set()


@pytest.mark.parametrize("role", IDENTITY)
def test_no_role_is_there_that_nothing_needs(role: str) -> None:
    others = [each for each in IDENTITY if each != role]
    assert {action for action in needed() if allows(role, action) and not any(allows(each, action) for each in others)}


@pytest.mark.parametrize(
    ("role", "smaller", "because"),
    [
        ("blobOwner", "blobReader", "set_blob_tags"),
        ("tableContributor", "tableReader", "create_entity"),
        ("queueContributor", "queueReader", "send_message"),
    ],
)
def test_a_smaller_role_would_not_do(role: str, smaller: str, because: str) -> None:
    assert allows(role, APPLICATION[because])
    assert not allows(smaller, APPLICATION[because])


def _methods_called(path: Path) -> set[str]:
    """Methods of Azure clients that a module calls: on self._container, a blob client, self._queue, self._table."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }


def _data_plane_methods() -> set[str]:
    """All methods of the Azure clients that send a request: the verbs that their names begin with."""
    from azure.data.tables import TableClient  # noqa: PLC0415
    from azure.storage.blob import BlobClient, BlobServiceClient, ContainerClient  # noqa: PLC0415
    from azure.storage.queue import QueueClient  # noqa: PLC0415

    verbs = (
        "get_",
        "set_",
        "list_",
        "download_",
        "upload_",
        "delete_",
        "create_",
        "update_",
        "upsert_",
        "query_",
        "send_",
        "receive_",
        "peek_",
        "clear_",
        "find_",
        "stage_",
        "commit_",
        "acquire_",
        "start_",
        "undelete_",
        "append_",
        "submit_",
        "walk_",
    )
    local = {"get_blob_client", "get_container_client", "get_table_client", "get_queue_client"}
    return {
        name
        for kind in (BlobClient, BlobServiceClient, ContainerClient, QueueClient, TableClient)
        for name in dir(kind)
        if name.startswith(verbs)
    } - local


def test_the_table_of_calls_is_what_the_code_calls() -> None:
    called: set[str] = set()
    for path in (ROOT / "shared").rglob("*.py"):
        called |= _methods_called(path) & _data_plane_methods()
    assert called == APPLICATION.keys()


def _custom_role(snapshot: Snapshot, name: str) -> list[str]:
    """The data actions of the custom role whose name begins so."""
    [role] = [
        each for each in snapshot.of("Microsoft.Authorization/roleDefinitions") if each.at("roleName").startswith(name)
    ]
    assert role.at("type") == "CustomRole"
    assert role.at("assignableScopes") == [GROUP_ID]
    [permissions] = role.at("permissions")
    assert [permissions[each] for each in ("actions", "notActions", "notDataActions")] == [[], [], []]
    actions: list[str] = permissions["dataActions"]
    return actions


def _sender_may(snapshot: Snapshot) -> list[str]:
    return _custom_role(snapshot, "todo-attach-sender")


def test_the_built_in_roles_are_the_published_ones() -> None:
    """A wrong digit would give another right, or stop the deployment after minutes."""
    assert module("roles")["variables"]["roles"] == {name: guid for name, (guid, _) in BUILT_IN.items()}


# What an operator's scripts ask of the data plane: the command, or the SDK's method -> actions of which one will do.
SCRIPTS = {
    "storage message peek": [f"{QUEUE}/messages/read"],
    "storage entity query": [f"{TABLE}/entities/read"],
    "storage entity show": [f"{TABLE}/entities/read"],
    "storage blob list": [f"{BLOB}/blobs/read"],  # of the dead letters
    "storage blob upload": [f"{BLOB}/blobs/write"],  # which overwrites the former test file
    "rest comp=tags": [f"{BLOB}/blobs/tags/read"],
    "keyvault secret list": [f"{SECRET}/readMetadata/action"],
    "keyvault secret set": [f"{SECRET}/setSecret/action"],
}


def test_the_table_of_the_scripts_calls_is_what_they_call() -> None:
    called: set[str] = set()
    for path in (ROOT / "scripts").glob("*.sh"):
        text = path.read_text(encoding="utf-8")
        called |= set(re.findall(r"\baz ((?:storage|keyvault secret|keyvault key) (?:\w+ )*\w+) --", text))
        called |= {"rest comp=tags"} if "comp=tags" in text else set()
    assert called == SCRIPTS.keys()


@pytest.mark.parametrize("call", SCRIPTS)
def test_the_operator_may_do_what_the_scripts_do_whatever_senders_may(call: str) -> None:
    """With a custom role, where senders may least; the roles without one are wider."""
    roles = {role for role, _ in of(every_option(), OPERATOR)}
    held = [each for each in _custom_role(every_option(), "todo-attach-operator") if "todo-attach-operator" in roles]
    enough = SCRIPTS[call]
    given = [action for action in enough for role in roles & BUILT_IN.keys() if allows(role, action)]
    assert given or set(enough) & set(held)


def test_without_a_custom_role_the_operator_reads_tags_and_senders_are_held_to_their_prefix_all_the_same() -> None:
    """Evaluated by hand: no snapshot is without the custom role."""
    variables = module("roles")["variables"]
    assert "variables('roles').blobOwner" in variables["operatorRoleId"]
    assert "variables('roles').blobContributor" in variables["senderRoleId"]
    assert allows("blobOwner", f"{BLOB}/blobs/tags/read")
    [condition] = re.findall(r"createArray\(\), createArray\(([^)]*)\)", variables["conditioned"])
    besides = ["write", "add/action", *re.findall(r"'([^']+)'", condition)]
    assert {f"{BLOB}/blobs/{each}" for each in besides} == {
        each for each in BUILT_IN["blobContributor"][1] if each.startswith(f"{BLOB}/blobs/")
    }


def test_trusted_senders_may_write_and_learn_the_outcome_and_no_more() -> None:
    assert _sender_may(sample()) == [f"{BLOB}/blobs/write", f"{BLOB}/blobs/tags/read", f"{BLOB}/blobs/filter/action"]


def test_strangers_create_files_and_neither_overwrite_edit_nor_find() -> None:
    """By the published meaning of the action: a blob that is not there yet. Not seen in Azure."""
    assert _sender_may(every_option()) == [f"{BLOB}/blobs/add/action"]


def test_a_rejection_names_the_owner_s_other_tasks_to_trusted_senders_only() -> None:
    setting = "TODO_ATTACH_REJECTIONS_NAME_OTHERS"
    assert [app_settings(each)[setting] for each in (sample(), every_option())] == ["true", "false"]


def test_where_senders_are_strangers_every_blob_request_is_logged() -> None:
    for snapshot, logged in ((sample(), False), (every_option(), True)):
        [setting] = [
            each
            for each in snapshot.of("Microsoft.Insights/diagnosticSettings")
            if each.scope.endswith("blobServices/default")
        ]
        assert {each["enabled"] for each in setting.at("logs")} == {logged}


def test_a_sender_who_is_held_to_a_prefix_writes_and_reads_tags_below_it_and_finds_nothing() -> None:
    [held] = [
        each for each in every_option().of("Microsoft.Authorization/roleAssignments") if "condition" in each.properties
    ]
    condition = held.at("condition")
    assert held.at("conditionVersion") == "2.0"
    for action in ("write", "add/action", "tags/read", "filter/action"):
        assert f"!(ActionMatches{{'{BLOB}/blobs/{action}'}})" in condition
    path = "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path]"
    assert condition.endswith(f" OR ({path} StringStartsWith 'alice/'))")
    # Whatever the role allows is named: an action that is not would be allowed everywhere.
    assert all(f"{{'{action}'}}" in condition for action in [*_sender_may(sample()), *_sender_may(every_option())])


def test_a_prefix_with_an_account_is_told_to_the_app_in_a_form_that_it_takes() -> None:
    """Storage holds the sender to the prefix, and the app gives what lies there to the account."""
    told = {each: app_settings(each())["TODO_ATTACH_PATH_ACCOUNTS"] for each in (sample, every_option)}
    assert told[sample] == ""
    assert parse_path_accounts(told[every_option]) == {"alice/": "5e000000-0000-4000-8000-00000000000a"}


def test_the_right_to_put_files_ends_at_the_container() -> None:
    container = f"{ACCOUNT}/blobServices/default/containers/attachments"
    assert of(every_option(), "senders") == {("todo-attach-sender", container)}
    assert of(sample(), "senders") == set()


def test_without_an_operator_nobody_looks() -> None:
    assert of(sample(), OPERATOR) == set()


def test_the_operator_looks_and_sends_and_reads_no_file() -> None:
    containers = f"{ACCOUNT}/blobServices/default/containers"
    assert of(every_option(), OPERATOR) == {
        ("queueReader", ACCOUNT),
        ("tableReader", ACCOUNT),
        ("blobReader", f"{containers}/dead-letters"),
        ("todo-attach-operator", f"{containers}/attachments"),
        ("secretsOfficer", VAULT_NAME),
    }


def test_every_assignment_names_the_principal_s_type_and_has_a_name_of_its_own() -> None:
    """Without the type, a new principal that has not spread yet fails the deployment."""
    assignments = every_option().of("Microsoft.Authorization/roleAssignments")
    assert {each.at("principalType") for each in assignments} <= {"User", "Group", "ServicePrincipal"}
    names = [filled(each.name, as_azure) for each in assignments]
    assert len(set(names)) == len(names)


def test_no_role_is_given_on_the_whole_resource_group() -> None:
    for each in every_option().of("Microsoft.Authorization/roleAssignments"):
        assert each.scope.startswith(f"{GROUP_ID}/providers/"), each.id
