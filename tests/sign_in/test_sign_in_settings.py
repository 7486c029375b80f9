"""The settings of sign-in: found wrong at once, and a token of one cloud never on its way to a host of another."""

import pytest

from shared.errors import SettingsError
from shared.settings import Settings, SignIn

REST = {
    "AttachmentStorage": "UseDevelopmentStorage=true",
    "TODO_ATTACH_CONTAINER": "attachments",
    "TODO_ATTACH_QUEUE": "upload-ranges",
    "TODO_ATTACH_TABLE": "uploads",
    "TODO_ATTACH_DEFAULT_ACCOUNT": "sam@example.com",
}
TENANT = "11111111-2222-4333-8444-555555555555"
OBJECT_ID = "5a000000-0000-4000-8000-00000000000a"
IN_THE_CLOUD = {
    **REST,
    "TODO_ATTACH_DEFAULT_ACCOUNT": OBJECT_ID,
    "TODO_ATTACH_ENTRA_CLIENT_ID": "0f000000-0000-4000-8000-000000000001",
    "TODO_ATTACH_CONNECT_URL": "https://app.azurewebsites.net/api",
    "TODO_ATTACH_ACCOUNTS_CONTAINER": "accounts",
    "TODO_ATTACH_ACCOUNTS_TABLE": "accountkeys",
    "TODO_ATTACH_ACCOUNTS_KEY": "https://vault.vault.azure.net/keys/accounts",
}
ON_THIS_MACHINE = {
    **IN_THE_CLOUD,
    "TODO_ATTACH_GRAPH_ROOT": "http://127.0.0.1:4711/v1.0",
    "TODO_ATTACH_CONNECT_URL": "http://127.0.0.1:7071/api",
    "TODO_ATTACH_ENTRA_AUTHORITY": "https://localhost:4712",
    "TODO_ATTACH_ENTRA_CA_FILE": "/somewhere/ca.pem",
    "TODO_ATTACH_ACCOUNTS_KEY": "/somewhere/accounts.key",
}


def sign_in(environ: dict[str, str]) -> SignIn:
    settings = Settings.from_environ(environ)
    assert settings.sign_in is not None
    assert settings.tokens == {}
    return settings.sign_in


def mistakes(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environ(environ)
    return refused.value.mistakes


def test_in_the_cloud_the_rest_follows() -> None:
    found = sign_in(IN_THE_CLOUD)
    assert found.client_credential == "managed-identity"
    assert found.tenant == "organizations"
    assert found.authority == "https://login.microsoftonline.com"
    assert found.scope == "https://graph.microsoft.com/Tasks.ReadWrite"


@pytest.mark.parametrize(
    ("root", "vault", "authority", "scope"),
    [
        ("https://graph.microsoft.us/v1.0", "usgovcloudapi.net", ".us", "https://graph.microsoft.us/Tasks.ReadWrite"),
        (
            "https://dod-graph.microsoft.us/v1.0",
            "usgovcloudapi.net",
            ".us",
            "https://dod-graph.microsoft.us/Tasks.ReadWrite",
        ),
        ("https://graph.microsoft.com/v1.0", "azure.net", ".com", "https://graph.microsoft.com/Tasks.ReadWrite"),
    ],
)
def test_each_cloud_has_its_own_authority_scope_and_vaults(root: str, vault: str, authority: str, scope: str) -> None:
    key = {"TODO_ATTACH_ACCOUNTS_KEY": f"https://vault.vault.{vault}/keys/accounts"}
    found = sign_in({**IN_THE_CLOUD, **key, "TODO_ATTACH_GRAPH_ROOT": root})
    assert found.authority == f"https://login.microsoftonline{authority}"
    assert found.scope == scope


def test_a_stack_on_this_machine_has_its_own_identity_provider_and_key_file() -> None:
    found = sign_in(ON_THIS_MACHINE)
    assert found.authority == "https://localhost:4712"
    assert found.scope == "http://127.0.0.1:4711/Tasks.ReadWrite"
    assert found.ca_file == "/somewhere/ca.pem"


def test_one_of_the_two_ways_must_be_chosen_and_not_both() -> None:
    assert any("TODO_ATTACH_ENTRA_CLIENT_ID" in each for each in mistakes(REST))
    both = mistakes({**IN_THE_CLOUD, "TODO_ATTACH_TOKENS": '{"sam@example.com": "secret-token"}'})
    assert len(both) == 1
    assert "people sign in" in both[0]
    assert "secret-token" not in both[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TODO_ATTACH_ENTRA_AUTHORITY", "https://login.microsoftonline.us"),
        ("TODO_ATTACH_ENTRA_AUTHORITY", "https://localhost:4712"),
        ("TODO_ATTACH_ENTRA_CA_FILE", "/somewhere/ca.pem"),
        ("TODO_ATTACH_ENTRA_TENANT", "everybody"),
        ("TODO_ATTACH_ENTRA_TENANT", "common/../other"),
        ("TODO_ATTACH_ENTRA_TENANT", "contoso.example"),
        ("TODO_ATTACH_ENTRA_CLIENT_CREDENTIAL", "trust me"),
        ("TODO_ATTACH_ENTRA_CLIENT_SECRET", "secret-of-nobody"),
        ("TODO_ATTACH_CONNECT_URL", "http://app.azurewebsites.net/api"),
        ("TODO_ATTACH_CONNECT_URL", "https://user@app.azurewebsites.net/api"),
        ("TODO_ATTACH_CONNECT_URL", "https://app.azurewebsites.net/api?x=1"),
        ("TODO_ATTACH_CONNECT_URL", ""),
        ("TODO_ATTACH_CONNECT_URL", "https://app.azurewebsites.net\\.evil.example/api"),
        ("TODO_ATTACH_CONNECT_URL", "https://app.azure\nwebsites.net/api"),
        ("TODO_ATTACH_CONNECT_URL", "https://app.azurewebsites.net/<script>"),
        ("TODO_ATTACH_CONNECT_URL", "https://app.azurewebsites.net/api;frame-ancestors"),
        ("TODO_ATTACH_CONNECT_URL", "https://app.azurewebsites.net/api#"),
        ("TODO_ATTACH_ACCOUNTS_KEY", "https://evil.example\\.vault.azure.net/keys/accounts"),
        ("TODO_ATTACH_ACCOUNTS_KEY", "https://evil.example/%2e.vault.azure.net/keys/accounts"),
        ("TODO_ATTACH_ACCOUNTS_KEY", "https://vault.vault.azure.net.example/keys/accounts"),
        ("TODO_ATTACH_ACCOUNTS_KEY", "https://vault.vault.usgovcloudapi.net/keys/accounts"),
        ("TODO_ATTACH_ACCOUNTS_KEY", "https://vault.vault.azure.net/secrets/accounts"),
        ("TODO_ATTACH_ACCOUNTS_KEY", "https://vault.vault.azure.net/keys/../secrets/x"),
        ("TODO_ATTACH_ACCOUNTS_KEY", "relative.key"),
        ("TODO_ATTACH_ACCOUNTS_CONTAINER", "No"),
        ("TODO_ATTACH_ACCOUNTS_TABLE", "account-keys"),
    ],
)
def test_a_mistake_is_named_with_a_remedy_and_no_secret(name: str, value: str) -> None:
    (mistake,) = mistakes({**IN_THE_CLOUD, name: value})
    assert mistake.startswith(name)
    assert "secret-of-nobody" not in mistake


@pytest.mark.parametrize(
    "authority",
    [
        "",
        "http://localhost:4712",
        "https://login.microsoftonline.com",
        "https://localhost.example",
        "https://localhost:4712/elsewhere",
        "https://localhost\\@evil.example",
    ],
)
def test_a_graph_on_this_machine_takes_no_identity_provider_elsewhere(authority: str) -> None:
    (mistake,) = mistakes({**ON_THIS_MACHINE, "TODO_ATTACH_ENTRA_AUTHORITY": authority})
    assert mistake.startswith("TODO_ATTACH_ENTRA_AUTHORITY")


def test_a_client_secret_is_there_exactly_where_it_is_the_client_credential() -> None:
    with_secret = {**IN_THE_CLOUD, "TODO_ATTACH_ENTRA_CLIENT_CREDENTIAL": "client-secret"}
    assert mistakes(with_secret)[0].startswith("TODO_ATTACH_ENTRA_CLIENT_SECRET")
    found = sign_in({**with_secret, "TODO_ATTACH_ENTRA_CLIENT_SECRET": "a-secret"})
    assert found.client_secret == "a-secret"
    assert "a-secret" not in repr(found)


@pytest.mark.parametrize("tenant", ["", "organizations", "common", "COMMON"])
@pytest.mark.parametrize("account", ["sam@example.com", "sam", "\u017fam@example.com"])
def test_where_several_tenants_may_connect_the_default_account_is_an_object_id(tenant: str, account: str) -> None:
    """Otherwise an administrator of any tenant could make an account of that name, and connect it first."""
    several = {**IN_THE_CLOUD, "TODO_ATTACH_ENTRA_TENANT": tenant}
    (mistake,) = mistakes({**several, "TODO_ATTACH_DEFAULT_ACCOUNT": account})
    assert mistake.startswith("TODO_ATTACH_DEFAULT_ACCOUNT")
    assert "object id" in mistake
    for object_id in (OBJECT_ID, OBJECT_ID.upper()):
        assert sign_in({**several, "TODO_ATTACH_DEFAULT_ACCOUNT": object_id}).tenant in {"organizations", "common"}


@pytest.mark.parametrize("tenant", [TENANT, "consumers"])
def test_where_one_tenant_may_connect_a_sign_in_name_will_do_if_a_file_can_name_it(tenant: str) -> None:
    one = {**IN_THE_CLOUD, "TODO_ATTACH_ENTRA_TENANT": tenant}
    assert sign_in({**one, "TODO_ATTACH_DEFAULT_ACCOUNT": "sam@example.com"}).tenant == tenant
    (mistake,) = mistakes({**one, "TODO_ATTACH_DEFAULT_ACCOUNT": "s\u00e4m@example.com"})
    assert "not ASCII" in mistake


def test_a_prefix_belongs_to_an_object_id_where_several_tenants_may_connect() -> None:
    """As the default account: whoever connects first under a name would get what is put there."""
    (mistake,) = mistakes({**IN_THE_CLOUD, "TODO_ATTACH_PATH_ACCOUNTS": '{"sam/": "sam@example.com"}'})
    assert mistake.startswith("TODO_ATTACH_PATH_ACCOUNTS")
    assert "object id" in mistake
    by_id = Settings.from_environ({**IN_THE_CLOUD, "TODO_ATTACH_PATH_ACCOUNTS": f'{{"sam/": "{OBJECT_ID}"}}'})
    assert by_id.path_accounts == {"sam/": OBJECT_ID}


def test_without_sign_in_the_default_account_is_any_text() -> None:
    static = {**REST, "TODO_ATTACH_TOKENS": "{}", "TODO_ATTACH_DEFAULT_ACCOUNT": "sam@example.com"}
    assert Settings.from_environ(static).default_account == "sam@example.com"
