"""App settings: references, connections, disabled functions."""

import pytest

from local.stand_ins.functions.app_settings import AppSettings, SettingError


def test_references_are_replaced_wherever_they_stand() -> None:
    settings = AppSettings({"CONTAINER": "drop", "SUFFIX": "pdf"})

    assert settings.resolve("%CONTAINER%/{name}.%SUFFIX%") == "drop/{name}.pdf"


def test_a_reference_to_nothing_names_the_setting() -> None:
    with pytest.raises(SettingError, match="'SCHEDULE' is not set"):
        AppSettings({}).resolve("%SCHEDULE%")


def test_a_connection_is_looked_up_with_the_hosts_prefix_first() -> None:
    both = AppSettings({"AzureWebJobsDrop": "first", "Drop": "second"})

    assert both.connection_string("Drop") == "first"
    assert AppSettings({"Drop": "second"}).connection_string("Drop") == "second"


@pytest.mark.parametrize("setting", ["Drop__queueServiceUri", "Drop__accountName", "AzureWebJobsDrop__credential"])
def test_an_identity_connection_is_refused_by_name(setting: str) -> None:
    with pytest.raises(SettingError, match=setting):
        AppSettings({setting: "value"}).connection_string("Drop")


def test_a_connection_string_wins_over_an_identity() -> None:
    assert AppSettings({"Drop": "string", "Drop__accountName": "x"}).connection_string("Drop") == "string"


@pytest.mark.parametrize("name", ["AzureWebJobs.sweep.Disabled", "AzureWebJobs_sweep_Disabled"])
@pytest.mark.parametrize(("value", "disabled"), [("1", True), ("True", True), ("0", False), ("false", False)])
def test_a_function_is_disabled_by_its_setting(name: str, value: str, disabled: bool) -> None:
    settings = AppSettings({name: value})

    assert settings.is_disabled("sweep") is disabled
    assert not settings.is_disabled("other")
