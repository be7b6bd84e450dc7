"""``heatpose serve``: its options, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from click.testing import CliRunner

from heatpose import service
from heatpose.cli import main, serve
from service_support import Bodies


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command would have served."""
    seen: dict[str, Any] = {}

    def load(names: Any, weights: Any, **options: Any) -> list[service.ServedModel]:
        seen.update(names=names, weights=weights, **options)
        return [service.ServedModel("planted", "body", Bodies())]

    def run(models: Any, settings: service.Settings, *, access_log: bool) -> None:
        seen.update(settings=settings, access_log=access_log)

    monkeypatch.setattr(serve, "load_models", load)
    monkeypatch.setattr(service, "run", run)
    monkeypatch.delenv("HEATPOSE_API_KEY", raising=False)
    return seen


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["serve", *arguments])


def test_the_defaults_are_for_this_machine(served: dict[str, Any]) -> None:
    answer = run()
    assert answer.exit_code == 0, answer.output
    assert "http://127.0.0.1:8000 serves planted (body)" in answer.output
    settings = served["settings"]
    assert settings == service.Settings()
    assert settings.loopback and not served["access_log"]


def test_options_become_settings(served: dict[str, Any], tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("open sesame\n")
    answer = run(
        *("--paddlehub", "--host", "0.0.0.0", "--api-key-file", str(key), "--max-batch", "4"),
        *("--batch-wait", "5", "--max-body", "1", "--max-pixels", "1000", "--max-queue", "7"),
        *("--deadline", "3", "--allow-host", "poses.example", "--model", "a", "--model", "b"),
    )
    assert answer.exit_code == 0, answer.output
    assert "sesame" not in answer.output
    assert served["names"] == ("a", "b") and served["batch_size"] == 4
    assert served["settings"] == service.Settings(
        host="0.0.0.0",
        port=8866,
        api_key="open sesame",
        hosts=("poses.example",),
        max_batch=4,
        batch_wait=0.005,
        max_body_bytes=1 << 20,
        max_pixels=1000,
        max_queue=7,
        deadline=3.0,
    )


def test_the_key_of_the_environment(
    served: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEATPOSE_API_KEY", "swordfish")
    assert run("--port", "9000").exit_code == 0
    assert (served["settings"].api_key, served["settings"].port) == ("swordfish", 9000)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--weights", "body"), "TASK=FILE"),
        (("--weights", "cat=x"), "TASK=FILE"),
        (("--weights", "body=nothing.pth"), "no such file"),
        (("--model", "no-such-model"), "--model"),
        (("--batch-wait", "nan"), "not a number"),
        (("--port", "0"), "--port"),
    ],
)
def test_wrong_options(arguments: tuple[str, ...], word: str) -> None:
    answer = run(*arguments)
    assert answer.exit_code == 2 and word in answer.output


def test_an_empty_key_is_no_key(served: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "key").write_text(" \n")
    answer = run("--api-key-file", str(tmp_path / "key"))
    assert answer.exit_code == 2 and "empty" in answer.output
