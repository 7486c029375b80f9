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
from shared.my_files.sending import PUT_HEADERS
from shared.settings import CONNECTION, Settings
from tests.infra.deployed import (
    Snapshot,
    app_settings,
    as_azure,
    event_subscription,
    every_option,
    filled,
    parameters,
    sample,
    template,
)
from tests.infra.scripted import FUNCTIONS
from tests.infra.tools import ROOT

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
    "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT",
    "AzureWebJobsDisableHomepage",
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


def every_setting() -> list[str]:
    return list(sample().one("Microsoft.Web/sites/config").properties)


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
    to_whom = {"APPLICATIONINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"}
    local = {name: value for name, value in telemetry_settings("").items() if name not in to_whom}
    deployed = app_settings(sample())
    assert {name: deployed[name] for name in local} == local


def test_no_setting_is_there_that_flex_consumption_forbids_or_that_holds_a_key() -> None:
    assert FORBIDDEN.isdisjoint(every_setting())


def test_both_connections_name_their_identity() -> None:
    """Without credential and clientId the host fails, silently, with a user-assigned identity."""
    for snapshot in (sample(), every_option()):
        named = app_settings(snapshot).keys()
        for prefix in ("AzureWebJobsStorage", CONNECTION):
            assert {f"{prefix}__credential", f"{prefix}__clientId"} <= named


def test_the_host_can_be_told_its_storage_by_name_in_place_of_three_uris() -> None:
    """functions-host#11787: hosts that did not find their storage by URIs were helped by the name."""
    told = {name: value for name, value in app_settings(every_option()).items() if name.startswith("AzureWebJobsS")}
    assert told.pop("AzureWebJobsStorage__accountName") == "todoattach42u5fvejh3pts"
    assert told.keys() == {"AzureWebJobsStorage__credential", "AzureWebJobsStorage__clientId"}
    assert "AzureWebJobsStorage__accountName" not in app_settings(sample())


def test_a_request_cannot_bring_more_than_the_host_can_hold() -> None:
    """Five bodies of 25 MiB at once took a host's process to 1,255 MB; seen on a real host, not on Flex Consumption."""
    assert app_settings(sample())["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"] == "2097152"


def test_the_host_has_no_page_of_its_own() -> None:
    assert app_settings(sample())["AzureWebJobsDisableHomepage"] == "true"


def test_the_triggers_connection_has_the_form_that_blob_clients_can_be_bound_by() -> None:
    """The extension for blob clients takes X, X__serviceUri or X__blobServiceUri; X__accountName is the host's."""
    assert f"{CONNECTION}__blobServiceUri" in every_setting()
    assert f"{CONNECTION}__accountName" not in every_setting()


def _passed_on() -> dict[str, str]:
    """Setting -> the parameter of main.bicep that it is, by the template."""
    given = template()["resources"]["functionApp"]["properties"]["parameters"]["applicationSettings"]["value"]
    form = re.compile(r"\[(?:string\()?(?:if\()?parameters\('(\w+)'\)(?:\)|, 'true', 'false'\))?\]")
    found = {name: form.fullmatch(str(value)) for name, value in given.items()}
    return {name: match[1] for name, match in found.items() if match}


def _environ(chosen: dict[str, str], *, with_sign_in: bool = False) -> dict[str, str]:
    """The settings that a deployment makes: those of a snapshot, and what is *chosen* for parameters instead."""
    environ = app_settings(every_option() if with_sign_in else sample())
    passed = {parameter: setting for setting, parameter in _passed_on().items()}
    return environ | {passed[parameter]: value for parameter, value in chosen.items()}


def test_the_sample_is_a_configuration_that_the_code_accepts() -> None:
    read = Settings.from_environ(app_settings(sample()))
    assert (read.container, read.queue, read.table) == ("attachments", "upload-ranges", "uploads")
    assert read.storage.blob_uri == "https://todoattach42u5fvejh3pts.blob.core.windows.net/"
    assert read.limits.max_file_bytes == settings.MAX_FILE_BYTES
    assert (read.delete_attached, read.delete_sent) == (False, True)
    assert read.telemetry


def test_every_option_on_is_a_configuration_that_the_code_accepts() -> None:
    read = Settings.from_environ(app_settings(every_option()))
    assert read.sign_in is not None
    assert (read.sign_in.tenant, read.sign_in.client_credential) == ("common", "client-secret")
    assert read.sign_in.url == "https://Todo.Example.com/api"
    assert read.sign_in.key == "https://kv-todoatt-42u5fvejh3pts.vault.azure.net/keys/accounts"
    assert (read.delete_attached, read.delete_sent) == (True, False)
    assert read.read_back


@pytest.mark.infra
@pytest.mark.parametrize("tenant", ["organizations", "consumers", "common", "9b000000-0000-4000-8000-000000000002"])
def test_with_a_registration_people_of_any_kind_sign_in(tenant: str) -> None:
    read = Settings.from_environ(_environ({"entraTenant": tenant}, with_sign_in=True))
    assert read.sign_in is not None
    assert read.sign_in.tenant == tenant


def test_without_a_domain_of_its_own_people_reach_the_app_by_its_host_name() -> None:
    url = "https://func-todoattach-42u5fvejh3pts.azurewebsites.net/api"
    assert app_settings(sample())["TODO_ATTACH_CONNECT_URL"] == url


def test_without_one_the_app_starts_and_nobody_has_an_account() -> None:
    read = Settings.from_environ(app_settings(sample()))
    assert (read.sign_in, read.tokens) == (None, {})


@pytest.mark.infra
def test_what_a_parameter_allows_the_code_accepts() -> None:
    tried = 0
    for parameter in _passed_on().values():
        rules = parameters()[parameter]
        edges = [rules[rule] for rule in ("minValue", "maxValue") if rule in rules] + rules.get("allowedValues", [])
        for value in edges:
            with_sign_in = parameter.startswith("entra")
            chosen = {parameter: str(value)}
            environ = _environ(chosen, with_sign_in=with_sign_in)
            if chosen == {"entraClientCredential": "managed-identity"}:
                environ["TODO_ATTACH_ENTRA_CLIENT_SECRET"] = ""
            Settings.from_environ(environ)
            tried += 1
    assert tried > 20


@pytest.mark.infra
def test_the_longest_requests_with_the_widest_margin_are_still_accepted() -> None:
    names = ("requestDeadlineSeconds", "claimMarginSeconds")
    Settings.from_environ(_environ({each: str(parameters()[each]["maxValue"]) for each in names}))


@pytest.mark.infra
def test_the_sweep_waits_longer_than_the_queue_s_lease() -> None:
    assert parameters()["stalledAfterSeconds"]["minValue"] > 600


def _made(snapshot: Snapshot, kind: str) -> list[str]:
    return [each.name.rpartition("/")[2] for each in snapshot.of(f"Microsoft.Storage/storageAccounts/{kind}")]


def test_the_queues_are_those_of_the_triggers() -> None:
    named = app_settings(sample())
    triggers = {
        re.sub(r"%(\w+)%", lambda found: named[found[1]], trigger["queueName"])
        for trigger in functions().values()
        if trigger["type"] == "queueTrigger"
    }
    made = set(_made(sample(), "queueServices/queues"))
    assert made == triggers == {"upload-ranges", "upload-ranges-poison", "webjobs-blobtrigger-poison"}


def test_the_table_and_the_containers_of_the_settings_are_made() -> None:
    for snapshot in (sample(), every_option()):
        named = app_settings(snapshot)
        tables = {named["TODO_ATTACH_TABLE"], named["TODO_ATTACH_ACCOUNTS_TABLE"]}
        assert tables == set(_made(snapshot, "tableServices/tables"))
        containers = {named["TODO_ATTACH_CONTAINER"], named["TODO_ATTACH_ACCOUNTS_CONTAINER"]}
        assert containers | {"dead-letters", "deployment"} == set(_made(snapshot, "blobServices/containers"))


def test_the_scripts_are_tested_with_the_functions_that_there_are() -> None:
    """deploy.sh waits for those of function_app.py, and doctor.sh misses one that is not listed."""
    assert set(FUNCTIONS) == functions().keys()


def test_storage_takes_the_headers_that_browsers_are_told_to_send() -> None:
    for snapshot in (sample(), every_option()):
        [rule] = snapshot.one("Microsoft.Storage/storageAccounts/blobServices").at("cors.corsRules")
        assert set(rule["allowedHeaders"]) == PUT_HEADERS.keys()


def test_every_trigger_uses_the_connection_that_is_deployed() -> None:
    used = {trigger["connection"] for trigger in functions().values() if "connection" in trigger}
    assert used == {CONNECTION}


def test_events_go_to_the_blob_trigger_s_function_from_its_container() -> None:
    [(name, trigger)] = [each for each in functions().items() if each[1]["type"] == "blobTrigger"]
    subscription = event_subscription().one("Microsoft.EventGrid/systemTopics/eventSubscriptions")
    assert f"?functionName=Host.Functions.{name}&" in filled(
        subscription.at("destination.properties.endpointUrl"), as_azure
    )
    named = app_settings(sample())
    container = re.sub(r"%(\w+)%", lambda found: named[found[1]], trigger["path"]).partition("/")[0]
    begins = f"/blobServices/default/containers/{container}/blobs/"
    assert subscription.at("filter.subjectBeginsWith") == begins


def test_instances_can_be_kept_warm_for_every_group_that_scales_by_itself_and_are_for_none_by_default() -> None:
    warm = every_option().one("Microsoft.Web/sites").at("functionAppConfig.scaleAndConcurrency.alwaysReady")
    groups = {
        "blob",
        "http",
        *(f"function:{name}" for name, each in functions().items() if each["type"] == "queueTrigger"),
    }
    assert {each["name"] for each in warm} == groups
    idle = sample().one("Microsoft.Web/sites").at("functionAppConfig.scaleAndConcurrency.alwaysReady")
    assert idle == []


def test_the_python_of_the_app_is_the_project_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    deployed = sample().one("Microsoft.Web/sites").at("functionAppConfig.runtime.version")
    assert project["project"]["requires-python"].startswith(f">={deployed},")


def test_the_worker_is_set_up_as_the_embedded_stack_s() -> None:
    deployed = app_settings(sample())
    assert {name: deployed[name] for name in WORKER_SETTINGS} == WORKER_SETTINGS


def test_the_worker_has_a_thread_for_every_message_that_the_host_lets_in() -> None:
    queues = HOST["extensions"]["queues"]
    assert int(WORKER_SETTINGS["PYTHON_THREADPOOL_THREAD_COUNT"]) >= queues["batchSize"] + queues["newBatchThreshold"]


@pytest.mark.infra
def test_the_host_is_given_less_time_than_a_claim_may_last() -> None:
    """A function that the host ends before its claim runs out leaves a claim, not a second sender."""
    hours, minutes, seconds = (int(part) for part in HOST["functionTimeout"].split(":"))
    assert math.isclose(hours * 3600 + minutes * 60 + seconds, 300)
    most = sum(parameters()[each]["maxValue"] for each in ("requestDeadlineSeconds", "claimMarginSeconds"))
    assert most <= 300
