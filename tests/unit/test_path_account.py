import pytest

from shared.core.path_account import parse_path_accounts


def test_a_json_object_says_whose_the_prefixes_are() -> None:
    text = '{"alice/": " alice@example.com ", "team/bob@example.com/": "5a000000-0000-4000-8000-00000000000b"}'
    assert parse_path_accounts(text) == {
        "alice/": "alice@example.com",
        "team/bob@example.com/": "5a000000-0000-4000-8000-00000000000b",
    }
    assert parse_path_accounts("{}") == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("alice/", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ('"alice/"', "it is not a JSON object"),
        ('[["alice/", "a"]]', "it is not a JSON object"),
        ('{"alice": "a"}', '"alice" is no prefix'),
        ('{"": "a"}', '"" is no prefix'),
        ('{"/alice/": "a"}', '"/alice/" is no prefix'),
        ('{"alice//": "a"}', '"alice//" is no prefix'),
        ('{"../alice/": "a"}', '"../alice/" is no prefix'),
        ('{"al ice/": "a"}', '"al ice/" is no prefix'),
        ('{"al\'ice/": "a"}', "is no prefix"),
        ('{"alice*/": "a"}', '"alice*/" is no prefix'),
        ('{"\u0430lice/": "a"}', "is no prefix"),
        ('{"from-page/": "a"}', '"from-page/" begins with from-page/, which is for what the page sends'),
        ('{"from-page/alice/": "a"}', '"from-page/alice/" begins with from-page/'),
        ('{"alice/": ""}', '"alice/" has no account'),
        ('{"alice/": {"x": "y"}}', '"alice/" has no account'),
        ('{"alice/": "a", "alice/": "b"}', '"alice/" is twice'),
        ('{"team/": "a", "team/bob/": "b"}', '"team/" begins "team/bob/"'),
        ('{"team/bob/": "b", "team/": "a"}', '"team/" begins "team/bob/"'),
    ],
    ids=lambda text: text[:30],
)
def test_what_does_not_say_whose_a_prefix_is_is_refused_with_the_reason(text: str, reason: str) -> None:
    found = parse_path_accounts(text)
    assert isinstance(found, str)
    assert found.startswith(reason) or reason in found
