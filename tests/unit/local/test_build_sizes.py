"""Sizes of what was built."""

from pathlib import Path

import pytest

from callboard_local import build_sizes

TEMPLATE = """
Globals:
  Function:
    Layers: [!Ref Shared]
Resources:
  Shared: {Type: "AWS::Serverless::LayerVersion", Properties: {ContentUri: Shared}}
  Big: {Type: "AWS::Serverless::LayerVersion", Properties: {ContentUri: Big}}
  Small: {Type: "AWS::Serverless::Function", Properties: {CodeUri: Small}}
  Large:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: Large, Layers: [!Ref Shared, !Ref Big]}
  Queue: {Type: "AWS::SQS::Queue"}
"""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    for folder, size in {"Shared/python": 100, "Big/python": 1000, "Small": 1, "Large": 10}.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "content").write_bytes(b"x" * size)
    return tmp_path


def test_a_function_counts_with_its_own_layers_or_those_of_all(build: Path) -> None:
    assert build_sizes.of_functions(build) == {"Large": 1110, "Small": 101}


def test_the_largest_comes_first(build: Path) -> None:
    assert list(build_sizes.of_functions(build)) == ["Large", "Small"]


def test_what_lambda_would_not_take_is_a_failure_that_names_it(
    build: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build_sizes, "BUILD", build)
    build_sizes.main()
    monkeypatch.setattr(build_sizes, "MAX_BYTES", 500)

    with pytest.raises(SystemExit, match="Large"):
        build_sizes.main()

    assert "Small" in capsys.readouterr().out
