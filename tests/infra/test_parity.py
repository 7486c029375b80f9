"""Code and infrastructure name the same things."""

import ast
import functools
import json
import math
import re
import subprocess
import sys
import tomllib
from typing import Any

import pytest

from local.stack.app_settings import WORKER_SETTINGS, telemetry_settings
from shared import settings
from shared.settings import CONNECTION, Settings
from tests.infra.bicep import INFRA, ROOT, Expression, Parameter, load

MAIN = load(INFRA / "main.bicep")
APP = load(INFRA / "modules/functionapp.bicep")
STORAGE = load(INFRA / "modules/storage.bicep")
HOST = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))

# Settings that Flex Consumption forbids, or by which a key would come in.
FORBIDDEN = {
    "AzureWebJobsStorage",
    CONNECTION,
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_EXTENSION_VERSION",
    "WEBSITE_RUN_FROM_PACKAGE",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "ENABLE_ORYX_BUILD",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
}
HOSTS_OWN = {
    *(
        f"AzureWebJobsStorage__{each}"
        for each in ("blobServiceUri", "queueServiceUri", "tableServiceUri", "credential", "clientId")
    ),
    # Of the triggers' connection, only the host reads this one.
    f"{CONNECTION}__credential",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    *telemetry_settings(""),
    *WORKER_SETTINGS,
}

# For an identity provider on the machine of the embedded stack.
NEVER_DEPLOYED = {"TODO_ATTACH_ENTRA_AUTHORITY", "TODO_ATTACH_ENTRA_CA_FILE"}


def application_settings() -> dict[str, Any]:
    params = MAIN.modules["functionApp"].body["params"]
    assert isinstance(params, dict)
    given = params["applicationSettings"]
    assert isinstance(given, dict)
    return dict(given)


def every_setting() -> list[str]:
    lists = [
        APP.variables[each] for each in ("connectionSettings", "telemetrySettings", "workerSettings", "addressSettings")
    ]
    named = [str(each["name"]) for many in lists if isinstance(many, list) for each in many if isinstance(each, dict)]
    return [*named, *application_settings()]


def read_by_the_code() -> set[str]:
    """Names that settings.py asks its reader for, and those that bindings name in percent signs."""
    tree = ast.parse((ROOT / "shared/settings.py").read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    bound = re.findall(r"%(\w+)%", (ROOT / "function_app.py").read_text(encoding="utf-8"))
    own = {text for text in texts if re.fullmatch(r"TODO_ATTACH_[A-Z_]+", text)}
    connection = {
        f"{CONNECTION}__{each}" for each in ("blobServiceUri", "queueServiceUri", "tableServiceUri", "clientId")
    }
    return {*own, *bound, *connection}


_LIST = """
import json, function_app
found = {each.get_function_name(): each.get_trigger().get_dict_repr() for each in function_app.app.get_functions()}
print(json.dumps(found, default=str))
"""


@functools.cache
def functions() -> dict[str, dict[str, Any]]:
    """Name and trigger of each function, as the worker indexes them. In another process: an app tells only once."""
    listed = subprocess.run([sys.executable, "-c", _LIST], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, dict[str, Any]] = json.loads(listed.stdout)
    return found


def test_the_app_has_exactly_the_settings_that_the_code_and_the_host_read() -> None:
    assert sorted(every_setting()) == sorted((read_by_the_code() - NEVER_DEPLOYED) | HOSTS_OWN)


def test_telemetry_is_set_up_as_in_the_embedded_stack() -> None:
    """There it is seen what these do, so that nobody has to find out in the cloud."""
    given = APP.variables["telemetrySettings"]
    assert isinstance(given, list)
    deployed = {str(each["name"]): each["value"] for each in given if isinstance(each, dict)}
    to_whom = {"APPLICATIONINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"}
    local = {name: value for name, value in telemetry_settings("").items() if name not in to_whom}
    assert {name: value for name, value in deployed.items() if name not in to_whom} == local


def test_no_setting_is_there_that_flex_consumption_forbids_or_that_holds_a_key() -> None:
    assert FORBIDDEN.isdisjoint(every_setting())


def test_both_connections_name_their_identity() -> None:
    """Without credential and clientId the host fails, silently, with a user-assigned identity."""
    for prefix in ("AzureWebJobsStorage", CONNECTION):
        assert {f"{prefix}__credential", f"{prefix}__clientId"} <= set(every_setting())


def test_the_triggers_connection_has_the_form_that_blob_clients_can_be_bound_by() -> None:
    """The extension for blob clients takes X, X__serviceUri or X__blobServiceUri; X__accountName is the host's."""
    assert f"{CONNECTION}__blobServiceUri" in every_setting()
    assert f"{CONNECTION}__accountName" not in every_setting()


def _as_environ(chosen: dict[str, str]) -> dict[str, str]:
    """The environment that a deployment makes of parameters: defaults, and what is *chosen* instead."""
    environ = {
        f"{CONNECTION}__blobServiceUri": "https://a.blob.example/",
        f"{CONNECTION}__queueServiceUri": "https://a.queue.example/",
        f"{CONNECTION}__tableServiceUri": "https://a.table.example/",
        f"{CONNECTION}__clientId": "an-id",
        **telemetry_settings(""),
    }
    for name, value in application_settings().items():
        parameter = _parameter(value)
        if parameter is not None:
            default = parameter.default
            text = (
                str(default).lower()
                if isinstance(default, bool)
                else str(default if default is not None else "a@b.example")
            )
            environ[name] = chosen.get(parameter.name, text)
    if "entraClientId" not in chosen:
        return environ | {"TODO_ATTACH_TOKENS": "{}"}
    # What the expressions of main.bicep and functionapp.bicep come to.
    return environ | {
        "TODO_ATTACH_CONNECT_URL": chosen.get("connectUrl", "https://func-a.azurewebsites.net/api"),
        "TODO_ATTACH_ENTRA_TENANT": chosen.get("entraTenant", "9a000000-0000-4000-8000-000000000001"),
        "TODO_ATTACH_ENTRA_CLIENT_SECRET": "a-secret" if chosen.get("entraProof") == "client-secret" else "",
        "TODO_ATTACH_ACCOUNTS_CONTAINER": str(MAIN.variables["accountsContainer"]),
        "TODO_ATTACH_ACCOUNTS_KEY": "https://kv-a.vault.azure.net/keys/accounts",
    }


def _parameter(value: Any) -> Parameter | None:
    text = value.text if isinstance(value, Expression) else ""
    found = re.fullmatch(r"(?:string\((\w+)\)|(\w+)(?: \? 'true' : 'false')?)", text)
    return MAIN.parameters.get(found[1] or found[2]) if found else None


def test_the_defaults_are_a_configuration_that_the_code_accepts() -> None:
    read = Settings.from_environ(_as_environ({}))
    assert (read.container, read.queue, read.table) == ("attachments", "upload-ranges", "uploads")
    assert read.limits.max_file_bytes == settings.MAX_FILE_BYTES
    assert read.telemetry


@pytest.mark.parametrize("proof", ["managed-identity", "client-secret"])
@pytest.mark.parametrize("tenant", ["", "organizations", "consumers", "common", "9b000000-0000-4000-8000-000000000002"])
def test_with_a_registration_people_sign_in(proof: str, tenant: str) -> None:
    chosen = {
        "entraClientId": "0f000000-0000-4000-8000-000000000001",
        "entraProof": proof,
        # Where several tenants may connect, the app does not start with a sign-in name.
        "defaultAccount": "5a000000-0000-4000-8000-00000000000a",
    }
    read = Settings.from_environ(_as_environ(chosen | ({"entraTenant": tenant} if tenant else {})))
    assert read.sign_in is not None
    assert (read.sign_in.proof, read.sign_in.url) == (proof, "https://func-a.azurewebsites.net/api")
    assert read.sign_in.tenant == (tenant or "9a000000-0000-4000-8000-000000000001")


def test_without_one_the_app_starts_and_nobody_has_an_account() -> None:
    read = Settings.from_environ(_as_environ({}))
    assert (read.sign_in, read.tokens) == (None, {})


def _edges() -> list[tuple[str, str]]:
    edges = []
    for value in application_settings().values():
        parameter = _parameter(value)
        if parameter is None:
            continue
        rules = [rule for rule in ("minValue", "maxValue") if rule in parameter.decorators]
        edges += [(parameter.name, str(parameter.decorators[rule])) for rule in rules]
        allowed = parameter.decorators.get("allowed")
        edges += [(parameter.name, str(each)) for each in allowed] if isinstance(allowed, list) else []
    return edges


@pytest.mark.parametrize(("parameter", "value"), _edges())
def test_what_a_parameter_allows_the_code_accepts(parameter: str, value: str) -> None:
    Settings.from_environ(_as_environ({parameter: value}))


def test_the_longest_requests_with_the_widest_margin_are_still_accepted() -> None:
    most = {
        each: str(MAIN.parameters[each].decorators["maxValue"])
        for each in ("requestDeadlineSeconds", "claimMarginSeconds")
    }
    Settings.from_environ(_as_environ(most))


def test_the_sweep_waits_longer_than_the_queue_s_lease() -> None:
    assert int(str(MAIN.parameters["stalledAfterSeconds"].decorators["minValue"])) > 600


def test_the_queues_are_those_of_the_triggers() -> None:
    read = _as_environ({})
    triggers = {
        re.sub(r"%(\w+)%", lambda found: read[found[1]], trigger["queueName"])
        for trigger in functions().values()
        if trigger["type"] == "queueTrigger"
    }
    params = MAIN.modules["storage"].body["params"]
    assert isinstance(params, dict)
    made = params["queueNames"]
    assert isinstance(made, list)
    queue = MAIN.parameters["queueName"].default
    texts = [getattr(literal, "text", literal) for literal in map(MAIN.literal, made)]
    names = {str(text).strip("'").replace("${queueName}", str(queue)) for text in texts}
    assert names == triggers == {"upload-ranges", "upload-ranges-poison", "webjobs-blobtrigger-poison"}


def test_every_trigger_uses_the_connection_that_is_deployed() -> None:
    used = {trigger["connection"] for trigger in functions().values() if "connection" in trigger}
    assert used == {CONNECTION}


def test_the_containers_are_made() -> None:
    text = (INFRA / "modules/storage.bicep").read_text(encoding="utf-8")
    assert "[attachmentsContainer, deploymentContainer, deadLettersContainer, accountsContainer]" in text
    named = {
        name: MAIN.literal(Expression(name, STORAGE.resources["account"].node))
        for name in ("attachmentsContainer", "deploymentContainer", "deadLettersContainer", "accountsContainer")
    }
    assert list(named.values()) == ["attachments", "deployment", "dead-letters", "accounts"]


def test_the_subscription_names_the_blob_trigger_s_function() -> None:
    [blob_trigger] = [name for name, trigger in functions().items() if trigger["type"] == "blobTrigger"]
    assert load(INFRA / "subscription.bicep").variables["functionName"] == f"Host.Functions.{blob_trigger}"


def test_the_warm_instance_is_for_a_function_that_exists() -> None:
    [named] = re.findall(r"'function:(\w+)'", (INFRA / "modules/functionapp.bicep").read_text(encoding="utf-8"))
    assert named in functions()


def test_the_python_of_the_app_is_the_project_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    deployed = MAIN.variables["pythonVersion"]
    assert project["project"]["requires-python"].startswith(f">={deployed},")


def test_the_worker_is_set_up_as_the_embedded_stack_s() -> None:
    workers = APP.variables["workerSettings"]
    assert isinstance(workers, list)
    assert {each["name"]: each["value"] for each in workers if isinstance(each, dict)} == WORKER_SETTINGS


def test_the_worker_has_a_thread_for_every_message_that_the_host_lets_in() -> None:
    queues = HOST["extensions"]["queues"]
    assert int(WORKER_SETTINGS["PYTHON_THREADPOOL_THREAD_COUNT"]) >= queues["batchSize"] + queues["newBatchThreshold"]


def test_the_host_is_given_less_time_than_a_claim_may_last() -> None:
    """A function that the host ends before its claim runs out leaves a claim, not a second sender."""
    hours, minutes, seconds = (int(part) for part in HOST["functionTimeout"].split(":"))
    assert math.isclose(hours * 3600 + minutes * 60 + seconds, 300)
    most = sum(
        int(str(MAIN.parameters[each].decorators["maxValue"]))
        for each in ("requestDeadlineSeconds", "claimMarginSeconds")
    )
    assert most <= 300
